/**
 * The state a recorded case starts from, made from its seed and its bytes alone, so that the fixture need not hold it.
 * A memory operand's base register is set so that the operand lies where something may happen: in a slot of the right kind,
 * across the end of a page or of a segment, in the page that cannot be written, in none.
 */
import { EDGE_DOUBLES, EDGE_EXTENDED, EDGE_INTEGERS, EDGE_SINGLES, Random } from "./edge-values.ts";
import { CODE, DATA, type Mode, PAGE, READ_ONLY, REGION, SEGMENTS, STACK } from "./memory-map.ts";

export interface CaseBytes {
  readonly mode: Mode;
  readonly bytes: Uint8Array;
  /** Where the ModR/M byte stands; 0 for none. */
  readonly modrmAt: number;
  readonly seed: number;
}

export interface CaseState {
  readonly eip: number;
  /** EAX ECX EDX EBX ESP EBP ESI EDI */
  readonly registers: Int32Array;
  readonly eflags: number;
  /** The image that FXRSTOR loads. */
  readonly fx: Uint8Array;
  /** Linear address of the ModR/M operand; undefined where there is none. */
  readonly operand?: number;
}

const ESP = 4;
const FLAGS = 0xcd5;
const ALWAYS_FLAGS = 0x202;

/** A linear address for an operand. */
function target(random: Random): number {
  const choice = random.below(100);
  if (choice < 60) return DATA + 16 * random.below(REGION / 16 - 2);
  if (choice < 75) return DATA + random.below(REGION - 40);
  if (choice < 87) return DATA + REGION - 1 - random.below(18);
  if (choice < 93) return DATA + PAGE - 1 - random.below(16);
  if (choice < 97) return READ_ONLY + 16 * random.below(16);
  return DATA + REGION + random.below(64);
}

function general(random: Random): number {
  switch (random.below(6)) {
    case 0:
      return random.next();
    case 1:
      return DATA + random.below(REGION);
    case 2:
      return random.below(64);
    default:
      return random.of(EDGE_INTEGERS);
  }
}

/** Sets registers so that the ModR/M operand lies somewhere useful; some forms have no register that could. Answers where. */
function aim(item: CaseBytes, registers: Int32Array, random: Random): number | undefined {
  const { bytes, modrmAt } = item;
  const modrm = bytes[modrmAt];
  if (modrm >= 0xc0) return undefined;
  let segment = -1;
  let wide = item.mode === "32-bit";
  for (const prefix of bytes.subarray(0, modrmAt)) {
    if (prefix === 0x67) wide = item.mode !== "32-bit";
    const override = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65].indexOf(prefix);
    if (override >= 0) segment = override;
    if (prefix === 0x0f) break;
  }
  const mod = modrm >>> 6;
  const rm = modrm & 7;
  let base = -1;
  let index = -1;
  let scale = 0;
  let at = modrmAt + 1;
  let displacementBytes = mod === 1 ? 1 : mod === 2 ? (wide ? 4 : 2) : 0;
  if (wide) {
    base = rm;
    if (rm === 4) {
      const sib = bytes[at++];
      scale = sib >>> 6;
      index = ((sib >>> 3) & 7) === 4 ? -1 : (sib >>> 3) & 7;
      base = sib & 7;
    }
    if (base === 5 && mod === 0) {
      base = -1;
      displacementBytes = 4;
    }
  } else if (rm === 6 && mod === 0) displacementBytes = 2;
  else {
    base = [3, 3, 5, 5, -1, -1, 5, 3][rm];
    index = [6, 7, 6, 7, 6, 7, -1, -1][rm];
    if (base < 0) {
      base = index;
      index = -1;
    }
  }
  if (segment < 0) segment = base === 5 || base === ESP ? 2 : 3;
  let displacement = 0;
  for (let i = displacementBytes - 1; i >= 0; i--) displacement = displacement * 256 + bytes[at + i];
  if (displacementBytes > 0 && displacementBytes < 4) {
    const bits = 32 - 8 * displacementBytes;
    displacement = (displacement << bits) >> bits;
  }
  const { base: segmentBase } = SEGMENTS[item.mode][segment];
  const mask = wide ? -1 : 0xffff;
  const scaled = () => (index < 0 ? 0 : registers[index] << scale);
  if (base < 0 || base === index) {
    return (segmentBase + (((base < 0 ? 0 : registers[base]) + scaled() + displacement) & mask)) >>> 0;
  }
  let linear = target(random);
  if (segmentBase === STACK) linear += STACK - DATA;
  if (segmentBase === CODE) linear += CODE - DATA;
  const offset = linear - segmentBase;
  if (index >= 0 && random.below(4) !== 0) registers[index] = random.of([0, 1, 2, 4, 8, -1, 0x10]);
  registers[base] = (offset - displacement - scaled()) & mask;
  return (segmentBase + ((registers[base] + scaled() + displacement) & mask)) >>> 0;
}

function singleBits(random: Random): number {
  if (random.below(2) === 0) return random.of(EDGE_SINGLES);
  if (random.below(3) === 0) return random.next();
  return ((random.below(2) << 31) | ((120 + random.below(16)) << 23) | (random.next() & 0x7fffff)) >>> 0;
}

function doubleBits(random: Random): bigint {
  if (random.below(2) === 0) return random.of(EDGE_DOUBLES);
  if (random.below(3) === 0) return random.next64();
  const signExponent = (random.below(2) << 11) | (1015 + random.below(20));
  return (BigInt(signExponent) << 52n) | (random.next64() & 0xfffffffffffffn);
}

function extendedBits(random: Random): readonly [number, bigint] {
  if (random.below(2) === 0) return random.of(EDGE_EXTENDED);
  const significand = random.next64() | (1n << 63n);
  const exponent = random.below(4) === 0 ? random.below(0x8000) : 0x3fff - 40 + random.below(80);
  return [(random.below(2) << 15) | exponent, significand];
}

function floatingState(random: Random): Uint8Array {
  const fx = new Uint8Array(512);
  const view = new DataView(fx.buffer);
  const masks = random.below(4) === 0 ? random.below(64) : 0x3f;
  const precision = random.of([0x300, 0x300, 0x300, 0x200, 0]);
  view.setUint16(0, 0x40 | masks | precision | (random.below(2) === 0 ? 0 : random.below(4) << 10), true);
  const flags = random.below(2) === 0 ? 0 : random.below(64) & random.below(64);
  // An exception waits now and then.
  const waiting = random.below(16) === 0 ? flags : flags & masks;
  const top = random.below(3) === 0 ? random.below(8) : 0;
  view.setUint16(
    2,
    waiting | (random.below(8) === 0 ? 0x40 : 0) | (random.next() & 0x4700) | (top << 11),
    true,
  );
  const full = random.of([0xff, 0xff, 0x7f, 0x3f, 0x0f, 0]);
  // The low registers of the stack are full, counted from TOP.
  let tags = 0;
  for (let i = 0; i < 8; i++) if (((full >>> i) & 1) !== 0) tags |= 1 << ((top + i) & 7);
  view.setUint8(4, random.below(8) === 0 ? random.below(256) : tags);
  view.setUint16(6, random.below(0x800), true);
  view.setUint32(8, random.next(), true);
  view.setUint32(16, random.next(), true);
  const vectorMasks = random.below(4) === 0 ? random.below(64) : 0x3f;
  const vectorFlags = random.below(2) === 0 ? 0 : random.below(64) & random.below(64);
  const mode = random.below(2) === 0 ? 0 : random.below(4) << 13;
  const denormals = (random.below(8) === 0 ? 0x40 : 0) | (random.below(8) === 0 ? 0x8000 : 0);
  view.setUint32(24, (vectorMasks << 7) | vectorFlags | mode | denormals, true);
  for (let i = 0; i < 8; i++) {
    const [signExponent, significand] = extendedBits(random);
    const at = 32 + 16 * i;
    if (random.below(4) === 0) {
      // As MMX instructions leave them.
      view.setUint32(at, random.of(EDGE_INTEGERS), true);
      view.setUint32(at + 4, random.below(2) === 0 ? random.next() : random.of(EDGE_INTEGERS), true);
      view.setUint16(at + 8, 0xffff, true);
    } else {
      view.setBigUint64(at, significand, true);
      view.setUint16(at + 8, signExponent, true);
    }
    const xmm = 160 + 16 * i;
    const kind = random.below(3);
    for (let j = 0; j < 16; j += 8) {
      if (kind === 0) view.setBigUint64(xmm + j, doubleBits(random), true);
      else {
        for (let k = j; k < j + 8; k += 4) {
          const value =
            kind === 1
              ? singleBits(random)
              : random.below(2) === 0
                ? random.next()
                : random.of(EDGE_INTEGERS);
          view.setUint32(xmm + k, value, true);
        }
      }
    }
  }
  return fx;
}

/** Instructions that take their operands' addresses from fixed registers: strings, XLAT, MASKMOV. */
function aimImplied(item: CaseBytes, registers: Int32Array, random: Random): void {
  const { bytes, mode } = item;
  let at = 0;
  while ([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3].includes(bytes[at])) at++;
  const opcode = bytes[at];
  const maskMove = opcode === 0x0f && bytes[at + 1] === 0xf7;
  const isString = (opcode >= 0x6c && opcode <= 0x6f) || (opcode >= 0xa4 && opcode <= 0xaf);
  if (!isString && !maskMove && opcode !== 0xd7) return;
  const origin = mode === "32-bit" ? 0 : DATA;
  registers[6] = target(random) - origin;
  registers[7] = target(random) - origin;
  registers[3] = DATA - origin + random.below(REGION - 256);
  if (isString) registers[1] = random.of([0, 1, 2, 3, 5, 8, 17, 40, 300, -1]);
}

export function caseState(item: CaseBytes): CaseState {
  const random = new Random(item.seed);
  const { mode } = item;
  const registers = new Int32Array(8);
  for (let i = 0; i < 8; i++) registers[i] = general(random);
  const stackOffset =
    random.below(8) === 0
      ? random.of([0, 2, 4, 6, REGION, REGION - 2, REGION - 4, 0x1001, PAGE, PAGE + 2])
      : 0x800 + 4 * random.below(0x400);
  registers[ESP] = (mode === "32-bit" ? STACK : 0) + stackOffset;
  if (random.below(2) === 0) registers[5] = registers[ESP] + 16 * random.below(8);
  const eflags = (random.next() & FLAGS & (random.below(2) === 0 ? FLAGS : 0x8d5)) | ALWAYS_FLAGS;
  const fx = floatingState(random);
  aimImplied(item, registers, random);
  const operand = item.modrmAt > 0 ? aim(item, registers, random) : undefined;
  const code = random.below(16) === 0 ? PAGE - 1 - random.below(item.bytes.length) : 0x800 + random.below(64);
  return { eip: mode === "32-bit" ? CODE + code : code, registers, eflags, fx, operand };
}
