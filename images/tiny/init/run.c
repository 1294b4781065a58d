// Commands started for the host. See run.h.
#define _GNU_SOURCE
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire.h"

struct run {
  int used;
  uint16_t id;
  pid_t pid;       // of the shell, which leads its own session and process group; 0 once it has ended
  int status;
  uint32_t credit;
  int pipe[2];     // standard output, standard error; -1 when closed
  int left[2];     // after the shell's end: bytes that were in the pipe then; a background child may go on writing
};

// A command that comes in several frames.
struct part {
  int used;
  uint16_t id;
  char *text;
  size_t length;
};

static struct run runs[MAX_RUNS];
static struct part parts[MAX_RUNS];
static uint8_t refused[65536 / 8];  // ids of commands too long, or one too many: their last frame must not run alone
static int next_turn;

static struct run *find_run(uint16_t id) {
  for (int i = 0; i < MAX_RUNS; i++)
    if (runs[i].used && runs[i].id == id) return &runs[i];
  return NULL;
}

static struct part *find_part(uint16_t id) {
  for (int i = 0; i < MAX_RUNS; i++)
    if (parts[i].used && parts[i].id == id) return &parts[i];
  return NULL;
}

static void drop_part(struct part *p) {
  free(p->text);
  memset(p, 0, sizeof *p);
}

// Adds to the command of this id; 0 or an errno.
static int append(uint16_t id, const uint8_t *bytes, size_t length, struct part **result) {
  struct part *p = find_part(id);
  for (int i = 0; !p && i < MAX_RUNS; i++)
    if (!parts[i].used) p = &parts[i], p->used = 1, p->id = id;
  if (!p) return EAGAIN;
  char *text = p->length + length > MAX_COMMAND ? NULL : realloc(p->text, p->length + length + 1);
  if (!text) {
    int error = p->length + length > MAX_COMMAND ? E2BIG : ENOMEM;
    drop_part(p);
    return error;
  }
  memcpy(text + p->length, bytes, length);
  p->text = text;
  p->length += length;
  text[p->length] = 0;
  *result = p;
  return 0;
}

void run_more(uint16_t id, const uint8_t *bytes, size_t length) {
  struct part *p;
  if (refused[id >> 3] & 1 << (id & 7)) return;
  if (append(id, bytes, length, &p)) refused[id >> 3] |= (uint8_t)(1 << (id & 7));
}

static void shell(char *command, const int out[2], const int err[2]) {
  static char *const environment[] = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "LANG=C.UTF-8", "TERM=dumb", NULL};
  setsid();
  sigset_t none;
  sigemptyset(&none);
  for (int s = 1; s < NSIG; s++) signal(s, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd >= 0 && write(fd, "0", 1) < 0) { /* the shell then stays as protected as the agent: no reason to fail */ }
  int null = open("/dev/null", O_RDONLY);
  if (null < 0 || dup2(null, 0) < 0 || dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0) _exit(126);
  if (null > 2) close(null);
  if (chdir("/root") < 0 && chdir("/") < 0) _exit(126);
  char *const arguments[] = {"sh", "-c", command, NULL};
  execve("/bin/sh", arguments, environment);
  _exit(127);
}

void run_start(uint16_t id, const uint8_t *bytes, size_t length) {
  struct run *r = NULL;
  struct part *p = NULL;
  int error = 0, out[2] = {-1, -1}, err[2] = {-1, -1};
  if (refused[id >> 3] & 1 << (id & 7)) {
    refused[id >> 3] &= (uint8_t)~(1 << (id & 7));
    return wire_error(id, E2BIG);
  }
  error = append(id, bytes, length, &p);
  if (error) return wire_error(id, error);
  for (int i = 0; i < MAX_RUNS; i++)
    if (!runs[i].used) r = &runs[i];
  if (find_run(id)) error = EBUSY;
  else if (!r) error = EAGAIN;
  else if (memchr(p->text, 0, p->length)) error = EINVAL;
  else if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) error = errno;
  else {
    pid_t pid = fork();
    if (pid == 0) shell(p->text, out, err);
    if (pid < 0) error = errno;
    else {
      *r = (struct run){1, id, pid, 0, FIRST_CREDIT, {out[0], err[0]}, {0, 0}};
      fcntl(out[0], F_SETFL, O_NONBLOCK);
      fcntl(err[0], F_SETFL, O_NONBLOCK);
      out[0] = err[0] = -1;
    }
  }
  drop_part(p);
  const int ends[] = {out[0], out[1], err[0], err[1]};
  for (int i = 0; i < 4; i++)
    if (ends[i] >= 0) close(ends[i]);
  if (error) wire_error(id, error);
}

void run_kill(uint16_t id, int signal) {
  struct run *r = find_run(id);
  // A run that has ended meanwhile is no error: its EXIT is on the way.
  if (r && r->pid && signal > 0 && signal < NSIG) kill(-r->pid, signal);
}

void run_reap(void) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    for (int i = 0; i < MAX_RUNS; i++) {
      struct run *r = &runs[i];
      if (!r->used || r->pid != pid) continue;
      r->pid = 0;
      r->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      for (int s = 0; s < 2; s++)
        if (r->pipe[s] >= 0 && ioctl(r->pipe[s], FIONREAD, &r->left[s]) < 0) r->left[s] = 0;
    }
  }
}

int run_credit(uint16_t id, uint32_t bytes) {
  struct run *r = find_run(id);
  if (!r) return 0;
  r->credit = add_credit(r->credit, bytes);
  return 1;
}

int run_poll(struct pollfd *polls) {
  int count = 0;
  for (int i = 0; i < MAX_RUNS; i++)
    for (int s = 0; s < 2; s++)
      if (runs[i].used && runs[i].pipe[s] >= 0 && runs[i].credit > 0)
        polls[count++] = (struct pollfd){runs[i].pipe[s], POLLIN, 0};
  return count;
}

static void step(struct run *r, int s) {
  uint8_t bytes[MAX_PAYLOAD];
  if (r->pipe[s] < 0) return;
  size_t want = r->credit < sizeof bytes ? r->credit : sizeof bytes;
  if (!r->pid && r->left[s] < (int)want) want = (size_t)r->left[s];
  ssize_t n = 0;
  if (want > 0) {
    n = read(r->pipe[s], bytes, want);
    if (n < 0 && errno == EAGAIN) {
      if (r->pid) return;  // nothing yet
      n = 0;
    }
    if (n > 0) {
      wire_send(s == 0 ? STDOUT : STDERR, r->id, bytes, (size_t)n);
      r->credit -= (uint32_t)n;
      r->left[s] -= (int)n;
      return;
    }
  } else if (r->pid || r->left[s] > 0) {
    return;  // no credit
  }
  close(r->pipe[s]);  // its end, or the shell has ended and all it wrote is sent
  r->pipe[s] = -1;
}

void run_step(void) {
  for (int i = 0; i < MAX_RUNS; i++) {
    struct run *r = &runs[(next_turn + i) % MAX_RUNS];
    for (int s = 0; s < 2 && r->used && wire_room() > 4; s++) step(r, s);
    if (r->used && !r->pid && r->pipe[0] < 0 && r->pipe[1] < 0 && wire_room() > 4) {
      uint8_t payload[4];
      put32(payload, (uint32_t)r->status);
      wire_send(EXIT, r->id, payload, sizeof payload);
      r->used = 0;
    }
  }
  next_turn = (next_turn + 1) % MAX_RUNS;
}
