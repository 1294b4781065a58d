// The agent's serial port in raw mode. See wire.h.
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { OUTPUT = 16 * MAX_WIRE };

static int fd = -1;
static struct decoder decoder;
static uint8_t input[4096];
static size_t input_at, input_length;
static uint8_t output[OUTPUT];
static size_t output_at, output_length;

void wire_open(const char *path) {
  fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return;
  struct termios t;
  if (tcgetattr(fd, &t) == 0) {
    cfmakeraw(&t);
    t.c_cflag |= CLOCAL | CREAD;
    cfsetspeed(&t, B115200);
    tcsetattr(fd, TCSANOW, &t);
  }
}

int wire_fd(void) { return fd; }
uint32_t wire_dropped(void) { return decoder.dropped; }
int wire_room(void) { return (int)((OUTPUT - output_length) / MAX_WIRE); }
int wire_pending(void) { return output_length > 0; }

void wire_send(uint8_t type, uint16_t id, const void *payload, size_t length) {
  if (length > MAX_PAYLOAD || OUTPUT - output_length < MAX_WIRE) return;
  if (output_at > 0 && output_at + output_length + MAX_WIRE > OUTPUT) {
    memmove(output, output + output_at, output_length);
    output_at = 0;
  }
  output_length += encode(output + output_at + output_length, type, id, payload, length);
}

void wire_error(uint16_t id, int error) {
  uint8_t payload[256];
  const char *text = strerror(error);
  size_t length = strnlen(text, sizeof payload - 4);
  put32(payload, (uint32_t)error);
  memcpy(payload + 4, text, length);
  wire_send(ERROR, id, payload, 4 + length);
}

void wire_flush(void) {
  while (output_length > 0) {
    ssize_t n = write(fd, output + output_at, output_length);
    if (n <= 0) return;  // full for now, or no port: the caller polls
    output_at += (size_t)n;
    output_length -= (size_t)n;
  }
  output_at = 0;
}

int wire_receive(int reserve, void (*take)(uint8_t, uint16_t, const uint8_t *, size_t)) {
  for (;;) {
    while (input_at < input_length) {
      if (wire_room() < reserve) return 1;
      if (!decode(&decoder, input[input_at++])) continue;
      const uint8_t *f = decoder.frame;
      take(f[0], get16(f + 1), f + FRAME_HEADER, decoder.length - FRAME_HEADER);
      decoder.length = 0;
    }
    ssize_t n = read(fd, input, sizeof input);
    if (n <= 0) return 0;
    input_at = 0;
    input_length = (size_t)n;
  }
}
