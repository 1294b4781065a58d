// The agent's serial port: frames in, frames out, neither ever blocking.
#ifndef RINGSIDE_WIRE_H
#define RINGSIDE_WIRE_H

#include "frame.h"

// Opens the port in raw mode; ends the process with a message when there is none.
void wire_open(const char *path);
int wire_fd(void);
// Puts a frame into the output buffer. The caller has asked wire_room() before.
void wire_send(uint8_t type, uint16_t id, const void *payload, size_t length);
void wire_error(uint16_t id, int error);
// Number of frames of full length that the output buffer still takes.
int wire_room(void);
int wire_pending(void);
void wire_flush(void);
// Reads what has arrived and calls take() for each frame while at least `reserve` frames of output room are left.
// Returns 1 when bytes are kept back for want of room.
int wire_receive(int reserve, void (*take)(uint8_t type, uint16_t id, const uint8_t *payload, size_t length));
uint32_t wire_dropped(void);

#endif
