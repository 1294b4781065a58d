// Network interfaces: their names and hardware addresses.
#ifndef RINGSIDE_NIC_H
#define RINGSIDE_NIC_H

#include <stddef.h>

// Renames the PCI NICs to ens33, ens34, … in PCI order, all down, and brings the loopback up.
void name_nics(void);
// Gives the n-th NIC a hardware address ("00:0c:29:2d:2e:6b"); 0 or an errno.
int set_mac(int n, const char *text);
// Writes one `nic=` line for each PCI NIC; returns the length written, never more than room.
size_t list_nics(char *text, size_t room);

#endif
