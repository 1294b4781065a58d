// Frames of the agent's wire: SLIP (RFC 1055) around `type u8, id u16 LE, payload`.
// Multi-byte numbers are little-endian; this program runs on i386 only, but reads them byte by byte.
#ifndef RINGSIDE_FRAME_H
#define RINGSIDE_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_PAYLOAD = 2048, FRAME_HEADER = 3, MAX_FRAME = FRAME_HEADER + MAX_PAYLOAD };
// Every byte escaped, and an END on either side.
enum { MAX_WIRE = 2 * MAX_FRAME + 2 };

enum {
  HELLO = 0x01, RUN = 0x02, RUN_MORE = 0x03, KILL = 0x04, READ = 0x05, WRITE = 0x06, WRITE_DATA = 0x07,
  WRITE_END = 0x08, GO = 0x0A, RESIZE = 0x0B, CREDIT = 0x0C, IDENTITY = 0x0D,
  STATUS = 0x81, STDOUT = 0x82, STDERR = 0x83, EXIT = 0x84, DATA = 0x85, DONE = 0x86, ERROR = 0x8F,
};

// Takes bytes from the wire and gives whole frames.
struct decoder {
  uint8_t frame[MAX_FRAME];
  size_t length;
  int escaped, spoiled;
  uint32_t dropped;  // frames too long, too short or with a bad escape
};

// Feeds one byte; returns 1 when frame[0..length) is a complete frame. The caller then sets length to 0.
int decode(struct decoder *decoder, uint8_t byte);

// Writes one frame to wire, which has room for MAX_WIRE bytes; returns its length there.
size_t encode(uint8_t *wire, uint8_t type, uint16_t id, const void *payload, size_t length);

static inline uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t get32(const uint8_t *p) { return get16(p) | (uint32_t)get16(p + 2) << 16; }
static inline void put32(uint8_t *p, uint32_t v) {
  for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> 8 * i);
}

#endif
