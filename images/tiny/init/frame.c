// SLIP (RFC 1055) in both directions. See frame.h.
#include "frame.h"

#include <string.h>

enum { END = 0xC0, ESC = 0xDB, ESC_END = 0xDC, ESC_ESC = 0xDD };

int decode(struct decoder *d, uint8_t byte) {
  if (byte == END) {
    int complete = d->length >= FRAME_HEADER && !d->spoiled && !d->escaped;
    if (!complete && (d->length > 0 || d->spoiled || d->escaped)) d->dropped++;
    d->escaped = d->spoiled = 0;
    if (!complete) d->length = 0;
    // A complete frame keeps its length for the caller, who sets it to 0 when done with it.
    return complete;
  }
  if (d->escaped) {
    d->escaped = 0;
    if (byte == ESC_END) byte = END;
    else if (byte == ESC_ESC) byte = ESC;
    else d->spoiled = 1;
  } else if (byte == ESC) {
    d->escaped = 1;
    return 0;
  }
  if (d->length == MAX_FRAME) d->spoiled = 1;
  if (!d->spoiled) d->frame[d->length++] = byte;
  return 0;
}

static uint8_t *escape(uint8_t *to, const uint8_t *from, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (from[i] == END) *to++ = ESC, *to++ = ESC_END;
    else if (from[i] == ESC) *to++ = ESC, *to++ = ESC_ESC;
    else *to++ = from[i];
  }
  return to;
}

size_t encode(uint8_t *wire, uint8_t type, uint16_t id, const void *payload, size_t length) {
  const uint8_t header[FRAME_HEADER] = {type, (uint8_t)id, (uint8_t)(id >> 8)};
  uint8_t *to = wire;
  *to++ = END;
  to = escape(to, header, sizeof header);
  to = escape(to, payload, length);
  *to++ = END;
  return (size_t)(to - wire);
}
