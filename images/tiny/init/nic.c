// Network interfaces by ioctl (netdevice(7)); addresses by getifaddrs. See nic.h.
#define _GNU_SOURCE
#include "nic.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_SLOT = 33, MAX_NICS = 16 };

struct nic { char name[IFNAMSIZ], place[PATH_MAX]; };

static int by_place(const void *a, const void *b) {
  return strcmp(((const struct nic *)a)->place, ((const struct nic *)b)->place);
}

// Finds the interfaces that have a device behind them, in the order of their place on the PCI bus.
static int find_nics(struct nic nics[MAX_NICS]) {
  DIR *directory = opendir("/sys/class/net");
  int count = 0;
  for (struct dirent *e; directory && (e = readdir(directory)) && count < MAX_NICS;) {
    char link[PATH_MAX];
    if (e->d_name[0] == '.' || strlen(e->d_name) >= IFNAMSIZ) continue;
    snprintf(link, sizeof link, "/sys/class/net/%s/device", e->d_name);
    if (!realpath(link, nics[count].place)) continue;
    strcpy(nics[count++].name, e->d_name);
  }
  if (directory) closedir(directory);
  qsort(nics, (size_t)count, sizeof *nics, by_place);
  return count;
}

static int request(unsigned long code, struct ifreq *r) {
  int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int error = s < 0 || ioctl(s, code, r) ? errno : 0;
  if (s >= 0) close(s);
  return error;
}

static int set_up(const char *name, int up) {
  struct ifreq r = {0};
  strncpy(r.ifr_name, name, IFNAMSIZ - 1);
  int error = request(SIOCGIFFLAGS, &r);
  if (error) return error;
  r.ifr_flags = (short)(up ? r.ifr_flags | IFF_UP : r.ifr_flags & ~IFF_UP);
  return request(SIOCSIFFLAGS, &r);
}

void name_nics(void) {
  static struct nic nics[MAX_NICS];
  int count = find_nics(nics);
  for (int i = 0; i < count; i++) {
    struct ifreq r = {0};
    strncpy(r.ifr_name, nics[i].name, IFNAMSIZ - 1);
    snprintf(r.ifr_newname, IFNAMSIZ, "ens%d", FIRST_SLOT + i);
    request(SIOCSIFNAME, &r);
  }
  set_up("lo", 1);
}

int set_mac(int n, const char *text) {
  struct ifreq r = {0};
  unsigned b[6];
  char extra;
  if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", b, b + 1, b + 2, b + 3, b + 4, b + 5, &extra) != 6) return EINVAL;
  snprintf(r.ifr_name, IFNAMSIZ, "ens%d", FIRST_SLOT + n);
  int error = request(SIOCGIFFLAGS, &r);
  if (error) return error;
  int up = r.ifr_flags & IFF_UP;
  if (up) set_up(r.ifr_name, 0);  // the NE2000 driver takes a new address only while down
  memset(&r.ifr_hwaddr, 0, sizeof r.ifr_hwaddr);
  r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  for (int i = 0; i < 6; i++) r.ifr_hwaddr.sa_data[i] = (char)b[i];
  error = request(SIOCSIFHWADDR, &r);
  if (up) set_up(r.ifr_name, 1);
  return error;
}

static int prefix(const struct sockaddr *mask, size_t offset, size_t length) {
  int bits = 0;
  for (size_t i = 0; mask && i < length; i++) bits += __builtin_popcount(((const unsigned char *)mask)[offset + i]);
  return bits;
}

size_t list_nics(char *text, size_t room) {
  static struct nic nics[MAX_NICS];
  struct ifaddrs *all = NULL, *a;
  size_t at = 0;
  int count = find_nics(nics);
  if (getifaddrs(&all)) return 0;
  for (int i = 0; i < count; i++) {
    char line[1024], address[INET6_ADDRSTRLEN];
    int n = 0;
    for (a = all; a; a = a->ifa_next) {
      if (strcmp(a->ifa_name, nics[i].name) || !a->ifa_addr || a->ifa_addr->sa_family != AF_PACKET) continue;
      const unsigned char *m = ((struct sockaddr_ll *)a->ifa_addr)->sll_addr;
      n = snprintf(line, sizeof line, "nic=%s %02x:%02x:%02x:%02x:%02x:%02x %s", nics[i].name, m[0], m[1], m[2],
                   m[3], m[4], m[5], a->ifa_flags & IFF_UP ? "up" : "down");
    }
    for (a = all; n && a; a = a->ifa_next) {
      int bits;
      if (strcmp(a->ifa_name, nics[i].name) || !a->ifa_addr) continue;
      if (a->ifa_addr->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((struct sockaddr_in *)a->ifa_addr)->sin_addr, address, sizeof address);
        bits = prefix(a->ifa_netmask, offsetof(struct sockaddr_in, sin_addr), 4);
      } else if (a->ifa_addr->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)a->ifa_addr)->sin6_addr, address, sizeof address);
        bits = prefix(a->ifa_netmask, offsetof(struct sockaddr_in6, sin6_addr), 16);
      } else continue;
      if ((size_t)n + sizeof address + 8 < sizeof line)
        n += snprintf(line + n, sizeof line - (size_t)n, " %s/%d", address, bits);
    }
    if (!n || at + (size_t)n + 1 > room) break;
    memcpy(text + at, line, (size_t)n);
    at += (size_t)n;
    text[at++] = '\n';
  }
  freeifaddrs(all);
  return at;
}
