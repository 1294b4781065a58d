// Files in and out. A file is written beside its place and renamed into it, so a reader never sees half of it.
#define _GNU_SOURCE
#include "transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"
#include "wire.h"

enum { MAX_TRANSFERS = 16 };

struct reading { int used; uint16_t id; int fd; uint32_t credit, total; };
struct writing { int used; uint16_t id; int fd; uint32_t total; mode_t mode; char path[PATH_MAX], temporary[PATH_MAX + 32]; };

static struct reading readings[MAX_TRANSFERS];
static struct writing *writings[MAX_TRANSFERS];

static void done(uint16_t id, uint32_t bytes) {
  uint8_t payload[4];
  put32(payload, bytes);
  wire_send(DONE, id, payload, sizeof payload);
}

// Copies a path out of a frame; 0 or an errno.
static int take_path(char path[PATH_MAX], const uint8_t *bytes, size_t length) {
  if (length == 0) return ENOENT;
  if (length >= PATH_MAX) return ENAMETOOLONG;
  if (memchr(bytes, 0, length)) return EINVAL;
  memcpy(path, bytes, length);
  path[length] = 0;
  return 0;
}

void read_start(uint16_t id, const uint8_t *bytes, size_t length) {
  struct reading *r = NULL;
  char path[PATH_MAX];
  struct stat st;
  int fd = -1, error = take_path(path, bytes, length);
  for (int i = 0; i < MAX_TRANSFERS; i++) {
    if (!readings[i].used) r = &readings[i];
    else if (readings[i].id == id) error = EBUSY;
  }
  if (!error && !r) error = EAGAIN;
  if (!error && (fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) < 0) error = errno;
  if (!error && fstat(fd, &st)) error = errno;
  if (!error && S_ISDIR(st.st_mode)) error = EISDIR;
  else if (!error && !S_ISREG(st.st_mode)) error = EINVAL;  // a device or a pipe may never end: use RUN
  if (error) {
    if (fd >= 0) close(fd);
    return wire_error(id, error);
  }
  *r = (struct reading){1, id, fd, FIRST_CREDIT, 0};
}

int read_credit(uint16_t id, uint32_t bytes) {
  for (int i = 0; i < MAX_TRANSFERS; i++)
    if (readings[i].used && readings[i].id == id) {
      readings[i].credit = add_credit(readings[i].credit, bytes);
      return 1;
    }
  return 0;
}

int read_step(void) {
  uint8_t bytes[MAX_PAYLOAD];
  int more = 0;
  for (int i = 0; i < MAX_TRANSFERS; i++) {
    struct reading *r = &readings[i];
    if (!r->used || !r->credit) continue;
    if (wire_room() <= 4) return 0;  // the port's POLLOUT wakes us
    ssize_t n = read(r->fd, bytes, r->credit < sizeof bytes ? r->credit : sizeof bytes);
    if (n > 0) {
      wire_send(DATA, r->id, bytes, (size_t)n);
      r->credit -= (uint32_t)n;
      r->total += (uint32_t)n;
      more |= r->credit > 0;
      continue;
    }
    if (n < 0 && errno != EAGAIN) wire_error(r->id, errno);
    else done(r->id, r->total);
    close(r->fd);
    r->used = 0;
  }
  return more;
}

static struct writing **find_writing(uint16_t id) {
  for (int i = 0; i < MAX_TRANSFERS; i++)
    if (writings[i] && writings[i]->id == id) return &writings[i];
  return NULL;
}

static void drop_writing(struct writing **w) {
  if ((*w)->fd >= 0) close((*w)->fd);
  if ((*w)->temporary[0]) unlink((*w)->temporary);
  free(*w);
  *w = NULL;
}

void write_start(uint16_t id, const uint8_t *payload, size_t length) {
  struct writing **slot = find_writing(id);
  char path[PATH_MAX], *real;
  struct stat st;
  if (slot) drop_writing(slot);
  for (int i = 0; !slot && i < MAX_TRANSFERS; i++)
    if (!writings[i]) slot = &writings[i];
  if (!slot) return wire_error(id, EAGAIN);
  if (length < 4) return wire_error(id, EINVAL);
  int error = take_path(path, payload + 4, length - 4);
  if (error) return wire_error(id, error);
  if (!stat(path, &st)) {
    if (S_ISDIR(st.st_mode)) return wire_error(id, EISDIR);
    if (!S_ISREG(st.st_mode)) return wire_error(id, EINVAL);
  }
  struct writing *w = *slot = calloc(1, sizeof *w);
  if (!w) return wire_error(id, ENOMEM);
  *w = (struct writing){.used = 1, .id = id, .fd = -1, .mode = get32(payload) & 07777};
  // A symbolic link stays one: its target is replaced.
  real = realpath(path, w->path);
  if (!real) strcpy(w->path, path);
  char *slash = strrchr(w->path, '/');
  int directory = slash ? (int)(slash - w->path) + 1 : 0;
  snprintf(w->temporary, sizeof w->temporary, "%.*s.ringside-%d-%u", directory, w->path, (int)getpid(), id);
  unlink(w->temporary);
  w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (w->fd < 0) {
    error = errno;
    w->temporary[0] = 0;
    drop_writing(slot);
    return wire_error(id, error);
  }
  done(id, 0);
}

void write_data(uint16_t id, const uint8_t *bytes, size_t length) {
  struct writing **slot = find_writing(id);
  if (!slot) return wire_error(id, EBADF);
  size_t at = 0;
  while (at < length) {
    ssize_t n = write((*slot)->fd, bytes + at, length - at);
    if (n < 0) {
      int error = errno;
      drop_writing(slot);
      return wire_error(id, error);
    }
    at += (size_t)n;
  }
  (*slot)->total += (uint32_t)length;
  done(id, (uint32_t)length);
}

void write_end(uint16_t id) {
  struct writing **slot = find_writing(id);
  if (!slot) return wire_error(id, EBADF);
  struct writing *w = *slot;
  int error = fchmod(w->fd, w->mode) || rename(w->temporary, w->path) ? errno : 0;
  uint32_t total = w->total;
  if (!error) w->temporary[0] = 0;
  drop_writing(slot);
  if (error) wire_error(id, error);
  else done(id, total);
}
