// The root file system: a disk labelled ringside-root, or memory, laid over the initramfs.
#ifndef RINGSIDE_ROOT_H
#define RINGSIDE_ROOT_H

// Mounts what lasts through the wait: proc, sysfs, devtmpfs, devpts, /run, /dev/shm, cgroup with its controllers.
void mount_early(void);
// Makes / what it will stay and enters it. Returns "disk" or "memory"; error gets why a system disk could not be used, or "".
const char *enter_root(int memory_only, char error[160]);

#endif
