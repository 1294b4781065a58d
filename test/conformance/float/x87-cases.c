/*
 * Writes what this computer's processor answers to seeded x87 operations, one line a case:
 *   operation control-word first second result0 result1 status-word
 * Operands and results are hex numbers, most significant digit first; "-" where there is none.
 * Results are the register stack's top (and the next below) or the memory operand, which was filled with CC.
 * Build and run:  gcc -O1 -o x87-cases x87-cases.c && ./x87-cases SEED COUNT GROUP | gzip -9n > GROUP.txt.gz
 * GROUP is x87 (exact operations) or transcendental.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned char Bytes[16];

static uint64_t state;
static uint64_t next(void) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}
static unsigned below(unsigned n) { return (unsigned)((next() >> 16) % n); }

typedef struct {
  uint64_t significand;
  uint16_t sign_exponent;
} Extended;

#define TOP 0x8000000000000000u
static const Extended edges[] = {
    {0, 0},              {1, 0},
    {2, 0},              {TOP - 1, 0},
    {TOP >> 1, 0},       {TOP, 0},
    {TOP | 1, 0},        {~0ull, 0},
    {TOP, 1},            {TOP | 1, 1},
    {~0ull, 1},          {TOP, 2},
    {TOP, 0x7fff},       {TOP, 0x7fff},
    {0xc000000000000000u, 0x7fff}, {0xc000000000000001u, 0x7fff},
    {~0ull, 0x7fff},     {0xd234567812345678u, 0x7fff},
    {TOP | 1, 0x7fff},   {0x8fffffffffffffffu, 0x7fff},
    {0xbfffffffffffffffu, 0x7fff}, {0xa234567812345678u, 0x7fff},
    {0, 0x7fff},         {1, 0x7fff},
    {0x4000000000000000u, 0x7fff}, {0x7fffffffffffffffu, 0x3fff},
    {0, 0x3fff},         {0, 1},
    {~0ull, 0x7ffe},     {TOP, 0x7ffe},
    {0xffffff0000000000u, 0x7ffe}, {0xfffffffffffff800u, 0x7ffe},
    {TOP, 0x3fff},       {TOP | 1, 0x3fff},
    {~0ull, 0x3ffe},     {TOP, 0x3ffe},
    {TOP, 0x4000},       {0xc000000000000000u, 0x4000},
    {0xc000000000000000u, 0x3fff}, {0xa000000000000000u, 0x4000},
    {TOP, 0x3ffd},       {0xc000000000000000u, 0x3ffe},
    {TOP | 0x400, 0x3fff}, {TOP | 0xc00, 0x3fff},
    {0x8000008000000000u, 0x3fff}, {0x8000018000000000u, 0x3fff},
    {0xc90fdaa22168c235u, 0x4000}, {0xc90fdaa22168c235u, 0x3fff},
    {TOP, 0x403e},       {~0ull, 0x403d},
    {TOP, 0x403d},       {~0ull, 0x401d},
    {TOP, 0x401e},       {TOP, 0x400e},
    {0xfffe000000000000u, 0x400d}, {0xffff000000000000u, 0x400d},
    {0xde0b6b3a763ffff0u, 0x403a}, {0xde0b6b3a763fffe8u, 0x403a},
    {0xde0b6b3a763ffff8u, 0x403a}, {0xde0b6b3a76400000u, 0x403a},
    {TOP, 0x407e},       {0xffffff0000000000u, 0x407e},
    {0xffffff8000000000u, 0x407e}, {0xfffffffffffff800u, 0x43fe},
    {0xfffffffffffffc00u, 0x43fe}, {TOP, 0x3f81},
    {0xffffff8000000000u, 0x3f80}, {TOP, 0x3f6a},
    {TOP, 0x3f69},       {TOP | 1, 0x3f69},
    {TOP, 0x3c01},       {0xfffffffffffffc00u, 0x3c00},
    {TOP, 0x3bcd},       {TOP, 0x3bcc},
};

static uint64_t fraction_bits(void) {
  uint64_t s = next();
  switch (below(8)) {
    case 0: s = 0; break;
    case 1: s = ~0ull << below(64); break;
    case 2: s = (1ull << below(64)) | (1ull << below(64)); break;
    case 3: s <<= below(64); break;
    case 4: s = (s & ~0xffffull) | (0x400 * below(4)) | below(2); break;
    case 5: s = (s & ~0xffffffffffull) << 1 | ((uint64_t)below(4) << 39) | below(2); break;
  }
  return s | TOP;
}

static Extended number(int low, int high) {
  Extended e = {fraction_bits(), (uint16_t)((low + (int)below(high - low + 1)) | (below(2) << 15))};
  return e;
}

static Extended edge(void) {
  Extended e = edges[below(sizeof edges / sizeof *edges)];
  e.sign_exponent |= below(2) << 15;
  return e;
}

static Extended operand(void) {
  switch (below(8)) {
    case 0: return number(1, 0x7ffe);
    case 1: return number(1, 80);
    case 2: return number(0x7f80, 0x7ffe);
    case 3: case 4: return number(0x3fff - 70, 0x3fff + 70);
    case 5: { Extended e = number(0, 0); if (below(4)) e.significand >>= below(64); return e; }
    default: return edge();
  }
}

static Extended near_range(unsigned kind) {
  if (below(4) == 0) return edge();
  switch (kind) {
    case 32: return below(2) ? number(0x3f60, 0x3f88) : number(0x3fff - 4, 0x4080);
    case 64: return below(2) ? number(0x3bc0, 0x3c08) : number(0x43f0, 0x4400);
    default: return number(0x3ff8, 0x3fff + 66);
  }
}

enum { TWO, ONE, COMPARE, STORE, LOAD, MEMORY };
static unsigned char fx[512] __attribute__((aligned(16)));
static Bytes a, b, mem;
static uint16_t cw;

#define AFTER "\n\tfxsave %0\n\tfnclex\n\tfninit"
#define REG2(op) asm volatile("fninit\n\tfldt %1\n\tfldt %2\n\tfldcw %3\n\t" op AFTER : "=m"(fx) : "m"(b), "m"(a), "m"(cw) : "memory"); break
#define REG1(op) asm volatile("fninit\n\tfldt %1\n\tfldcw %2\n\t" op AFTER : "=m"(fx) : "m"(a), "m"(cw) : "memory"); break
#define MEM1(op) asm volatile("fninit\n\tfldt %2\n\tfldcw %3\n\t" op " %1" AFTER : "=m"(fx), "+m"(mem) : "m"(a), "m"(cw) : "memory"); break
#define LOAD1(op) asm volatile("fninit\n\tfldcw %2\n\t" op " %1" AFTER : "=m"(fx), "+m"(mem) : "m"(cw) : "memory"); break

typedef struct { const char *name; int form; int size; int results; int range; } Operation;
static const Operation exact[] = {
    {"add", TWO, 10, 1, 0}, {"sub", TWO, 10, 1, 0}, {"mul", TWO, 10, 1, 0}, {"div", TWO, 10, 1, 0},
    {"sqrt", ONE, 10, 1, 0}, {"prem", TWO, 10, 1, 0}, {"prem1", TWO, 10, 1, 0}, {"scale", TWO, 10, 1, 0},
    {"rndint", ONE, 10, 1, 1}, {"xtract", ONE, 10, 2, 0}, {"xam", ONE, 10, 0, 0},
    {"com", COMPARE, 10, 0, 0}, {"ucom", COMPARE, 10, 0, 0},
    {"ist16", STORE, 2, 1, 1}, {"ist32", STORE, 4, 1, 1}, {"ist64", STORE, 8, 1, 1},
    {"istt16", STORE, 2, 1, 1}, {"istt32", STORE, 4, 1, 1}, {"istt64", STORE, 8, 1, 1},
    {"st32", STORE, 4, 1, 32}, {"st64", STORE, 8, 1, 64}, {"bstp", STORE, 10, 1, 1},
    {"ld32", LOAD, 4, 1, 0}, {"ld64", LOAD, 8, 1, 0}, {"ild16", LOAD, 2, 1, 0}, {"ild32", LOAD, 4, 1, 0},
    {"ild64", LOAD, 8, 1, 0}, {"bld", LOAD, 10, 1, 0},
    {"add32", MEMORY, 4, 1, 0}, {"mul64", MEMORY, 8, 1, 0}, {"com32", MEMORY, 4, 0, 0}, {"div64", MEMORY, 8, 1, 0},
};
static const Operation transcendental[] = {
    {"f2xm1", ONE, 10, 1, 0}, {"fyl2x", TWO, 10, 1, 0}, {"fyl2xp1", TWO, 10, 1, 0}, {"fpatan", TWO, 10, 1, 0},
    {"fptan", ONE, 10, 2, 0}, {"fsin", ONE, 10, 1, 0}, {"fcos", ONE, 10, 1, 0}, {"fsincos", ONE, 10, 2, 0},
};

static void run_exact(int index) {
  switch (index) {
    case 0: REG2("fadd %%st(1), %%st");
    case 1: REG2("fsub %%st(1), %%st");
    case 2: REG2("fmul %%st(1), %%st");
    case 3: REG2("fdiv %%st(1), %%st");
    case 4: REG1("fsqrt");
    case 5: REG2("fprem");
    case 6: REG2("fprem1");
    case 7: REG2("fscale");
    case 8: REG1("frndint");
    case 9: REG1("fxtract");
    case 10: REG1("fxam");
    case 11: REG2("fcom");
    case 12: REG2("fucom");
    case 13: MEM1("fists");
    case 14: MEM1("fistl");
    case 15: MEM1("fistpll");
    case 16: MEM1("fisttps");
    case 17: MEM1("fisttpl");
    case 18: MEM1("fisttpll");
    case 19: MEM1("fsts");
    case 20: MEM1("fstl");
    case 21: MEM1("fbstp");
    case 22: LOAD1("flds");
    case 23: LOAD1("fldl");
    case 24: LOAD1("filds");
    case 25: LOAD1("fildl");
    case 26: LOAD1("fildll");
    case 27: LOAD1("fbld");
    case 28: MEM1("fadds");
    case 29: MEM1("fmull");
    case 30: MEM1("fcoms");
    case 31: MEM1("fdivl");
  }
}

static void run_transcendental(int index) {
  switch (index) {
    case 0: REG1("f2xm1");
    case 1: REG2("fyl2x");
    case 2: REG2("fyl2xp1");
    case 3: REG2("fpatan");
    case 4: REG1("fptan");
    case 5: REG1("fsin");
    case 6: REG1("fcos");
    case 7: REG1("fsincos");
  }
}

static void put(Bytes to, Extended e) {
  memcpy(to, &e.significand, 8);
  memcpy(to + 8, &e.sign_exponent, 2);
}

static void hex(const unsigned char *bytes, int size) {
  putchar(' ');
  for (int i = size - 1; i >= 0; i--) printf("%02x", bytes[i]);
}

static void memory_operand(const Operation *op) {
  uint64_t v = fraction_bits();
  int kind = below(8);
  if (!strcmp(op->name, "bld")) {
    for (int i = 0; i < 9; i++) mem[i] = below(10) | below(10) << 4;
    for (int i = below(9); kind < 4 && i < 9; i++) mem[i] = 0;
    mem[9] = below(2) ? 0x80 : 0;
    return;
  }
  if (op->name[0] == 'i') {
    if (kind == 0) v = 0;
    if (kind == 1) v = 1ull << (op->size * 8 - 1);
    if (kind == 2) v = ~0ull;
    if (kind == 3) v = next() >> below(64);
    if (kind == 4) v = next();
  } else if (op->size == 4) {
    uint32_t exponent = kind < 2 ? 0 : kind == 2 ? 255 : kind < 6 ? 120 + below(16) : below(256);
    uint32_t fraction = below(4) ? (uint32_t)next() & 0x7fffff : below(2) ? 1u << below(23) : 0;
    v = (uint64_t)below(2) << 31 | exponent << 23 | fraction;
  } else {
    uint64_t exponent = kind < 2 ? 0 : kind == 2 ? 2047 : kind < 6 ? 1020 + below(16) : below(2048);
    uint64_t fraction = below(4) ? next() & 0xfffffffffffffull : below(2) ? 1ull << below(52) : 0;
    v = (uint64_t)below(2) << 63 | exponent << 52 | fraction;
  }
  memcpy(mem, &v, op->size);
}

/** Operands that lie where a transcendental is defined, three times in four. */
static void transcendental_operands(const char *name) {
  if (below(4) == 0) return;
  Extended x = number(0x3fff - 66, 0x3ffe), y = number(0x3fff - 40, 0x3fff + 40);
  if (!strcmp(name, "fyl2x")) { x = below(2) ? number(0x3ffd, 0x4001) : number(1, 0x7ffe); x.sign_exponent &= 0x7fff; }
  if (!strcmp(name, "fyl2xp1")) x = number(0x3fff - 66, 0x3ffc);
  if (!strcmp(name, "fpatan")) { y = number(0x3fff - 60, 0x3fff + 60); x = number(0x3fff - 60, 0x3fff + 60); }
  if (!strcmp(name, "fptan") || name[1] == 's' || name[1] == 'c') x = below(4) ? number(0x3fff - 40, 0x4003) : number(0x3fff, 0x3fff + 64);
  put(a, x);
  put(b, y);
}

int main(int argc, char **argv) {
  if (argc != 4) { fprintf(stderr, "usage: x87-cases SEED COUNT x87|transcendental\n"); return 2; }
  uint64_t seed = strtoull(argv[1], 0, 0);
  int count = atoi(argv[2]), other = strcmp(argv[3], "x87") != 0;
  const Operation *list = other ? transcendental : exact;
  int length = other ? sizeof transcendental / sizeof *list : sizeof exact / sizeof *list;
  char line[256];
  FILE *info = fopen("/proc/cpuinfo", "r");
  int wanted = 0;
  printf("# seed %llu, %d cases of each operation\n", (unsigned long long)seed, count);
  while (info && wanted < 5 && fgets(line, sizeof line, info))
    if (!strncmp(line, "vendor_id", 9) || !strncmp(line, "cpu family", 10) || !strncmp(line, "model", 5) || !strncmp(line, "stepping", 8))
      wanted++, printf("# %s", line);
  state = seed;
  for (int index = 0; index < length; index++) {
    const Operation *op = &list[index];
    for (int n = 0; n < count; n++) {
      Extended x = op->range && below(3) ? near_range(op->range) : operand();
      Extended y = operand();
      if (op->form == TWO && below(2)) {
        int exponent = (x.sign_exponent & 0x7fff) + (int)below(140) - 70;
        if (!strcmp(op->name, "scale") && below(2)) exponent = 0x3fff + (int)below(18);
        if (exponent < 0) exponent = 0;
        if (exponent > 0x7ffe) exponent = 0x7ffe;
        y.sign_exponent = (uint16_t)(exponent | (below(2) << 15));
        y.significand = fraction_bits();
        if (exponent == 0) y.significand &= ~TOP;
        if (below(8) == 0) y.significand = x.significand, y.sign_exponent = x.sign_exponent ^ (uint16_t)(below(2) << 15);
      }
      put(a, x);
      put(b, y);
      memset(mem, 0xcc, sizeof mem);
      if (other) transcendental_operands(op->name);
      if (op->form == LOAD || op->form == MEMORY) memory_operand(op);
      static const uint16_t precisions[] = {0x300, 0x300, 0x200, 0x000};
      cw = 0x40 | (other ? 0x300 : precisions[below(4)]) | (below(2) ? below(4) << 10 : 0);
      cw |= below(4) ? 0x3f : below(2) ? 0x3f & ~(1 << below(6)) : below(64);
      printf("%s %04x", op->name, cw);
      if (op->form == LOAD) printf(" -"); else hex(a, 10);
      if (op->form == TWO || op->form == COMPARE) hex(b, 10);
      else if (op->form == LOAD || op->form == MEMORY) hex(mem, op->size);
      else printf(" -");
      if (other) run_transcendental(index); else run_exact(index);
      if (op->results == 0) printf(" -");
      else if (op->form == STORE) hex(mem, op->size);
      else hex(fx + 32, 10);
      if (op->results == 2) hex(fx + 48, 10); else printf(" -");
      printf(" %02x%02x\n", fx[3], fx[2]);
    }
  }
  return 0;
}
