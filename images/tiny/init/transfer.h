// Files read (READ) and written (WRITE, WRITE_DATA, WRITE_END) for the host.
#ifndef RINGSIDE_TRANSFER_H
#define RINGSIDE_TRANSFER_H

#include <stddef.h>
#include <stdint.h>

void read_start(uint16_t id, const uint8_t *path, size_t length);
int read_credit(uint16_t id, uint32_t bytes);
// Sends one piece of each file that has credit; returns 1 when there is more to send at once.
int read_step(void);

void write_start(uint16_t id, const uint8_t *payload, size_t length);
void write_data(uint16_t id, const uint8_t *bytes, size_t length);
void write_end(uint16_t id);

#endif
