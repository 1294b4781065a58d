/** A seeded generator of numbers, and the operands at which instructions go wrong. */

export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  /** 32 bits, unsigned (mulberry32). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), this.state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  below(limit: number): number {
    return Math.floor((this.next() / 0x100000000) * limit);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  next64(): bigint {
    return (BigInt(this.next()) << 32n) | BigInt(this.next());
  }
}

export const EDGE_INTEGERS: readonly number[] = [
  0, 1, 2, 3, 7, 8, 0xf, 0x10, 0x1f, 0x20, 0x3f, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x7ff, 0x7fff, 0x8000, 0x8001,
  0xfffe, 0xffff, 0x10000, 0x1ffff, 0x7f7f7f7f, 0x80808080, 0x7fff7fff, 0x80008000, 0x7ffffffe, 0x7fffffff,
  0x80000000, 0x80000001, 0xaaaaaaaa, 0x55555555, 0xffff0000, 0xfffffffe, 0xffffffff,
];

export const EDGE_SINGLES: readonly number[] = [
  0, 0x80000000, 1, 0x80000001, 0x7fffff, 0x807fffff, 0x400000, 0x800000, 0x80800000, 0x800001, 0x3f800000,
  0xbf800000, 0x3f800001, 0x3f7fffff, 0x40000000, 0x3f000000, 0xbf000000, 0x3fc00000, 0x40200000, 0x3eaaaaab,
  0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff,
  0x7fbfffff, 0x4b000000, 0x4b7fffff, 0x4f000000, 0xcf000000, 0x4effffff, 0x5f000000, 0x1f800000, 0x60000000,
  0x20000000, 0x00ffffff, 0x34000000, 0x33800000, 0x7e800000, 0x3fb504f3, 0xc0490fdb, 0x42c80000,
];

export const EDGE_DOUBLES: readonly bigint[] = [
  0n,
  0x8000000000000000n,
  1n,
  0x8000000000000001n,
  0xfffffffffffffn,
  0x800fffffffffffffn,
  0x8000000000000n,
  0x10000000000000n,
  0x8010000000000000n,
  0x10000000000001n,
  0x3ff0000000000000n,
  0xbff0000000000000n,
  0x3ff0000000000001n,
  0x3fefffffffffffffn,
  0x4000000000000000n,
  0x3fe0000000000000n,
  0xbfe0000000000000n,
  0x3ff8000000000000n,
  0x4004000000000000n,
  0x3fd5555555555555n,
  0x7fefffffffffffffn,
  0xffefffffffffffffn,
  0x7ff0000000000000n,
  0xfff0000000000000n,
  0x7ff8000000000000n,
  0xfff8000000000000n,
  0x7ff0000000000001n,
  0xfff7ffffffffffffn,
  0x41e0000000000000n,
  0xc1e0000000000000n,
  0x41dfffffffc00000n,
  0x41dfffffffffffffn,
  0xc1e0000000100000n,
  0x43e0000000000000n,
  0x4330000000000001n,
  0x1ff0000000000000n,
  0x5ff0000000000000n,
  0x380fffffe0000000n,
  0x36a0000000000000n,
  0x3690000000000000n,
  0x47efffffe0000000n,
  0x47effffff0000000n,
  0x3ff6a09e667f3bcdn,
  0x400921fb54442d18n,
  0xc059000000000000n,
  0x3cb0000000000000n,
];

const TOP = 1n << 63n;
/** Sign and exponent, significand. */
export const EDGE_EXTENDED: readonly (readonly [number, bigint])[] = [
  [0, 0n],
  [0x8000, 0n],
  [0, 1n],
  [0, TOP - 1n],
  [0x8000, TOP >> 1n],
  [0, TOP],
  [0x8000, TOP | 1n],
  [1, TOP],
  [0x3fff, TOP],
  [0xbfff, TOP],
  [0x3fff, TOP | 1n],
  [0x3ffe, 2n * TOP - 1n],
  [0x4000, TOP],
  [0x3ffe, TOP],
  [0xbffe, TOP],
  [0x3fff, TOP | (TOP >> 1n)],
  [0x4000, TOP | (TOP >> 2n)],
  [0x7ffe, 2n * TOP - 1n],
  [0xfffe, TOP],
  [0x7fff, TOP],
  [0xffff, TOP],
  [0x7fff, TOP | (TOP >> 1n)],
  [0xffff, TOP | (TOP >> 1n)],
  [0x7fff, TOP | 1n],
  [0xffff, TOP | 0x12345n],
  [0x7fff, 0n],
  [0x7fff, TOP >> 1n],
  [0x3fff, TOP >> 1n],
  [0x3fff, 0n],
  [0x4000, 0xc90fdaa22168c235n],
  [0x3fff, 0xc90fdaa22168c235n],
  [0xbffe, 0xb504f333f9de6484n],
  [0x403e, TOP],
  [0x403d, 2n * TOP - 1n],
  [0xc03e, TOP],
  [0x401e, TOP],
  [0xc01e, TOP],
  [0x401d, 0xfffffffe00000000n],
  [0x400e, TOP],
  [0x400d, 0xfffe000000000000n],
  [0x403a, 0xde0b6b3a763ffff0n],
  [0x403a, 0xde0b6b3a76400000n],
  [0x407e, 0xffffff8000000000n],
  [0x43fe, 0xfffffffffffffc00n],
  [0x3f6a, TOP],
  [0x3c01, TOP],
  [0x4005, 0xc800000000000000n],
  [0x3ffd, 0xaaaaaaaaaaaaaaabn],
  [0x3fbe, TOP],
  [0x4009, 0xfff0000000000000n],
];
