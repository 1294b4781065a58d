// Commands started for the host (RUN): at most MAX_RUNS at a time, output only while the host's credit lasts.
#ifndef RINGSIDE_RUN_H
#define RINGSIDE_RUN_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_RUNS = 32, FIRST_CREDIT = 65536, MAX_COMMAND = 65536 };

void run_more(uint16_t id, const uint8_t *part, size_t length);
void run_start(uint16_t id, const uint8_t *last, size_t length);
void run_kill(uint16_t id, int signal);
void run_reap(void);
// Returns 1 when id is a run.
int run_credit(uint16_t id, uint32_t bytes);
// Fills in what to wait for; returns the number of entries (at most 2 * MAX_RUNS).
int run_poll(struct pollfd *polls);
// Moves output to the wire for each readable pipe, while the wire has room.
void run_step(void);

static inline uint32_t add_credit(uint32_t credit, uint32_t more) {
  return more > 0x40000000u - credit ? 0x40000000u : credit + more;
}

#endif
