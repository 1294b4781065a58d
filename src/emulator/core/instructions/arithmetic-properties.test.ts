/**
 * Shifts, rotates, multiplication, division and BCD against a slow, obvious model: numbers as lists of bits, one step at a
 * time, as the manual's pseudo-code has it. Flags that the manual leaves undefined are not looked at.
 */
import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { Cpu } from "../cpu/cpu.ts";
import { readFlags, setStatusFlags } from "../cpu/flags.ts";
import {
  EAX,
  EBX,
  ECX,
  EDX,
  EIP,
  FLAG_AF,
  FLAG_CF,
  FLAG_OF,
  FLAG_PF,
  FLAG_SF,
  FLAG_ZF,
} from "../cpu/registers.ts";
import { setRealSegment } from "../cpu/segmentation.ts";
import { Bus } from "../memory/bus.ts";
import { PhysicalMemory } from "../memory/physical-memory.ts";
import { INSTRUCTION_SET } from "./instruction-set.ts";

const memory = new PhysicalMemory(1 << 16);
const cpu = new Cpu(new Bus(memory), INSTRUCTION_SET);
/** Where vector 0 goes. */
const DIVIDE_ERROR = 0x500;

interface Registers {
  eax: number;
  ebx: number;
  ecx: number;
  edx: number;
  flags: number;
}

/** Executes one instruction in real mode; undefined after a divide error. */
function execute(bytes: readonly number[], before: Registers): Registers | undefined {
  cpu.reset();
  memory.write16(0, DIVIDE_ERROR);
  memory.write16(2, 0);
  memory.load(0x1000, Uint8Array.from(bytes));
  for (let segment = 0; segment < 6; segment++) setRealSegment(cpu, segment, 0);
  const { r } = cpu;
  r[EAX] = before.eax;
  r[EBX] = before.ebx;
  r[ECX] = before.ecx;
  r[EDX] = before.edx;
  r[4] = 0x800;
  r[EIP] = 0x1000;
  setStatusFlags(r, before.flags);
  cpu.run(1);
  if (r[EIP] === DIVIDE_ERROR) return undefined;
  return {
    eax: r[EAX] >>> 0,
    ebx: r[EBX] >>> 0,
    ecx: r[ECX] >>> 0,
    edx: r[EDX] >>> 0,
    flags: readFlags(cpu),
  };
}

type Width = 8 | 16 | 32;
const widths = fc.constantFrom<Width[]>(8, 16, 32);
const word = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff),
);
/** Opcode of a group by width, with the operand-size prefix that 16-bit code needs for 32 bits. */
const group = (width: Width, opcode: number) => [
  ...(width === 32 ? [0x66] : []),
  width === 8 ? opcode : opcode + 1,
];
const low = (value: number, width: Width) => (width === 32 ? value >>> 0 : value & (2 ** width - 1));
const flag = (registers: Registers, bit: number) => (registers.flags & bit) !== 0;

const bitsOf = (value: number, width: number) =>
  Array.from({ length: width }, (_, i) => Math.floor(value / 2 ** i) % 2 === 1);
const numberOf = (bits: readonly boolean[]) => bits.reduce((sum, bit, i) => sum + (bit ? 2 ** i : 0), 0);

/** Bits lowest first, and CF. */
interface Shifted {
  bits: boolean[];
  carry: boolean;
}

const STEPS: Record<string, (state: Shifted) => Shifted> = {
  rol: ({ bits }) => ({ bits: [bits.at(-1)!, ...bits.slice(0, -1)], carry: bits.at(-1)! }),
  ror: ({ bits }) => ({ bits: [...bits.slice(1), bits[0]], carry: bits[0] }),
  rcl: ({ bits, carry }) => ({ bits: [carry, ...bits.slice(0, -1)], carry: bits.at(-1)! }),
  rcr: ({ bits, carry }) => ({ bits: [...bits.slice(1), carry], carry: bits[0] }),
  shl: ({ bits }) => ({ bits: [false, ...bits.slice(0, -1)], carry: bits.at(-1)! }),
  shr: ({ bits }) => ({ bits: [...bits.slice(1), false], carry: bits[0] }),
  sar: ({ bits }) => ({ bits: [...bits.slice(1), bits.at(-1)!], carry: bits[0] }),
};
const FIELDS: Record<string, number> = { rol: 0, ror: 1, rcl: 2, rcr: 3, shl: 4, shr: 5, sar: 7 };

const evenParity = (value: number) => bitsOf(value & 0xff, 8).filter(Boolean).length % 2 === 0;

describe("shift by CL", () => {
  test.prop([fc.constantFrom(...Object.keys(STEPS)), widths, word, fc.nat(255), fc.boolean()])(
    "moves one bit at a time",
    (name, width, value, count, carry) => {
      const flags = carry ? FLAG_CF : 0;
      const after = execute([...group(width, 0xd2), 0xc3 | (FIELDS[name] << 3)], {
        eax: 0,
        ebx: value,
        ecx: count,
        edx: 0,
        flags,
      })!;
      let state: Shifted = { bits: bitsOf(low(value, width), width), carry };
      const times = count & 31;
      for (let i = 0; i < times; i++) state = STEPS[name](state);
      expect(low(after.ebx, width)).toBe(numberOf(state.bits));
      // SHL and SHR leave CF undefined beyond the operand's width.
      const carryDefined = !(["shl", "shr"].includes(name) && times > width);
      if (carryDefined) expect(flag(after, FLAG_CF)).toBe(state.carry);
      if (times === 0 || FIELDS[name] < 4) return;
      expect(flag(after, FLAG_ZF)).toBe(numberOf(state.bits) === 0);
      expect(flag(after, FLAG_SF)).toBe(state.bits.at(-1));
      expect(flag(after, FLAG_PF)).toBe(evenParity(numberOf(state.bits)));
      if (times !== 1) return;
      const top = bitsOf(low(value, width), width).at(-1)!;
      const overflow = name === "shl" ? state.bits.at(-1) !== state.carry : name === "shr" && top;
      expect(flag(after, FLAG_OF)).toBe(overflow);
    },
  );
});

/** EDX:EAX, DX:AX or AX, as the accumulator pair of this width. */
function pair(registers: Registers, width: Width): bigint {
  if (width === 8) return BigInt(registers.eax & 0xffff);
  return (BigInt(low(registers.edx, width)) << BigInt(width)) | BigInt(low(registers.eax, width));
}
const signed = (value: bigint, bits: number) => BigInt.asIntN(bits, value);

describe("multiplication", () => {
  test.prop([widths, word, word, fc.boolean()])("has all bits of the product", (width, a, b, isSigned) => {
    const field = isSigned ? 5 : 4;
    const after = execute([...group(width, 0xf6), 0xc3 | (field << 3)], {
      eax: a,
      ebx: b,
      ecx: 0,
      edx: 0,
      flags: 0,
    })!;
    const left = BigInt(low(a, width));
    const right = BigInt(low(b, width));
    const product = isSigned ? signed(left, width) * signed(right, width) : left * right;
    expect(pair(after, width)).toBe(BigInt.asUintN(2 * width, product));
    const fits = isSigned ? signed(product, width) === product : product < 2n ** BigInt(width);
    expect([flag(after, FLAG_CF), flag(after, FLAG_OF)]).toEqual([!fits, !fits]);
  });
});

describe("division", () => {
  test.prop([widths, word, word, word, fc.boolean()])(
    "gives quotient and remainder, or a divide error where the quotient does not fit",
    (width, lowHalf, highHalf, by, isSigned) => {
      // Dividends that fit are rare among random ones: half of them are made to.
      const high = lowHalf % 2 === 0 ? highHalf : highHalf % 3;
      const eax = width === 8 ? (lowHalf & 0xff) | ((high & 0xff) << 8) : lowHalf;
      const before = { eax, ebx: by, ecx: 0, edx: high, flags: 0 };
      const after = execute([...group(width, 0xf6), 0xc3 | ((isSigned ? 7 : 6) << 3)], before);
      const divisor = isSigned ? signed(BigInt(low(by, width)), width) : BigInt(low(by, width));
      const dividend = isSigned ? signed(pair(before, width), 2 * width) : pair(before, width);
      const quotient = divisor === 0n ? undefined : dividend / divisor;
      const fits =
        quotient !== undefined &&
        (isSigned ? signed(quotient, width) === quotient : BigInt.asUintN(width, quotient) === quotient);
      if (!fits) {
        expect(after).toBeUndefined();
        return;
      }
      const remainder = dividend - quotient * divisor;
      const found = after!;
      const foundRemainder = width === 8 ? (found.eax >>> 8) & 0xff : low(found.edx, width);
      expect(low(found.eax, width)).toBe(Number(BigInt.asUintN(width, quotient)));
      expect(foundRemainder).toBe(Number(BigInt.asUintN(width, remainder)));
    },
  );
});

/** A packed decimal number: two digits. */
const decimal = fc.nat(99).map((n) => Math.floor(n / 10) * 16 + (n % 10));
const asNumber = (packed: number) => (packed >>> 4) * 10 + (packed & 15);

/** ADD or SUB of AL with BL, and the adjustment behind it. */
function adjusted(opcode: number, adjustment: number, a: number, b: number): Registers {
  const sum = execute([opcode, 0xd8], { eax: a, ebx: b, ecx: 0, edx: 0, flags: 0 })!;
  return execute([adjustment], sum)!;
}

describe("packed decimals", () => {
  test.prop([decimal, decimal])("DAA after ADD is decimal addition", (a, b) => {
    const after = adjusted(0x00, 0x27, a, b);
    const sum = asNumber(a) + asNumber(b);
    expect(asNumber(after.eax & 0xff)).toBe(sum % 100);
    expect(flag(after, FLAG_CF)).toBe(sum > 99);
  });

  test.prop([decimal, decimal])("DAS after SUB is decimal subtraction", (a, b) => {
    const after = adjusted(0x28, 0x2f, a, b);
    const difference = asNumber(a) - asNumber(b);
    expect(asNumber(after.eax & 0xff)).toBe((difference + 100) % 100);
    expect(flag(after, FLAG_CF)).toBe(difference < 0);
  });
});

describe("unpacked decimals", () => {
  test.prop([fc.nat(9), fc.nat(9)])("AAA after ADD carries into AH", (a, b) => {
    const after = adjusted(0x00, 0x37, a, b);
    expect(((after.eax >>> 8) & 0xff) * 10 + (after.eax & 0xff)).toBe(a + b);
    expect([flag(after, FLAG_CF), flag(after, FLAG_AF)]).toEqual([a + b > 9, a + b > 9]);
  });

  test.prop([fc.nat(9), fc.nat(9)])("AAS after SUB borrows from AH", (a, b) => {
    const after = adjusted(0x28, 0x3f, a, b);
    expect(after.eax & 0xff).toBe((a - b + 10) % 10);
    expect([(after.eax >>> 8) & 0xff, flag(after, FLAG_CF)]).toEqual([a < b ? 0xff : 0, a < b]);
  });

  test.prop([fc.nat(0xff), fc.integer({ min: 1, max: 0xff })])("AAM divides AL by its base", (al, base) => {
    const after = execute([0xd4, base], { eax: al, ebx: 0, ecx: 0, edx: 0, flags: 0 })!;
    expect([(after.eax >>> 8) & 0xff, after.eax & 0xff]).toEqual([Math.floor(al / base), al % base]);
  });

  test.prop([fc.nat(0xffff), fc.nat(0xff)])("AAD joins AH and AL by its base", (ax, base) => {
    const after = execute([0xd5, base], { eax: ax, ebx: 0, ecx: 0, edx: 0, flags: 0 })!;
    expect(after.eax & 0xffff).toBe(((ax >>> 8) * base + (ax & 0xff)) & 0xff);
  });
});
