/** The fast forms against the families that say what instructions mean, on random operands. */
import { describe, expect, test } from "vitest";
import { Random } from "../../../common/random.ts";
import { Cpu } from "../cpu/cpu.ts";
import { readFlags } from "../cpu/flags.ts";
import { CS, DS, EIP, ES, ESP, FS, GS, SS } from "../cpu/registers.ts";
import { setSegment } from "../cpu/segmentation.ts";
import { Bus } from "../memory/bus.ts";
import { PhysicalMemory } from "../memory/physical-memory.ts";
import { buildDecodeMap } from "./decode-map.ts";
import { makeForm } from "./family.ts";
import { unusedForms } from "./hot.ts";
import { FAMILIES, OPCODE_LINES } from "./instruction-set.ts";
import { parseLine } from "./opcode-table.ts";

const SEED = 0x407;
const MIB = 1 << 20;
const CODE = 0x1000;
const rows = OPCODE_LINES.map(parseLine);
const [hot, ...general] = FAMILIES;
const fast = buildDecodeMap(OPCODE_LINES, complete(FAMILIES), (cpu) => cpu.raise(6));
const plain = buildDecodeMap(OPCODE_LINES, complete(general), (cpu) => cpu.raise(6));

function complete(families: typeof FAMILIES) {
  const missing = rows.filter(({ mnemonic }) => families.every((family) => family[mnemonic] === undefined));
  return [...families, Object.fromEntries(missing.map(({ mnemonic }) => [mnemonic, () => undefined]))];
}

function flat(map: typeof fast): Cpu {
  const cpu = new Cpu(new Bus(new PhysicalMemory(MIB)), map);
  cpu.cr0 |= 1;
  setSegment(cpu, CS, 8, 0, 0xffffffff, 0xc09b00);
  for (const segment of [ES, SS, DS, FS, GS]) setSegment(cpu, segment, 16, 0, 0xffffffff, 0xc09300);
  return cpu;
}

/** A random encoding of one row: opcode, ModR/M with and without memory, displacement, immediate. */
function encode(row: (typeof rows)[number], random: Random): number[] {
  const bytes = random.below(8) === 0 ? [0x66] : [];
  if (row.map === 1) bytes.push(0x0f);
  bytes.push(row.form === "plus" ? row.opcode + random.below(8) : row.opcode);
  if (row.form === "digit" || row.form === "r") {
    const reg = row.form === "digit" ? row.extension : random.below(8);
    bytes.push((random.below(4) << 6) | (reg << 3) | random.below(8));
  }
  return [...bytes, ...random.bytes(10)];
}

describe("fast forms", () => {
  test("each is a form of the opcode table", () => {
    const forms = rows.flatMap((row) => [0, 1, 2, 3].map((i) => makeForm(row, (i & 2) !== 0, (i & 1) !== 0)));
    expect(unusedForms(forms)).toEqual([]);
  });

  test(`do what their families do (seed ${SEED})`, () => {
    const random = new Random(SEED);
    const [a, b] = [flat(fast), flat(plain)];
    const own = rows.filter(({ mnemonic }) => hot[mnemonic] !== undefined);
    let executed = 0;
    for (let round = 0; round < 15_000; round++) {
      const row = own[random.below(own.length)];
      const code = Uint8Array.from(encode(row, random));
      // Small numbers make addresses that exist; large ones meet the flags' edges.
      const registers = Int32Array.from({ length: 8 }, () =>
        random.below(2) === 0 ? random.below(MIB) : random.uint32() | 0,
      );
      registers[ESP] = 0x80000 + random.below(64);
      const flags = random.uint32();
      const data = random.bytes(64);
      const place = registers[random.below(8)] & (MIB - 64);
      for (const cpu of [a, b]) {
        cpu.r.set(registers);
        cpu.r[9] = flags & 1 ? 0 : flags | 0;
        cpu.r[10] = flags & 0xc0000008;
        cpu.memory.load(0x2000 + (place >= 0x2000 ? place - 0x2000 : 0), data);
        cpu.memory.load(CODE, code);
        cpu.r[EIP] = CODE;
        cpu.attention = 0;
        cpu.step();
      }
      executed++;
      const state = (cpu: Cpu) => [...cpu.r.subarray(0, 8), cpu.r[EIP], readFlags(cpu)].join(" ");
      expect(state(a), `${row.line}: ${[...code].map((byte) => byte.toString(16)).join(" ")}`).toBe(state(b));
    }
    expect(executed).toBe(15_000);
    expect(Buffer.compare(a.memory.bytes, b.memory.bytes)).toBe(0);
  });
});
