/** Memory operands to ModR/M, SIB and displacement (Intel SDM volume 2 §2.1.5). */
import type { Sum } from "./expression.ts";
import { REGISTER_NAMES, type Width } from "./notation.ts";
import { SourceError } from "./problem.ts";

export interface ResolvedMemory {
  type: "memory";
  /** Size word in bits, 0 for none. */
  bits: number;
  far: boolean;
  /** Override, -1 for none. */
  segment: number;
  addressBits: Width;
  /** Register numbers, -1 for none. */
  base: number;
  index: number;
  scale: 0 | 1 | 2 | 3;
  displacement: bigint;
  /** Bytes of the displacement where there is a base or index: 0, 1 or the address size's. */
  displacementBytes: number;
}

export interface AddressBytes {
  modrm: number;
  following: number[];
}

interface SourceMemory {
  bits: number;
  far: boolean;
  segment: number;
  displacementBits: number;
  column: number;
  length: number;
}

const BX = 3;
const BP = 5;
const SI = 6;
const DI = 7;

/** Finds base, index and scale in a sum of registers. `defaultBits` is the code's size. */
export function resolveMemory(source: SourceMemory, sum: Sum, defaultBits: Width): ResolvedMemory {
  const bad = (why: string) => new SourceError("bad-address", source.column, source.length, why);
  const terms = [...sum.registers].filter(([, count]) => count !== 0n);
  const wide = terms.filter(([name]) => REGISTER_NAMES.r32.includes(name));
  if (wide.length > 0 && wide.length < terms.length) throw bad("16- and 32-bit registers mixed");
  const { displacementBits } = source;
  if (
    displacementBits !== 0 &&
    displacementBits !== 8 &&
    displacementBits !== 16 &&
    displacementBits !== 32
  ) {
    throw bad("size of the displacement");
  }
  let addressBits = defaultBits;
  if (terms.length > 0) addressBits = wide.length > 0 ? 32 : 16;
  else if (displacementBits >= 16) addressBits = displacementBits as Width;
  const limit = 1n << BigInt(addressBits);
  if (sum.value < -(limit / 2n) || sum.value >= limit) {
    throw new SourceError(
      "out-of-range",
      source.column,
      source.length,
      String(sum.value),
      String(addressBits),
    );
  }
  const registers = addressBits === 32 ? wideRegisters(terms, bad) : narrowRegisters(terms, bad);
  const displacement = BigInt.asIntN(addressBits, sum.value);
  const small = displacement >= -128n && displacement <= 127n && !sum.relative;
  let displacementBytes = small ? 1 : addressBits / 8;
  if (displacementBits === 8) displacementBytes = 1;
  else if (displacementBits !== 0) displacementBytes = addressBits / 8;
  else if (displacement === 0n && !sum.relative) displacementBytes = 0;
  const { bits, far, segment } = source;
  return { type: "memory", bits, far, segment, addressBits, ...registers, displacement, displacementBytes };
}

type Registers = Pick<ResolvedMemory, "base" | "index" | "scale">;
type Terms = readonly (readonly [string, bigint])[];

function narrowRegisters(terms: Terms, bad: (why: string) => SourceError): Registers {
  let base = -1;
  let index = -1;
  for (const [name, count] of terms) {
    const number = REGISTER_NAMES.r16.indexOf(name);
    if (count !== 1n) throw bad(`${name} with a factor`);
    if ((number === BX || number === BP) && base < 0) base = number;
    else if ((number === SI || number === DI) && index < 0) index = number;
    else
      throw bad(
        number === BX || number === BP || number === SI || number === DI ? "bx with bp, or si with di" : name,
      );
  }
  return { base, index, scale: 0 };
}

function wideRegisters(terms: Terms, bad: (why: string) => SourceError): Registers {
  if (terms.length > 2) throw bad("more than two registers");
  const number = (name: string) => REGISTER_NAMES.r32.indexOf(name);
  const scales = new Map<bigint, 0 | 1 | 2 | 3>([
    [1n, 0],
    [2n, 1],
    [4n, 2],
    [8n, 3],
  ]);
  if (terms.length === 0) return { base: -1, index: -1, scale: 0 };
  if (terms.length === 1) {
    const [name, count] = terms[0];
    const one = number(name);
    if (count === 1n) return { base: one, index: -1, scale: 0 };
    // A factor of 2, 3, 5 or 9 is the register as base and as index.
    if (count === 2n) return { base: one, index: requireIndex(one, bad), scale: 0 };
    const scale = scales.get(count);
    if (scale !== undefined) return { base: -1, index: requireIndex(one, bad), scale };
    const rest = scales.get(count - 1n);
    if (rest === undefined) throw bad(`factor ${count}`);
    return { base: one, index: requireIndex(one, bad), scale: rest };
  }
  let [first, second] = terms;
  // The one with a factor is the index; ESP can only be the base.
  if (first[1] !== 1n || (second[1] === 1n && second[0] === "esp")) [first, second] = [second, first];
  const scale = scales.get(second[1]);
  if (first[1] !== 1n || scale === undefined) throw bad("factors");
  return { base: number(first[0]), index: requireIndex(number(second[0]), bad), scale };
}

function requireIndex(number: number, bad: (why: string) => SourceError): number {
  if (number === 4) throw bad("esp as index");
  return number;
}

function displacementOf({ displacement }: ResolvedMemory, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number((displacement >> BigInt(8 * i)) & 0xffn));
}

const NARROW_RM: readonly (readonly [number, number])[] = [
  [BX, SI],
  [BX, DI],
  [BP, SI],
  [BP, DI],
  [-1, SI],
  [-1, DI],
  [BP, -1],
  [BX, -1],
];

export function encodeAddress(memory: ResolvedMemory): AddressBytes {
  const { base, index, scale, addressBits } = memory;
  const mod = (count: number) => (count === 0 ? 0 : count === 1 ? 0x40 : 0x80);
  let count = memory.displacementBytes;
  if (addressBits === 16) {
    if (base < 0 && index < 0) return { modrm: 6, following: displacementOf(memory, 2) };
    const rm = NARROW_RM.findIndex((pair) => pair[0] === base && pair[1] === index);
    if (rm === 6 && count === 0) count = 1;
    return { modrm: mod(count) | rm, following: displacementOf(memory, count) };
  }
  if (base < 0 && index < 0) return { modrm: 5, following: displacementOf(memory, 4) };
  if (base < 0) {
    return { modrm: 4, following: [(scale << 6) | (index << 3) | 5, ...displacementOf(memory, 4)] };
  }
  if (base === BP && count === 0) count = 1;
  const following = displacementOf(memory, count);
  if (index < 0 && base !== 4) return { modrm: mod(count) | base, following };
  const sib = (scale << 6) | ((index < 0 ? 4 : index) << 3) | base;
  return { modrm: mod(count) | 4, following: [sib, ...following] };
}
