/*
 * Runs single instructions on this computer's processor and writes what they did. Input and output are those of
 * native-format.ts: a memory image and cases on standard input, results on standard output. Every case starts from a whole
 * user-mode state (registers, flags, x87, XMM); exceptions come back as the signals that Linux makes of them.
 * Build:  gcc -m32 -static -O1 -fno-stack-protector -fno-pie -no-pie -o native native.c
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096
#define CODE 0x10000000u
#define DATA 0x20000000u
#define STACK 0x30000000u
#define READ_ONLY (DATA + 3 * PAGE)

struct input {
  uint32_t mode, eip, length;
  uint8_t code[16];
  uint32_t regs[8], eflags;
  uint8_t fx[512];
} __attribute__((packed));

struct output {
  uint32_t trap, error, cr2, eip, regs[8], eflags;
  uint8_t fx[512];
  uint32_t count;
} __attribute__((packed));

/* What the stub loads and stores; named in assembly below. */
uint32_t in_regs[8], in_eflags, out_regs[8], out_eflags, saved_esp;
struct { uint32_t offset; uint16_t selector; } __attribute__((packed)) in_stack, in_target;
uint16_t in_ds, in_fs, in_gs, flat_data = 0x2b, host_gs, host_fs;
uint8_t in_fx[512] __attribute__((aligned(16))), out_fx[512] __attribute__((aligned(16)));
uint32_t default_mxcsr = 0x1f80;
static volatile struct output result;

void run_case(void);
void after_case(void);
void after_signal(void);
asm(".text\n.globl run_case, after_case, after_signal\n"
    "run_case:\n pushal\n mov %esp, saved_esp\n"
    " fxrstor in_fx\n"
    " pushl in_eflags\n popfl\n"
    " mov in_regs, %eax\n mov in_regs+4, %ecx\n mov in_regs+8, %edx\n mov in_regs+12, %ebx\n"
    " mov in_regs+20, %ebp\n mov in_regs+24, %esi\n mov in_regs+28, %edi\n"
    " mov in_fs, %fs\n mov in_gs, %gs\n"
    " lss in_stack, %esp\n mov in_ds, %es\n mov in_ds, %ds\n"
    " ljmp *%cs:in_target\n"
    "after_case:\n mov %cs:flat_data, %ds\n"
    " mov %eax, out_regs\n mov %ecx, out_regs+4\n mov %edx, out_regs+8\n mov %ebx, out_regs+12\n"
    " mov %esp, out_regs+16\n mov %ebp, out_regs+20\n mov %esi, out_regs+24\n mov %edi, out_regs+28\n"
    " mov flat_data, %ss\n mov saved_esp, %esp\n"
    " pushfl\n popl out_eflags\n fxsave out_fx\n"
    " mov flat_data, %es\n mov host_fs, %fs\n mov host_gs, %gs\n"
    "after_signal:\n mov saved_esp, %esp\n cld\n fninit\n ldmxcsr default_mxcsr\n popal\n ret\n");

static void on_signal(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)info;
  ucontext_t *u = context;
  greg_t *g = u->uc_mcontext.gregs;
  static const int order[8] = {REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI};
  result.trap = (uint32_t)g[REG_TRAPNO];
  result.error = (uint32_t)g[REG_ERR];
  result.cr2 = (uint32_t)u->uc_mcontext.cr2;
  result.eip = (uint32_t)g[REG_EIP];
  result.eflags = (uint32_t)g[REG_EFL];
  for (int i = 0; i < 8; i++) result.regs[i] = (uint32_t)g[order[i]];
  /* The frame holds FNSAVE's image with a status word behind it, then FXSAVE's. */
  const uint8_t *image = (const uint8_t *)u->uc_mcontext.fpregs + 112;
  for (int i = 0; i < 512; i++) result.fx[i] = image[i];
  g[REG_EIP] = (greg_t)(uintptr_t)after_signal;
  g[REG_CS] = 0x23;
  g[REG_SS] = g[REG_DS] = g[REG_ES] = flat_data;
  g[REG_FS] = host_fs;
  g[REG_GS] = host_gs;
  g[REG_ESP] = (greg_t)saved_esp;
  g[REG_EFL] = 0x202;
}

/* An instruction that runs into an endless loop is given up after two ticks; the recorder drops it. */
static volatile sig_atomic_t running, ticks;
#define GIVEN_UP 0xfe

static void on_tick(int number, siginfo_t *info, void *context) {
  if (!running || ++ticks < 2) return;
  on_signal(number, info, context);
  result.trap = GIVEN_UP;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void map(uint32_t at, int pages, int protection, int file, int shared) {
  int flags = MAP_FIXED_NOREPLACE | (shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS);
  if (mmap((void *)at, pages * PAGE, protection, flags, file, 0) == MAP_FAILED) die("mmap");
}

static void ldt(int entry, uint32_t base, int contents) {
  struct user_desc d = {.entry_number = entry, .base_addr = base, .limit = 2 * PAGE - 1, .contents = contents};
  if (syscall(SYS_modify_ldt, 1, &d, sizeof d) != 0) die("modify_ldt");
}

static uint16_t tls(uint32_t limit, int contents) {
  struct user_desc d = {.entry_number = -1, .base_addr = DATA, .limit = limit, .seg_32bit = 1, .contents = contents, .useable = 1};
  if (syscall(SYS_set_thread_area, &d) != 0) die("set_thread_area");
  return d.entry_number * 8 + 3;
}

static void need(void *to, size_t size) {
  if (fread(to, size, 1, stdin) != 1) die("memory image");
}

int main(void) {
  int file = memfd_create("code", 0);
  if (file < 0 || ftruncate(file, 2 * PAGE) != 0) die("memfd");
  map(CODE, 2, PROT_READ | PROT_EXEC, file, 1);
  uint8_t *code = mmap(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  map(DATA, 2, PROT_READ | PROT_WRITE, -1, 0);
  map(READ_ONLY, 1, PROT_READ | PROT_WRITE, -1, 0);
  map(STACK, 2, PROT_READ | PROT_WRITE, -1, 0);
  static uint8_t data[2 * PAGE], stack[2 * PAGE];
  need(data, sizeof data);
  need((void *)READ_ONLY, PAGE);
  need(stack, sizeof stack);
  memcpy((void *)DATA, data, sizeof data);
  memcpy((void *)STACK, stack, sizeof stack);
  mprotect((void *)READ_ONLY, PAGE, PROT_READ);
  memset(code, 0xcc, 2 * PAGE);
  ldt(0, CODE, 2);
  ldt(1, DATA, 0);
  ldt(2, STACK, 0);
  uint16_t fs = tls(0x1fef, 0), gs = tls(0xfff, 1);
  asm("mov %%gs, %0\n mov %%fs, %1" : "=m"(host_gs), "=m"(host_fs));
  static uint8_t alternate[1 << 16];
  stack_t s = {.ss_sp = alternate, .ss_size = sizeof alternate};
  sigaltstack(&s, 0);
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
  for (int i = 0; i < 5; i++) sigaction(signals[i], &action, 0);
  struct sigaction tick = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGVTALRM, &tick, 0);
  struct itimerval interval = {{0, 10000}, {0, 10000}};
  setitimer(ITIMER_VIRTUAL, &interval, 0);

  struct input in;
  while (fread(&in, sizeof in, 1, stdin) == 1) {
    uint32_t at = in.mode == 0 ? in.eip - CODE : in.eip;
    memcpy(code + at, in.code, in.length);
    uint8_t *back = code + at + in.length;
    uint32_t target = (uint32_t)(uintptr_t)after_case;
    if (in.mode != 0) *back++ = 0x66;
    *back++ = 0xea;
    memcpy(back, &target, 4);
    back[4] = 0x23;
    back[5] = 0;
    memcpy(in_regs, in.regs, sizeof in_regs);
    memcpy(in_fx, in.fx, sizeof in_fx);
    in_eflags = in.eflags;
    in_stack.offset = in.regs[4];
    in_stack.selector = in.mode == 0 ? flat_data : 0x17;
    in_target.offset = in.eip;
    in_target.selector = in.mode == 0 ? 0x23 : 0x07;
    in_ds = in.mode == 0 ? flat_data : 0x0f;
    in_fs = fs;
    in_gs = gs;
    memset((void *)&result, 0, sizeof result);
    result.trap = 0xffffffff;
    ticks = 0;
    running = 1;
    run_case();
    running = 0;
    if (result.trap == 0xffffffff) {
      memcpy((void *)result.regs, out_regs, sizeof out_regs);
      memcpy((void *)result.fx, out_fx, sizeof out_fx);
      result.eflags = out_eflags;
      result.eip = in.eip + in.length;
    } else if (result.trap == 3) {
      /* The INT3 that every other byte of the code pages is: a branch came here. */
      result.trap = 0xffffffff;
      result.eip--;
    }
    static uint32_t changes[4 * PAGE][2];
    uint32_t count = 0;
    for (int region = 0; region < 2; region++) {
      uint32_t base = region ? STACK : DATA;
      uint8_t *now = (uint8_t *)base, *was = region ? stack : data;
      if (memcmp(now, was, 2 * PAGE) == 0) continue;
      for (uint32_t i = 0; i < 2 * PAGE; i++) {
        if (now[i] == was[i]) continue;
        changes[count][0] = base + i;
        changes[count++][1] = now[i];
        now[i] = was[i];
      }
    }
    result.count = count;
    fwrite((void *)&result, sizeof result, 1, stdout);
    fwrite(changes, 8, count, stdout);
    memset(code + at, 0xcc, in.length + 8);
  }
  return 0;
}
