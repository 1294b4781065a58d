/**
 * The debugger of the core: `ringside bench debugger`. Going back is measured against the limit of one second; a
 * debugger that observes nothing against the same machine without one, and tracing that is off against the core built without
 * the places where it would look in, in alternating rounds of processor time.
 */
import { barePc } from "../../src/emulator/core/debug/bare-pc.ts";
import { Debugger } from "../../src/emulator/core/debug/debugger.ts";
import { loadBoth } from "./without-hooks.ts";
import { median, type BenchmarkRow } from "./benchmark-row.ts";

const ROUNDS = 7;
const INSTRUCTIONS = 10_000_000;

/** Arithmetic, memory all over a megabyte, calls and branches, for ever. */
const PROGRAM = `
bits 32
again:
  imul eax, ebx, 0x10dcd
  mov edx, eax
  and edx, 0xffffc
  xor [0x100000 + edx], eax
  add ecx, [0x100000 + ebx * 4]
  call leaf
  inc ebx
  and ebx, 0x3ffff
  jmp again
leaf:
  rol eax, 5
  ret
`;

function processCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

export async function benchmarkDebugger(_: string, log: (line: string) => void): Promise<BenchmarkRow[]> {
  const debug = new Debugger(barePc(PROGRAM).pc);
  debug.start();
  const { cpu } = debug.pc;
  while (cpu.instructions < 3 * INSTRUCTIONS) debug.slice(1_000_000);
  const back: number[] = [];
  const step: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const there = cpu.instructions;
    let from = performance.now();
    await debug.goTo(there - INSTRUCTIONS);
    back.push((performance.now() - from) / 1000);
    await debug.goTo(there);
    from = performance.now();
    await debug.stepBack();
    step.push((performance.now() - from) / 1000);
    await debug.goTo(there);
  }
  log(`back over ${INSTRUCTIONS}: ${median(back).toFixed(3)} s, one step back: ${median(step).toFixed(3)} s`);

  const attached = new Debugger(barePc(PROGRAM).pc);
  const id = attached.addBreakpoint({ enabled: true, place: { type: "address", linear: 0x5000 } });
  attached.removeBreakpoint(id);
  const plain = barePc(PROGRAM).pc;
  const [ours, peer] = alternate(
    () => attached.slice(INSTRUCTIONS),
    () => plain.run(INSTRUCTIONS),
  );
  const built = await loadBoth();
  const withHooks = built.plain.barePc(PROGRAM).pc;
  const withoutHooks = built.stripped.barePc(PROGRAM).pc;
  const [off, none] = alternate(
    () => withHooks.run(INSTRUCTIONS),
    () => withoutHooks.run(INSTRUCTIONS),
  );
  log(`${built.hooks} hooks stripped: ${off.toFixed(3)} s with them, ${none.toFixed(3)} s without`);
  return [
    {
      work: "back over 10 million instructions, against one second",
      ours: median(back),
      peer: 1,
      ratio: median(back),
      limit: 1,
    },
    { work: "one step back, against one second", ours: median(step), peer: 1, ratio: median(step), limit: 1 },
    {
      work: "debugger that observes nothing, 10 million instructions",
      ours,
      peer,
      ratio: ours / peer,
      limit: 1.02,
    },
    {
      work: "tracing off, 10 million instructions, against a build without the hooks",
      ours: off,
      peer: none,
      ratio: off / none,
      limit: 1.02,
    },
  ];
}

/** Seconds of processor time of either, the medians of rounds that take turns; the first round is for the compiler. */
function alternate(ours: () => void, peer: () => void): [number, number] {
  const seconds = [[] as number[], [] as number[]];
  for (let round = 0; round <= 3 * ROUNDS; round++) {
    const turns = [
      [0, ours],
      [1, peer],
    ] as const;
    for (const [which, work] of round % 2 === 0 ? turns : turns.toReversed()) {
      const from = processCpu();
      work();
      if (round > 0) seconds[which].push(processCpu() - from);
    }
  }
  return [median(seconds[0]), median(seconds[1])];
}
