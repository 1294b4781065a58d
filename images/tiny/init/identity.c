// Applies a machine's identity. See identity.h.
#define _GNU_SOURCE
#include "identity.h"

#include <fcntl.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "nic.h"

// What the image ships in /etc/hostname, and where the name that the host gave last is remembered: as long as
// /etc/hostname holds one of the two, the user has not chosen a name.
static const char shipped_name[] = "localhost.localdomain", given_name_file[] = "/var/lib/ringside/hostname";

size_t read_text(const char *path, char *text, size_t room) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? 0 : read(fd, text, room - 1);
  if (fd >= 0) close(fd);
  if (n < 0) n = 0;
  while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' ')) n--;
  text[n] = 0;
  return (size_t)n;
}

static void write_bytes(const char *path, const void *bytes, size_t length) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return;
  if (write(fd, bytes, length) < 0) { /* a full disk: the machine still runs under its name */ }
  close(fd);
}

static void write_line(const char *path, const char *text) {
  char line[128];
  int n = snprintf(line, sizeof line, "%s\n", text);
  if (n > 0 && (size_t)n < sizeof line) write_bytes(path, line, (size_t)n);
}

static void set_clock(const char *text) {
  struct timespec t = {strtoll(text, (char **)&text, 10), 0};
  if (*text == '.')
    for (long digit = 100000000; *++text >= '0' && *text <= '9'; digit /= 10) t.tv_nsec += digit * (*text - '0');
  if (t.tv_sec > 0) clock_settime(CLOCK_REALTIME, &t);
}

static int hex(char c) {
  return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static void seed(const char *text) {
  struct { struct rand_pool_info head; uint8_t bytes[64]; } pool = {0};
  int n = 0;
  while (n < 64 && hex(text[2 * n]) >= 0 && hex(text[2 * n + 1]) >= 0) {
    pool.bytes[n] = (uint8_t)(hex(text[2 * n]) << 4 | hex(text[2 * n + 1]));
    n++;
  }
  pool.head.entropy_count = n * 8;
  pool.head.buf_size = n;
  int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  ioctl(fd, RNDADDENTROPY, &pool);
  ioctl(fd, RNDRESEEDCRNG);
  close(fd);
}

void set_terminal_size(unsigned columns, unsigned rows) {
  struct winsize size = {(unsigned short)rows, (unsigned short)columns, 0, 0};
  int fd = open("/dev/ttyS0", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return;
  ioctl(fd, TIOCSWINSZ, &size);
  close(fd);
}

static void copy(char *to, size_t room, const char *from) {
  if (strlen(from) < room) strcpy(to, from);
}

void apply_identity(const uint8_t *lines, size_t length, struct identity *identity) {
  unsigned columns = 0, rows = 0;
  char text[2049];
  if (length >= sizeof text) length = sizeof text - 1;
  memcpy(text, lines, length);
  text[length] = 0;
  char *rest = text;
  for (char *line; (line = strsep(&rest, "\n"));) {
    char *value = strchr(line, '=');
    if (!value) continue;
    *value++ = 0;
    if (!strcmp(line, "hostname")) copy(identity->hostname, sizeof identity->hostname, value);
    else if (!strcmp(line, "timezone")) copy(identity->timezone, sizeof identity->timezone, value);
    else if (!strcmp(line, "machine-id")) copy(identity->machine_id, sizeof identity->machine_id, value);
    else if (!strcmp(line, "time")) set_clock(value);
    else if (!strcmp(line, "seed")) seed(value);
    else if (!strcmp(line, "columns")) columns = (unsigned)atoi(value);
    else if (!strcmp(line, "rows")) rows = (unsigned)atoi(value);
    else if (!strncmp(line, "mac", 3) && line[3] >= '0' && line[3] <= '9') set_mac(atoi(line + 3), value);
  }
  if (columns && rows) set_terminal_size(columns, rows);
}

void settle_identity(const struct identity *identity) {
  char name[65], given[65];
  struct stat st;
  read_text("/etc/hostname", name, sizeof name);
  read_text(given_name_file, given, sizeof given);
  int chosen = name[0] && strcmp(name, shipped_name) && strcmp(name, given);
  if (!chosen && identity->hostname[0]) {
    if (strcmp(name, identity->hostname)) {
      mkdir("/var/lib/ringside", 0755);
      write_line(given_name_file, identity->hostname);
      write_line("/etc/hostname", identity->hostname);
    }
    strcpy(name, identity->hostname);
  }
  if (name[0]) sethostname(name, strlen(name));

  if (stat("/etc/machine-id", &st) || st.st_size == 0) {
    char id[33];
    uint8_t random[16];
    strcpy(id, identity->machine_id);
    for (int i = 0; i < 32; i++)
      if (hex(id[i]) < 0) { id[0] = 0; break; }
    // /dev/urandom never waits: at this point of a boot without a seed the kernel has hardly any entropy.
    int fd = id[0] ? -1 : open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, random, sizeof random) == sizeof random)
      for (int i = 0; i < 16; i++) sprintf(id + 2 * i, "%02x", random[i]);
    if (fd >= 0) close(fd);
    if (id[0]) write_line("/etc/machine-id", id);
  }

  if (identity->timezone[0] && stat("/etc/localtime", &st)) {
    // The smallest file of RFC 8536: no transitions, the zone is all in the footer's TZ string.
    uint8_t file[2 * 51 + 2 + sizeof identity->timezone] = {0};
    size_t at = 0;
    for (int block = 0; block < 2; block++) {
      memcpy(file + at, "TZif2", 5);
      file[at + 39] = file[at + 43] = 1;  // one local time type, one byte of names
      at += 44 + 6 + 1;
    }
    at += (size_t)sprintf((char *)file + at, "\n%s\n", identity->timezone);
    write_bytes("/etc/localtime", file, at);
  }
}
