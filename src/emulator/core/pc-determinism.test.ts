/** The same machine, input and seed do the same, whatever stands between: slices, a save and a restore, random programs. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { Code } from "../contract/rom.ts";
import { Pc, type PcConfig } from "./pc.ts";
import { restorePc, savePc } from "./pc-state.ts";

const SEED = 0xdece;
const ROUNDS = process.env.RINGSIDE_LONG === "1" ? 400 : 10;
const INSTRUCTIONS = 20_000;

function build(image: Uint8Array, bits: 16 | 32 = 16, config: Partial<PcConfig> = {}): Pc {
  const boot = { type: "flat" as const, image, address: 0x7c00, bits };
  return new Pc({
    memoryMiB: 2,
    boot,
    seed: 1,
    nics: [{ model: "ne2000", mac: "00:0c:29:01:02:03" }],
    ...config,
  });
}

function digest(pc: Pc): string {
  const hash = createHash("sha256").update(pc.memory.bytes).digest("hex").slice(0, 16);
  return `${hash} ${pc.cpu.instructions} ${pc.clock.now()} ${[...pc.cpu.r].join(",")}`;
}

/** Runs to the count in slices; a halt for good or a triple fault ends it early. */
function runTo(pc: Pc, count: number, slice: number): void {
  for (let i = 0; pc.cpu.instructions < count && i < count; i++) {
    const stop = pc.run(Math.min(slice, count - pc.cpu.instructions), pc.clock.now() + 1e7);
    if (stop.type !== "limit" && stop.type !== "stopped") break;
  }
}

/** The timer at 1 kHz, its handler counting at 500h, and a loop that reads time, draws random numbers and stores both. */
function busyProgram(): Uint8Array {
  const code = new Code()
    .out8(0x43, 0x34)
    .out8(0x40, 0xa9)
    .out8(0x40, 0x04)
    .out8(0x20, 0x13)
    .out8(0x21, 0x08)
    .out8(0x21, 0x01)
    .out8(0x21, 0xee)
    .raw(0xc7, 0x06, 0x20, 0x00, 0x00, 0x7d, 0xc7, 0x06, 0x30, 0x00, 0x10, 0x7d) // vectors 8 and 12
    .out8(0x3f9, 0x01)
    .raw(0xbf, 0x00, 0x10, 0xfb); // mov di, 1000h; sti
  const loop = code.here;
  code
    .raw(0x0f, 0x31, 0x66, 0xab) // rdtsc; stosd
    .raw(0x66, 0x0f, 0xc7, 0xf0, 0x66, 0xab) // rdrand eax; stosd
    .raw(0x81, 0xe7, 0xff, 0x3f, 0x81, 0xcf, 0x00, 0x10) // and di, 3fffh; or di, 1000h
    .raw(0xf7, 0xc7, 0x0f, 0x00, 0x75, 0x01, 0xf4) // test di, 15; jnz; hlt
    .jump(loop);
  while (code.here < 0x100) code.raw(0x90);
  code.increment32(0x500).raw(0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf);
  while (code.here < 0x110) code.raw(0x90);
  code.raw(0x50, 0x52).in8(0x3f8).raw(0xa2, 0x10, 0x05).increment32(0x508);
  code.raw(0xb0, 0x20, 0xe6, 0x20, 0x5a, 0x58, 0xcf);
  return Uint8Array.from(code.bytes);
}

describe("a machine repeats itself", () => {
  test("with interrupts, idle time, random numbers and input at the same instruction", () => {
    const session = (slice: number) => {
      const pc = build(busyProgram());
      runTo(pc, 30_000, slice);
      pc.apply({ type: "serial", port: 0, bytes: Uint8Array.of(65, 66, 67) });
      runTo(pc, 60_000, slice);
      return digest(pc);
    };
    const whole = session(1_000_000);
    expect(session(1_000_000)).toBe(whole);
    expect(session(777)).toBe(whole);
  });

  test("and another seed gives another run", () => {
    const [a, b] = [1, 2].map((seed) => build(busyProgram(), 16, { seed }));
    runTo(a, 30_000, 1e6);
    runTo(b, 30_000, 1e6);
    expect(digest(a)).not.toBe(digest(b));
  });

  test("when it is saved in the middle, and when another machine goes on from that", () => {
    const first = build(busyProgram());
    runTo(first, 20_000, 1e6);
    const state = structuredClone(savePc(first));
    const memory = first.memory.bytes.slice();
    runTo(first, 60_000, 1e6);
    const second = build(busyProgram());
    second.memory.bytes.set(memory);
    restorePc(second, state);
    runTo(second, 60_000, 1e6);
    expect(digest(second)).toBe(digest(first));
  });
});

describe.each([16, 32] as const)("random bytes executed in %i-bit mode", (bits) => {
  test(`never throw, never grow, and do the same twice (seed ${SEED})`, () => {
    const random = new Random(SEED + bits);
    for (let round = 0; round < ROUNDS; round++) {
      const image = random.bytes(4096);
      const [a, b] = [build(image, bits), build(image, bits)];
      runTo(a, INSTRUCTIONS, 5000);
      runTo(b, INSTRUCTIONS, 5000);
      expect(digest(a), `round ${round}`).toBe(digest(b));
    }
  });
});

test(`a million random port and memory accesses leave a machine with every device standing (seed ${SEED})`, () => {
  const random = new Random(SEED);
  const medium = {
    byteLength: 1 << 20,
    readOnly: false,
    read: (_: number, length: number) => new Uint8Array(length),
  };
  const disk = { ...medium, write: () => {} };
  const pc = build(Uint8Array.of(0xeb, 0xfe), 16, {
    drives: { hda: disk, hdb: disk, cdrom: { ...disk, readOnly: true } },
    nics: [
      { model: "ne2000", mac: "00:0c:29:01:02:03" },
      { model: "virtio", mac: "00:0c:29:01:02:04" },
    ],
  });
  const accesses = 1_000_000;
  const known = pc.bus.ports.ranges.map(({ first, last }) => [first, last]);
  for (let i = 0; i < accesses; i++) {
    const [first, last] = known[random.below(known.length)];
    const port = random.below(4) === 0 ? random.below(0x10000) : first + random.below(last - first + 1);
    const address = random.below(2) === 0 ? 0xa0000 + random.below(0x20000) : random.uint32();
    switch (random.below(8)) {
      case 0:
        pc.bus.ports.write8(port, random.uint32());
        break;
      case 1:
        pc.bus.ports.write16(port, random.uint32());
        break;
      case 2:
        pc.bus.ports.write32(port, random.uint32());
        break;
      case 3:
        pc.bus.ports.read8(port);
        break;
      case 4:
        pc.bus.ports.read32(port);
        break;
      case 5:
        pc.bus.write8(address, random.uint32());
        break;
      case 6:
        pc.bus.read8(address);
        break;
      default:
        pc.run(20, pc.clock.now() + 1e6);
    }
  }
  pc.reset();
  expect(pc.run(1000).type).toBe("limit");
});
