// Finds, grows and mounts the system disk and enters the overlay on it. See root.h.
// ext4 superblock: Documentation/filesystems/ext4/super.rst of the kernel (magic at 38h, label at 78h of offset 1024).
#define _GNU_SOURCE
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

static const char label[] = "ringside-root";

static void mount_on(const char *type, const char *place, unsigned long flags, const char *options) {
  mkdir(place, 0755);
  mount(type, place, type, flags, options);
}

void mount_early(void) {
  const unsigned long safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  mount_on("proc", "/proc", safe, NULL);
  mount_on("sysfs", "/sys", safe, NULL);
  mount_on("cgroup2", "/sys/fs/cgroup", safe, NULL);
  mount_on("devtmpfs", "/dev", MS_NOSUID, "mode=755");
  mount_on("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "mode=620,gid=5,ptmxmode=666");
  mount_on("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
  mount_on("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=755");
  // One write each: a controller that is missing does not take the others with it.
  static const char *const controllers[] = {"+cpu", "+io", "+memory", "+pids"};
  int fd = open("/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
  for (int i = 0; fd >= 0 && i < 4; i++)
    if (write(fd, controllers[i], strlen(controllers[i])) < 0) { /* then groups do without it */ }
  if (fd >= 0) close(fd);
}

static uint32_t le32(const uint8_t *p) { return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24; }

// Returns 1 when the device holds an ext file system with our label. Drops what the kernel has cached of the device:
// the content may have been exchanged while the machine waited.
static int is_system_disk(const char *device, uint64_t *device_bytes, uint64_t *file_system_bytes, uint32_t *block_bytes) {
  uint8_t s[1024];
  int fd = open(device, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ioctl(fd, BLKFLSBUF, 0);
  int found = ioctl(fd, BLKGETSIZE64, device_bytes) == 0 && pread(fd, s, sizeof s, 1024) == sizeof s &&
              s[0x38] == 0x53 && s[0x39] == 0xEF && !strncmp((char *)s + 0x78, label, 16);
  if (!found) ioctl(fd, BLKRRPART, 0);  // another disk: its partitions may be new as well
  close(fd);
  if (found) {
    *block_bytes = 1024u << (le32(s + 0x18) & 7);
    *file_system_bytes = (uint64_t)le32(s + 4) * *block_bytes;
  }
  return found;
}

static int mount_disk(const char *device, uint64_t device_bytes, uint64_t file_system_bytes, uint32_t block_bytes,
                      char error[160]) {
  if (mount(device, "/sysroot/disk", "ext4", 0, "commit=1")) {
    snprintf(error, 160, "%s cannot be mounted: %s", device, strerror(errno));
    return 0;
  }
  uint64_t blocks = device_bytes / block_bytes;
  if (device_bytes >= file_system_bytes + block_bytes) {
    int fd = open("/sysroot/disk", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, EXT4_IOC_RESIZE_FS, &blocks))
      snprintf(error, 160, "%s cannot be grown: %s", device, strerror(errno));
    if (fd >= 0) close(fd);
  }
  return 1;
}

static int overlay(void) {
  mkdir("/sysroot/disk/upper", 0755);
  mkdir("/sysroot/disk/work", 0755);
  return mount("overlay", "/sysroot/root", "overlay", 0,
               "lowerdir=/,upperdir=/sysroot/disk/upper,workdir=/sysroot/disk/work");
}

const char *enter_root(int memory_only, char error[160]) {
  static const char *const disks[] = {"/dev/sda", "/dev/sdb", "/dev/vda", "/dev/vdb"};
  static const char *const moved[] = {"/proc", "/sys", "/dev", "/run"};
  uint64_t device_bytes, file_system_bytes;
  uint32_t block_bytes;
  const char *root = "memory";
  error[0] = 0;
  for (int i = 0; !memory_only && i < 4; i++) {
    if (!is_system_disk(disks[i], &device_bytes, &file_system_bytes, &block_bytes)) continue;
    if (mount_disk(disks[i], device_bytes, file_system_bytes, block_bytes, error)) {
      if (overlay() == 0) root = "disk";
      else {
        snprintf(error, 160, "%s cannot be laid over the image: %s", disks[i], strerror(errno));
        umount2("/sysroot/disk", MNT_DETACH);
      }
    }
    break;
  }
  if (root[0] == 'm') {
    mount("tmpfs", "/sysroot/disk", "tmpfs", 0, "mode=755");
    overlay();
  }
  for (int i = 0; i < 4; i++) {
    char place[32];
    snprintf(place, sizeof place, "/sysroot/root%s", moved[i]);
    mount(moved[i], place, NULL, MS_MOVE, NULL);
  }
  if (chdir("/sysroot/root") || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
    snprintf(error, 160, "/ cannot be entered: %s", strerror(errno));
  return root;
}
