// The guest agent: one loop over the port and the pipes of what it runs; nothing in it waits for a single run.
#define _GNU_SOURCE
#include "agent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "nic.h"
#include "run.h"
#include "transfer.h"
#include "wire.h"

static const char *root_kind = "", *root_error = "";
static int running, ready, gone;
static struct identity *waiting_identity;
static uint16_t go_id;

static void send_status(uint16_t id) {
  char text[MAX_PAYLOAD], name[65] = "", boot[64] = "";
  struct utsname kernel;
  uname(&kernel);
  gethostname(name, sizeof name - 1);
  // Not before GO: the kernel makes boot_id at its first reading, and a state taken at stage wait would carry it along.
  if (running) read_text("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
  int n = snprintf(text, sizeof text,
                   "version=1\nstage=%s\nready=%d\nagent=%d\nhostname=%s\nboot_id=%s\nkernel=%s\nroot=%s\nerror=%s\ndropped=%u\n",
                   running ? "run" : "wait", ready, (int)getpid(), name, boot, kernel.release, root_kind, root_error,
                   wire_dropped());
  n += (int)list_nics(text + n, sizeof text - (size_t)n);
  wire_send(STATUS, id, text, (size_t)n);
}

static void send_done(uint16_t id) {
  static const uint8_t zero[4];
  wire_send(DONE, id, zero, sizeof zero);
}

static void take(uint8_t type, uint16_t id, const uint8_t *p, size_t length) {
  if (!running && type != HELLO && type != GO) return wire_error(id, EAGAIN);
  switch (type) {
    case HELLO: return send_status(id);
    case RUN: return run_start(id, p, length);
    case RUN_MORE: return run_more(id, p, length);
    case KILL: if (length == 1) run_kill(id, p[0]); return;
    case READ: return read_start(id, p, length);
    case WRITE: return write_start(id, p, length);
    case WRITE_DATA: return write_data(id, p, length);
    case WRITE_END: return write_end(id);
    case CREDIT: if (length == 4 && !run_credit(id, get32(p))) read_credit(id, get32(p)); return;
    case GO:
      if (running || gone) return wire_error(id, EALREADY);
      apply_identity(p, length, waiting_identity);
      go_id = id;
      gone = 1;
      return;
    case RESIZE:
      if (length != 4) return wire_error(id, EINVAL);
      set_terminal_size(get16(p), get16(p + 2));
      return send_done(id);
    case IDENTITY: {
      struct identity identity = {0};
      apply_identity(p, length, &identity);
      settle_identity(&identity);
      return send_done(id);
    }
    default: return wire_error(id, ENOSYS);
  }
}

void wait_for_go(struct identity *identity, uint16_t *id) {
  waiting_identity = identity;
  send_status(0);
  while (!gone) {
    wire_flush();
    struct pollfd port = {wire_fd(), (short)(POLLIN | (wire_pending() ? POLLOUT : 0)), 0};
    poll(&port, 1, -1);
    wire_receive(2, take);
  }
  *id = go_id;
}

void answer_go(uint16_t id) { send_done(id); }

static void look_for_ready(void) {
  if (ready || access("/run/ringside-ready", F_OK)) return;
  ready = 1;
  if (wire_room() > 0) send_status(0);
}

_Noreturn void serve(const char *root, const char *error) {
  running = 1;
  root_kind = root;
  root_error = error;
  ready = access("/run/ringside-ready", F_OK) == 0;
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, NULL);
  int children = signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC);
  int notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  inotify_add_watch(notify, "/run", IN_CREATE | IN_MOVED_TO);
  const int ignored[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  send_status(0);
  for (int held = 0;;) {
    struct pollfd polls[3 + 2 * MAX_RUNS] = {{children, POLLIN, 0}, {notify, POLLIN, 0}};
    char discard[1024];
    wire_flush();
    int more = read_step();
    polls[2] = (struct pollfd){wire_fd(), (short)((held ? 0 : POLLIN) | (wire_pending() ? POLLOUT : 0)), 0};
    int count = 3 + (wire_room() > 4 ? run_poll(polls + 3) : 0);
    poll(polls, (nfds_t)count, more || (held && !wire_pending()) ? 0 : -1);
    while (read(children, discard, sizeof discard) > 0) {}
    while (read(notify, discard, sizeof discard) > 0) {}
    run_reap();
    look_for_ready();
    held = wire_receive(3, take);
    run_step();
  }
}
