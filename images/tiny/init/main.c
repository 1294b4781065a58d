// ringside-init: process 1 of the initramfs, and under the name ringside-agent the guest agent.
//
// Process 1 mounts what is needed, names the NICs, waits for the host's GO (when the kernel's command line has the
// word ringside.wait), makes / a disk or memory over the initramfs, starts the agent and becomes busybox init.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "nic.h"
#include "root.h"
#include "wire.h"

static const char port[] = "/dev/ttyS1", root_file[] = "/run/ringside-root";

// Looks a word up in the kernel's command line: NULL, or what follows its name ("" or "=value…").
static char *kernel_word(const char *name) {
  static char line[2048];
  read_text("/proc/cmdline", line, sizeof line);
  char *rest = line;
  for (char *word; (word = strsep(&rest, " \n"));) {
    size_t n = strlen(name);
    if (!strncmp(word, name, n) && (word[n] == 0 || word[n] == '=')) return word + n;
  }
  return NULL;
}

static void standard_streams(const char *device) {
  int fd = open(device, O_RDWR | O_NOCTTY);
  if (fd < 0) return;
  for (int i = 0; i < 3; i++)
    if (fd != i) dup2(fd, i);
  if (fd > 2) close(fd);
}

static _Noreturn void agent(const char *root, const char *error) {
  static char kind[16], why[160];
  standard_streams("/dev/null");
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    if (write(fd, "-1000", 5) < 0) { /* then it can be chosen like any other; init starts it again */ }
    close(fd);
  }
  // One agent serves at a time. The one that process 1 forked holds the lock from the start; the one that inittab
  // starts waits here and takes over should the first ever end.
  int lock = open("/run/ringside-agent.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock >= 0) flock(lock, LOCK_EX);
  if (!root) {
    read_text(root_file, kind, sizeof kind);
    read_text("/run/ringside-root-error", why, sizeof why);
    root = kind;
    error = why;
    wire_open(port);
  }
  if (wire_fd() < 0) for (;;) pause();  // no second serial port in this machine
  serve(root, error);
}

static void note(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd >= 0 && write(fd, text, strlen(text)) < 0) { /* /run is memory: nothing to be done */ }
  if (fd >= 0) close(fd);
}

int main(int argc, char **argv) {
  (void)argc;
  const char *slash = strrchr(argv[0], '/');
  if (getpid() != 1) {
    if (strcmp(slash ? slash + 1 : argv[0], "ringside-agent")) {
      fputs("ringside-init is process 1; run it as ringside-agent for the agent\n", stderr);
      return 1;
    }
    agent(NULL, NULL);
  }
  struct identity identity = {0};
  char error[160];
  uint16_t go = 0;
  umask(022);
  mount_early();
  standard_streams("/dev/console");
  klogctl(8, NULL, 4);  // from here on the kernel's errors show on the console
  name_nics();
  wire_open(port);
  char *value = kernel_word("ringside.hostname");
  if (value && *value == '=' && strlen(value + 1) < sizeof identity.hostname) strcpy(identity.hostname, value + 1);
  value = kernel_word("ringside.root");
  int memory_only = value && !strcmp(value, "=memory");
  int waited = wire_fd() >= 0 && kernel_word("ringside.wait");
  if (waited) wait_for_go(&identity, &go);
  const char *root = enter_root(memory_only, error);
  settle_identity(&identity);
  note(root_file, root);
  note("/run/ringside-root-error", error);
  if (waited) answer_go(go);
  pid_t pid = fork();
  if (pid == 0) {
    setsid();
    agent(root, error);
  }
  char *const arguments[] = {"init", NULL};
  char *const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", NULL};
  execve("/sbin/init", arguments, environment);
  perror("/sbin/init");
  for (;;) pause();
}
