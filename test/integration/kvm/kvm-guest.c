/*
 * Runs two small guests through /dev/kvm and prints the reasons KVM_RUN came back with, one "name count" a line.
 *   real: real mode, a thousand OUTs to port 10h, then HLT
 *   paged: protected mode with 4 MiB pages, writes and reads through two mappings of one frame, OUTs what it read, then HLT
 * After each, what the kernel's own statistics say of the virtual processor: "stat NAME COUNT".
 * 32-bit, without a C library: system calls by INT 80h.
 */
#include <linux/kvm.h>

static int call3(int number, long a, long b, long c) {
  int result;
  __asm__ volatile("int $0x80" : "=a"(result) : "0"(number), "b"(a), "c"(b), "d"(c) : "memory");
  return result;
}
static void *map(unsigned long length, int flags, int fd) {
  void *result;
  __asm__ volatile("push %%ebp; xor %%ebp, %%ebp; int $0x80; pop %%ebp"
                   : "=a"(result)
                   : "0"(192), "b"(0), "c"(length), "d"(3), "S"(flags), "D"(fd)
                   : "memory");
  return result;
}
static void text(const char *words) {
  int length = 0;
  while (words[length]) length++;
  call3(4, 1, (long)words, length);
}
static void number(unsigned value) {
  char digits[12];
  int at = 11;
  digits[at] = 0;
  do digits[--at] = '0' + value % 10;
  while (value /= 10);
  text(digits + at);
}
static void line(const char *name, unsigned value) {
  text(name);
  text(" ");
  number(value);
  text("\n");
}
static void fail(const char *what, int error) {
  text(what);
  text(" failed with ");
  number(-error);
  text("\n");
  call3(1, 1, 0, 0);
}
static int must(const char *what, int result) {
  if (result < 0) fail(what, result);
  return result;
}

/* mov cx, 1000; mov dx, 10h; again: out dx, al; loop again; hlt */
static const unsigned char real_code[] = {0xb9, 0xe8, 0x03, 0xba, 0x10, 0x00, 0xee, 0xe2, 0xfd, 0xf4};
/*
 * mov byte [400100h], 5ah; mov al, [100h]; out 11h, al; invlpg [400100h]; mov eax, cr3; mov cr3, eax;
 * mov al, [400100h]; out 12h, al; hlt
 */
static const unsigned char paged_code[] = {
    0xc6, 0x05, 0x00, 0x01, 0x40, 0x00, 0x5a, 0xa0, 0x00, 0x01, 0x00, 0x00, 0xe6, 0x11, 0x0f, 0x01, 0x3d, 0x00,
    0x01, 0x40, 0x00, 0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8, 0xa0, 0x00, 0x01, 0x40, 0x00, 0xe6, 0x12, 0xf4,
};

#define MEMORY 0x200000

static void segment(struct kvm_segment *s, int type) {
  s->base = 0;
  s->limit = 0xffffffff;
  s->selector = type == 11 ? 8 : 16;
  s->type = type;
  s->present = s->s = s->db = s->g = 1;
  s->dpl = s->l = s->avl = s->unusable = 0;
}

static int same(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

/* KVM_GET_STATS_FD (Linux 5.14): a header, descriptors with names, 64-bit values. */
static void statistics(int cpu) {
  static const char *const wanted[] = {"exits", "io_exits", "halt_exits"};
  static char bytes[16384];
  int fd = must("KVM_GET_STATS_FD", call3(54, cpu, KVM_GET_STATS_FD, 0));
  must("read statistics", call3(3, fd, (long)bytes, sizeof bytes));
  struct kvm_stats_header *header = (struct kvm_stats_header *)bytes;
  unsigned i, j, step = sizeof(struct kvm_stats_desc) + header->name_size;
  for (i = 0; i < header->num_desc; i++) {
    struct kvm_stats_desc *one = (struct kvm_stats_desc *)(bytes + header->desc_offset + i * step);
    for (j = 0; j < sizeof wanted / sizeof *wanted; j++) {
      if (!same(one->name, wanted[j])) continue;
      text("stat ");
      line(one->name, *(unsigned *)(bytes + header->data_offset + one->offset));
    }
  }
}

static void run(int kvm, const char *name, const unsigned char *code, int length, int paged) {
  unsigned counts[32] = {0}, sum = 0;
  int i, vm = must("KVM_CREATE_VM", call3(54, kvm, KVM_CREATE_VM, 0));
  char *memory = map(MEMORY, 0x22, -1);
  struct kvm_userspace_memory_region region = {0};
  struct kvm_regs regs = {0};
  struct kvm_sregs sregs;
  region.memory_size = MEMORY;
  region.userspace_addr = (unsigned long)memory;
  must("KVM_SET_TSS_ADDR", call3(54, vm, KVM_SET_TSS_ADDR, 0xfffbd000));
  must("KVM_SET_USER_MEMORY_REGION", call3(54, vm, KVM_SET_USER_MEMORY_REGION, (long)&region));
  int cpu = must("KVM_CREATE_VCPU", call3(54, vm, KVM_CREATE_VCPU, 0));
  int size = must("KVM_GET_VCPU_MMAP_SIZE", call3(54, kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
  struct kvm_run *shared = map(size, 1, cpu);
  for (i = 0; i < length; i++) memory[0x1000 + i] = code[i];
  must("KVM_GET_SREGS", call3(54, cpu, KVM_GET_SREGS, (long)&sregs));
  if (paged) {
    unsigned *directory = (unsigned *)(memory + 0x4000);
    /* Both 4 MiB pages are the same frame. */
    directory[0] = directory[1] = 0x87;
    segment(&sregs.cs, 11);
    segment(&sregs.ds, 3);
    sregs.es = sregs.ss = sregs.fs = sregs.gs = sregs.ds;
    sregs.cr3 = 0x4000;
    sregs.cr4 |= 0x10;
    sregs.cr0 |= 0x80000001;
  } else {
    sregs.cs.base = sregs.cs.selector = 0;
  }
  must("KVM_SET_SREGS", call3(54, cpu, KVM_SET_SREGS, (long)&sregs));
  regs.rip = 0x1000;
  regs.rflags = 2;
  regs.rsp = 0x8000;
  must("KVM_SET_REGS", call3(54, cpu, KVM_SET_REGS, (long)&regs));
  for (;;) {
    must("KVM_RUN", call3(54, cpu, KVM_RUN, 0));
    if (shared->exit_reason < 32) counts[shared->exit_reason]++;
    if (shared->exit_reason == KVM_EXIT_IO) sum += *((unsigned char *)shared + shared->io.data_offset);
    else break;
  }
  text(name);
  text("\n");
  for (i = 0; i < 32; i++) {
    if (!counts[i]) continue;
    if (i == KVM_EXIT_IO) line("IO", counts[i]);
    else if (i == KVM_EXIT_HLT) line("HLT", counts[i]);
    else {
      text("reason ");
      number(i);
      line("", counts[i]);
    }
  }
  if (shared->exit_reason == KVM_EXIT_INTERNAL_ERROR) line("suberror", shared->internal.suberror);
  line("sum", sum);
  statistics(cpu);
}

void _start(void) {
  int kvm = must("open /dev/kvm", call3(5, (long)"/dev/kvm", 2, 0));
  line("version", must("KVM_GET_API_VERSION", call3(54, kvm, KVM_GET_API_VERSION, 0)));
  run(kvm, "real", real_code, sizeof real_code, 0);
  run(kvm, "paged", paged_code, sizeof paged_code, 1);
  call3(1, 0, 0, 0);
}
