/** The same kernel on every architecture: exact counts, worked out by hand, and the memory it leaves. */
import { describe, expect, test } from "vitest";
import { FLAG_IF } from "../../emulator/core/cpu/registers.ts";
import {
  GUEST_MEMORY_BYTES,
  KERNEL_STACK,
  RESULTS,
  RESULT_DONE,
  RESULT_WORDS,
} from "../guest-kernel/guest-kernel.ts";
import { WORKLOADS, type Workload } from "../guest-kernel/workloads.ts";
import { createMonitor, INSTRUCTION_LIMIT, perIteration, runWorkload } from "./architectures.ts";
import { ARCHITECTURES, type Architecture } from "./architecture.ts";
import { memoryDigest, resultWord } from "./monitor.ts";

/** Architectures the guest is not meant to notice. */
const INVISIBLE = ["binary-translation", "svm-shadow", "svm-nested", "container"] as const;

type Counts = Record<string, number>;

const INJECT = (vector: string): Counts => ({ [`injection vector ${vector}h`]: 1 });

/**
 * Events of one iteration, worked out from the kernel's source and the architecture's rules. How often the emulator finds a
 * block again is left out: that is no event of the guest.
 */
const EXPECTED: Partial<Record<Workload, Record<Architecture, Counts>>> = {
  // INT 80h from ring 3, IRETD back.
  "system-call": {
    emulation: {},
    // The monitor's gate takes INT 80h and hands it on; IRETD to ring 3 is not privileged.
    "trap-and-emulate": { "trap INT 80h": 1, ...INJECT("80") },
    // IRETD is called out, as it would lose the interrupt flag.
    "binary-translation": { "trap INT 80h": 1, ...INJECT("80"), "callout IRETD": 1 },
    // A gate leads straight to the domain's kernel.
    paravirtual: {},
    "svm-shadow": {},
    "svm-nested": {},
    container: { "kernel-entry vector 80h": 1 },
  },
  "port-input": {
    emulation: { "device delay": 1 },
    "trap-and-emulate": { "trap #GP IN": 1, "device delay": 1 },
    "binary-translation": { "callout IN": 1, "device delay": 1 },
    paravirtual: { "trap #GP IN": 1, "device delay": 1 },
    "svm-shadow": { "exit IOIO": 1, "device delay": 1 },
    "svm-nested": { "exit IOIO": 1, "device delay": 1 },
    container: { "device delay": 1 },
  },
  // A store to a device's register: no memory is mapped there.
  "task-priority": {
    emulation: { "device task priority": 1 },
    "trap-and-emulate": { "trap #PF device": 1, "device task priority": 1 },
    "binary-translation": { "trap #PF device": 1, "device task priority": 1 },
    // A word of the shared page.
    paravirtual: {},
    "svm-shadow": { "exit EXCP14": 1, "device task priority": 1 },
    "svm-nested": { "exit NPF": 1, "device task priority": 1 },
    container: { "device task priority": 1 },
  },
  "call-return": {
    emulation: {},
    "trap-and-emulate": {},
    // The return's target is found in the table.
    "binary-translation": {},
    paravirtual: {},
    "svm-shadow": {},
    "svm-nested": {},
    container: {},
  },
  // The guest's own fault: its handler reads CR2, leaves the instruction out and returns.
  "page-fault": {
    emulation: {},
    "trap-and-emulate": { "trap #PF true": 1, "trap #GP MOV CR2": 1, ...INJECT("e") },
    "binary-translation": { "trap #PF true": 1, "callout MOV CR2": 1, "callout IRETD": 1, ...INJECT("e") },
    // The address is in the shared page.
    paravirtual: { "trap #PF true": 1, ...INJECT("e") },
    "svm-shadow": { "exit EXCP14": 1, ...INJECT("e") },
    "svm-nested": {},
    container: { "kernel-entry #PF": 1 },
  },
  "divide-error": {
    emulation: {},
    "trap-and-emulate": { "trap #DE": 1, ...INJECT("0") },
    "binary-translation": { "trap #DE": 1, "callout IRETD": 1, ...INJECT("0") },
    paravirtual: { "trap #DE": 1, ...INJECT("0") },
    "svm-shadow": {},
    "svm-nested": {},
    container: { "kernel-entry #DE": 1 },
  },
  // Two entries written, of a page nobody touches: nothing is made from them, nothing is dropped.
  "page-table": {
    emulation: {},
    "trap-and-emulate": { "trap #PF traced write": 2 },
    "binary-translation": { "callout traced write": 2 },
    paravirtual: { "hypercall domU mmu_update": 2, "page-table entry written": 2 },
    "svm-shadow": { "exit EXCP14": 2, "page-table traced write": 2 },
    "svm-nested": {},
    container: {},
  },
  // There and back.
  "address-space-switch": {
    emulation: {},
    "trap-and-emulate": { "trap #GP MOV CR3": 2 },
    "binary-translation": { "callout MOV CR3": 2 },
    paravirtual: { "hypercall domU new_baseptr": 2 },
    "svm-shadow": { "exit CR3_WRITE": 2 },
    "svm-nested": {},
    container: {},
  },
  // A sector is asked for by one OUT and read by 128 INs, in one system call.
  "file-read": {
    emulation: { "device disk": 129 },
    "trap-and-emulate": {
      "trap INT 80h": 1,
      ...INJECT("80"),
      "trap #GP OUT": 1,
      "trap #GP IN": 128,
      "device disk": 129,
    },
    "binary-translation": {
      "trap INT 80h": 1,
      ...INJECT("80"),
      "callout IRETD": 1,
      "callout OUT": 1,
      "callout IN": 128,
      "device disk": 129,
    },
    // The front end asks, domain 0 reads with ports of its own.
    paravirtual: {
      "hypercall domU event_send": 1,
      "hypercall domU sched_block": 1,
      "domain-switch domU to dom0": 1,
      "hypercall dom0 event_send": 1,
      "hypercall dom0 sched_block": 1,
      "domain-switch dom0 to domU": 1,
      "injection event": 1,
      "device disk": 129,
    },
    "svm-shadow": { "exit IOIO": 129, "device disk": 129 },
    "svm-nested": { "exit IOIO": 129, "device disk": 129 },
    container: { "kernel-entry vector 80h": 1, "device disk": 129 },
  },
};

function withoutTranslation(counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).filter(([name]) => !name.startsWith("translation ")));
}

describe.each(Object.keys(EXPECTED) as Workload[])("one %s", (workload) => {
  test.each(ARCHITECTURES)("on %s causes the events worked out by hand", (architecture) => {
    expect(withoutTranslation(perIteration(architecture, workload).counts)).toEqual(
      EXPECTED[workload]![architecture],
    );
  });
});

/** Each workload once on each architecture. */
const runs = new Map<string, ReturnType<typeof runOnce>>();

function runOnce(architecture: Architecture, workload: Workload) {
  const monitor = createMonitor(architecture, workload, 4);
  const end = monitor.run(INSTRUCTION_LIMIT);
  return {
    end,
    output: monitor.board.output,
    digest: memoryDigest(monitor),
    instructions: monitor.guestInstructions,
    results: Object.values(RESULT_WORDS).map((offset) => resultWord(monitor, RESULTS + offset)),
  };
}

function run(architecture: Architecture, workload: Workload) {
  const key = `${architecture} ${workload}`;
  const present = runs.get(key) ?? runOnce(architecture, workload);
  runs.set(key, present);
  return present;
}

describe.each(WORKLOADS)("%s", (workload) => {
  test.each(ARCHITECTURES)("comes to its end on %s with the bare machine's results", (architecture) => {
    const { end, output, results } = run(architecture, workload);
    expect(end).toEqual({ type: "finished" });
    expect(results[0] >>> 0).toBe(RESULT_DONE);
    expect(output).toBe("teaching kernel\n");
    expect(results).toEqual(run("emulation", workload).results);
  });

  test.each(INVISIBLE)("leaves the same memory on %s as on the bare machine", (architecture) => {
    expect(run(architecture, workload).digest).toBe(run("emulation", workload).digest);
  });

  test.each(["trap-and-emulate", "svm-shadow", "svm-nested", "container"] as const)(
    "executes as many instructions of the guest on %s as on the bare machine",
    (architecture) => {
      expect(run(architecture, workload).instructions).toBe(run("emulation", workload).instructions);
    },
  );
});

test.each(ARCHITECTURES)("two runs on %s are the same in every count", (architecture) => {
  const again = () => runWorkload(architecture, "fork-wait", 5);
  expect(again()).toEqual(again());
});

test("trap-and-emulate loses the interrupt flag, and nothing else, where IRETD did not trap", () => {
  const image = (architecture: Architecture) => {
    const monitor = createMonitor(architecture, "system-call", 4);
    monitor.run(INSTRUCTION_LIMIT);
    const { cpu, guestBase } = monitor;
    return new Int32Array(cpu.memory.bytes.slice(guestBase, guestBase + GUEST_MEMORY_BYTES).buffer);
  };
  const bare = image("emulation");
  const different = [...image("trap-and-emulate")].flatMap((word, i) =>
    word === bare[i] ? [] : [[i * 4, bare[i] ^ word]],
  );
  // The flags that the last system call pushed.
  expect(different).toEqual([[KERNEL_STACK - 12, FLAG_IF]]);
});
