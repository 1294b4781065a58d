/** Comparison and branch in one call do what they do one by one, and are counted as two. */
import { expect, test } from "vitest";
import { Random } from "../../../common/random.ts";
import type { Cpu } from "../cpu/cpu.ts";
import { readFlags, setStatusFlags } from "../cpu/flags.ts";
import { EAX, EBX, ECX, EDX, EIP } from "../cpu/registers.ts";
import { barePc } from "../debug/bare-pc.ts";

const SEED = 4711;
const DATA = 0x9000;
const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];
const COMPARISONS = [
  "cmp eax, ebx",
  "cmp [edx], ebx",
  "cmp eax, [edx]",
  "cmp eax, 5",
  "cmp dword [edx], -3",
  "cmp ebx, 0x12345678",
  "cmp dword [edx], 0x12345678",
  "cmp eax, 0x12345678",
  "cmp bl, 0x80",
  "cmp byte [edx], 0x7f",
  "cmp al, 0x80",
  "cmp al, bl",
  "test eax, ebx",
  "test al, bl",
  "test bl, 0x81",
  "test byte [edx], 0x18",
  "test al, 0x42",
  "dec eax",
];
const EDGES = [0, 1, -1, 5, 6, -3, 0x80, 0x7f, 0x12345678, 0x7fffffff, 0x80000000, 0x80000005];

function prepare(cpu: Cpu, start: number, values: readonly number[]): void {
  const [eax, ebx, data, flags] = values;
  cpu.r[EAX] = eax;
  cpu.r[EBX] = ebx;
  cpu.r[ECX] = 0;
  cpu.r[EDX] = DATA;
  cpu.memory.write32(DATA, data);
  setStatusFlags(cpu.r, flags & 0x8d5);
  cpu.r[EIP] = start;
}

const outcome = (cpu: Cpu) => [cpu.r[EIP] >>> 0, cpu.r[EAX], cpu.r[EBX], readFlags(cpu)];

test.each(COMPARISONS)(`%s and each branch (seed ${SEED})`, (comparison) => {
  const random = new Random(SEED);
  const pairs = CONDITIONS.map(
    (name) => `try_${name}: ${comparison}\nj${name} there_${name}\nnop\nthere_${name}: nop`,
  );
  const { pc, program } = barePc(`bits 32\n${pairs.join("\n")}`);
  const { cpu } = pc;
  const value = () => (random.below(2) === 0 ? EDGES[random.below(EDGES.length)] : random.uint32());
  let taken = 0;
  for (const name of CONDITIONS) {
    const start = program.labels.get(`try_${name}`)!;
    for (let i = 0; i < 40; i++) {
      const values = [value(), value(), value(), random.uint32()];
      prepare(cpu, start, values);
      cpu.step();
      expect(cpu.r[EIP]).toBeLessThan(program.labels.get(`there_${name}`)!);
      cpu.step();
      const single = outcome(cpu);
      prepare(cpu, start, values);
      const before = cpu.instructions;
      cpu.run(2);
      expect([cpu.instructions - before, ...outcome(cpu)], `${name} ${values.join(" ")}`).toEqual([
        2,
        ...single,
      ]);
      if (single[0] === program.labels.get(`there_${name}`)) taken++;
    }
  }
  expect(taken).toBeGreaterThan(100);
  expect(taken).toBeLessThan(40 * 16 - 100);
});

test("a comparison that faults is where the fault is", () => {
  const { pc, program } = barePc("bits 32\nmov edx, 0x9000\nhere: cmp dword [gs:edx], 5\nje here");
  pc.cpu.limit[5] = 0xfff;
  pc.cpu.span.fill(0, 5 * 8, 6 * 8);
  const stop = pc.run(10);
  expect(stop).toMatchObject({ type: "triple-fault", fault: { eip: program.labels.get("here") } });
});
