// What makes one machine differ from another that started from the same state: host name, clock, random seed, MAC, machine-id.
#ifndef RINGSIDE_IDENTITY_H
#define RINGSIDE_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

struct identity {
  char hostname[65], timezone[64], machine_id[33];
};

// Applies the `key=value` lines of GO or IDENTITY that need no file system, and fills in the rest. Unknown keys are ignored.
void apply_identity(const uint8_t *lines, size_t length, struct identity *identity);
// Once / is as it will stay: host name, /etc/hostname, /etc/machine-id, /etc/localtime.
void settle_identity(const struct identity *identity);
void set_terminal_size(unsigned columns, unsigned rows);
// Reads a small text file without its last newline; returns its length, 0 when there is none.
size_t read_text(const char *path, char *text, size_t room);

#endif
