/** The debugger on small programs: where it stops, and that going back ends in the same state as having been there. */
import { describe, expect, test } from "vitest";
import { EAX, ECX, EIP } from "../cpu/registers.ts";
import { savePc } from "../pc-state.ts";
import { barePc } from "./bare-pc.ts";
import type { BreakpointPlace } from "./breakpoints.ts";
import { BreakpointError } from "./breakpoints.ts";
import { Debugger, type DebugGoal, type DebugStop } from "./debugger.ts";

const PROGRAM = `
bits 32
start:
  mov ecx, 5
again:
  call twice
  mov [counter], eax
  out 0x80, al
  dec ecx
  jnz again
  int3
finish:
  mov al, 7
  out 0xf4, al
twice:
  lea eax, [ecx + ecx]
  push ecx
  call leaf
  pop ecx
  ret
leaf:
  mov ecx, [counter]
  ret
handler:
  iretd
counter: dd 0
align 8
idt: times 3 dq 0
  dw handler, 8, 0x8e00, 0
idtr: dw 31
  dd idt
`.replace("start:", "start:\n  lidt [idtr]");

function open(source = PROGRAM) {
  let output = "";
  const { pc, program } = barePc(source, { debugText: (byte) => (output += String.fromCharCode(byte)) });
  const debug = new Debugger(pc, { interval: 1000 });
  debug.start();
  const label = (name: string) => program.labels.get(name)!;
  const go = (goal: DebugGoal): DebugStop => {
    debug.begin(goal);
    for (let i = 0; i < 1000; i++) {
      const stop = debug.slice(100_000);
      if (stop !== undefined) return stop;
    }
    throw new Error("no stop");
  };
  const add = (place: BreakpointPlace, condition?: string) =>
    debug.addBreakpoint({ enabled: true, place, condition });
  return { pc, debug, label, go, add, output: () => output, r: pc.cpu.r };
}

describe("breakpoints", () => {
  test("an address stops in front of its instruction each time it comes round", () => {
    const { go, add, label, debug, r } = open();
    const id = add({ type: "address", linear: label("leaf") });
    for (const count of [5, 4, 3]) {
      expect(go({ type: "run" })).toEqual({ type: "breakpoint", id });
      expect(r[EIP]).toBe(label("leaf"));
      expect(r[ECX]).toBe(count);
    }
    expect(debug.breakpoints[0].hits).toBe(3);
  });

  test("a condition decides", () => {
    const { go, add, label, r } = open();
    add({ type: "address", linear: label("leaf") }, "ecx == 2 && dword [esp + 4] == 2");
    go({ type: "run" });
    expect(r[ECX]).toBe(2);
    expect(go({ type: "run" })).toEqual({ type: "exit", code: 7 });
  });

  test("a memory write stops behind the instruction that wrote, a read does not", () => {
    const { go, add, label, debug, r } = open();
    add({ type: "memory", linear: label("counter") + 1, length: 2, access: "write" }, "value == 8");
    go({ type: "run" });
    expect([r[EAX], r[ECX]]).toEqual([8, 4]);
    debug.removeBreakpoint(1);
    add({ type: "memory", linear: label("counter"), length: 4, access: "read" });
    go({ type: "run" });
    expect(r[EIP]).toBe(label("leaf") + 6);
  });

  test.each<[string, BreakpointPlace, string]>([
    ["a port", { type: "port", first: 0x80, last: 0x80, access: "write" }, "again"],
    ["an exception", { type: "exception", vector: 3 }, "handler"],
    ["an interrupt", { type: "interrupt", vector: 3 }, "handler"],
  ])("%s", (_, place, where) => {
    const { go, add, label, r } = open();
    const id = add(place);
    const stop = go({ type: "run" });
    // INT3 is a software interrupt: as an exception nothing is seen of it.
    if (place.type === "exception") expect(stop).toEqual({ type: "exit", code: 7 });
    else {
      expect(stop).toEqual({ type: "breakpoint", id });
      if (place.type === "interrupt") expect(r[EIP]).toBe(label(where));
    }
  });

  test("an exception stops in front of its handler", () => {
    const { go, add, label, r } = open(
      PROGRAM.replace("int3", "ud2")
        .replace("align 8\nidt: times 3 dq 0", "align 8\nidt: times 6 dq 0")
        .replace("dw 31", "dw 55"),
    );
    const id = add({ type: "exception", vector: -1 }, "vector == 6");
    expect(go({ type: "run" })).toEqual({ type: "breakpoint", id });
    expect(r[EIP]).toBe(label("handler"));
  });

  test("a disabled one does not stop, and what is no place or condition is refused", () => {
    const { go, add, label, debug } = open();
    const id = add({ type: "address", linear: label("leaf") });
    debug.changeBreakpoint(id, { enabled: false });
    expect(go({ type: "run" }).type).toBe("exit");
    expect(() => add({ type: "address", linear: -1 })).toThrow(BreakpointError);
    expect(() => add({ type: "port", first: 5, last: 4, access: "any" })).toThrow(BreakpointError);
    expect(() => add({ type: "address", linear: 1 }, "eax ==")).toThrow(/found "end of line"/);
    expect(() => add({ type: "address", linear: 1 }, "eaax == 1")).toThrow(/nothing is named "eaax"/);
  });
});

describe("steps", () => {
  test("into, over and out of calls", () => {
    const { go, label, r } = open();
    go({ type: "to", linear: label("again") });
    expect(go({ type: "step" })).toEqual({ type: "done" });
    expect(r[EIP]).toBe(label("twice"));
    expect(go({ type: "out" })).toEqual({ type: "done" });
    expect([r[EIP], r[EAX]]).toEqual([label("again") + 5, 10]);
    go({ type: "to", linear: label("again") });
    expect(go({ type: "over" })).toEqual({ type: "done" });
    expect([r[EIP], r[EAX]]).toEqual([label("again") + 5, 8]);
  });

  test("over a recursive call ends in the caller's frame, not in a deeper one", () => {
    const { go, label, r } = open(
      "bits 32\nmov eax, 4\nouter: call f\nback: mov al, 0\nout 0xf4, al\nf: dec eax\njz done\ninner: call f\nbehind: nop\ndone: ret",
    );
    go({ type: "to", linear: label("inner") });
    expect(r[EAX]).toBe(3);
    go({ type: "over" });
    expect([r[EIP], r[EAX]]).toEqual([label("behind"), 0]);
    go({ type: "out" });
    expect(r[EIP]).toBe(label("back"));
  });

  test("over a repeated string instruction does all of it", () => {
    const { go, label, r } = open("bits 32\nmov ecx, 5000\nmov edi, 0x9000\nhere: rep stosb\nthere: hlt");
    go({ type: "to", linear: label("here") });
    go({ type: "over" });
    expect([r[EIP], r[ECX]]).toEqual([label("there"), 0]);
  });
});

describe("trace, profile and log", () => {
  test("the trace has the last instructions in order", () => {
    const { go, label, debug } = open();
    debug.record({ trace: true });
    go({ type: "to", linear: label("leaf") });
    const { linear } = debug.trace.last(1)[0];
    expect(linear).toBe(label("leaf") - 7);
    expect(debug.trace.last(100).map((one) => one.instructions)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("the profile counts instructions and addresses", () => {
    const { go, label, debug } = open();
    debug.record({ profile: true });
    go({ type: "run" });
    const { mix, hottest, total } = debug.profiler.report();
    expect(mix[0]).toEqual({ mnemonic: "mov", count: 12 });
    expect(mix.find(({ mnemonic }) => mnemonic === "call")?.count).toBe(10);
    expect(hottest.filter(({ count }) => count === 5)).toHaveLength(12);
    expect(hottest.some(({ linear }) => linear === label("leaf"))).toBe(true);
    expect(total).toBe(2 + 12 * 5 + 1 + 1 + 2);
  });

  test("the log has ports and interrupts with their instruction counts", () => {
    const { go, debug } = open();
    debug.record({ log: true });
    go({ type: "run" });
    const entries = debug.log.last(100);
    expect(entries.map((entry) => entry.type)).toEqual([
      ...Array.from({ length: 5 }, () => "port"),
      "software-interrupt",
      "port",
    ]);
    expect(entries[0]).toMatchObject({ port: 0x80, write: true, value: 10, size: 1 });
  });
});

const LONG = `
bits 32
  xor ebx, ebx
again:
  imul eax, ebx, 0x10dcd
  mov edx, eax
  and edx, 0xffc
  xor [0x100000 + edx], eax
  in al, 0x60
  add [sum], al
  rdtsc
  xor [0x200000 + edx * 4], eax
  inc ebx
  test ebx, 0xfff
  jnz again
  mov al, 'x'
  out 0xe9, al
  cmp ebx, 40960
  jne again
  mov al, 1
  out 0xf4, al
sum: dd 0
`;

const digest = (pc: ReturnType<typeof open>["pc"]) => {
  const { words, ramBytes } = pc.memory;
  let sum = 0;
  for (let i = 0; i < ramBytes / 4; i++) sum = (Math.imul(sum, 31) + words[i]) | 0;
  return JSON.stringify([sum, savePc(pc)], (_, value: unknown) =>
    ArrayBuffer.isView(value)
      ? [...new Uint8Array(value.buffer, value.byteOffset, Math.min(value.byteLength, 4096))]
      : value,
  );
};

describe("going back", () => {
  test("ends in the state that the machine had there, and goes on to the same end", async () => {
    const { pc, debug, output } = open(LONG);
    const states: string[] = [];
    const marks = [0, 1, 999, 25_000, 100_001, 300_000];
    for (const mark of marks) {
      debug.slice(mark - pc.cpu.instructions);
      expect(pc.cpu.instructions).toBe(mark);
      states.push(digest(pc));
    }
    debug.slice(1_000_000);
    const end = digest(pc);
    expect(output()).toBe("x".repeat(10));
    for (const i of [5, 3, 4, 0, 2, 1]) {
      expect(await debug.goTo(marks[i])).toBe(marks[i]);
      expect(digest(pc) === states[i], `at ${marks[i]}`).toBe(true);
    }
    expect(debug.slice(1_000_000)).toEqual({ type: "exit", code: 1 });
    expect(digest(pc) === end).toBe(true);
  });

  test("inputs come in again at their instruction counts, and another input begins another timeline", async () => {
    const { pc, debug } = open(LONG);
    debug.slice(50_000);
    debug.history.input({ type: "scancodes", codes: [0x1e] });
    debug.slice(50_000);
    debug.history.input({ type: "scancodes", codes: [0x9e] });
    debug.slice(20_000);
    const state = digest(pc);
    await debug.goTo(10);
    await debug.goTo(120_000);
    expect(digest(pc) === state).toBe(true);
    await debug.goTo(60_000);
    debug.history.input({ type: "scancodes", codes: [0x30] });
    debug.slice(60_000);
    expect(pc.cpu.instructions).toBe(120_000);
    expect(digest(pc) === state).toBe(false);
  });

  test("one step back undoes one instruction", async () => {
    const { debug, go, label, r, pc } = open();
    go({ type: "to", linear: label("leaf") });
    const count = pc.cpu.instructions;
    go({ type: "step" });
    await debug.stepBack();
    expect([r[EIP], pc.cpu.instructions]).toEqual([label("leaf"), count]);
    await debug.stepBack();
    expect(r[EIP]).toBe(label("leaf") - 7);
  });

  test("finds the last write of an address, over checkpoints", async () => {
    const { debug, go, label, r, pc } = open(
      LONG.replace("add [sum], al", "cmp ebx, 2000\n jne $ + 8\n add [sum], al"),
    );
    debug.slice(200_000);
    const before = digest(pc);
    const found = await debug.goToLastWrite(label("sum"), 4);
    expect(found).toBeLessThan(30_000);
    expect(pc.cpu.instructions).toBe(found);
    expect(r[3]).toBe(2000);
    go({ type: "step" });
    expect(await debug.goToLastWrite(label("sum"), 4)).toBe(found);
    await debug.goTo(200_000);
    expect(digest(pc) === before).toBe(true);
    expect(await debug.goToLastWrite(0x300000, 4)).toBeUndefined();
    expect(digest(pc) === before).toBe(true);
  });

  test("breakpoints set in between change nothing of what happens", async () => {
    const { pc, debug, label, add } = open(LONG);
    const plain = open(LONG);
    plain.debug.slice(400_000);
    for (let i = 0; i < 30; i++) {
      const id = add({ type: "memory", linear: label("sum"), length: 1, access: "any" }, `ebx == ${i * 500}`);
      const other = add({ type: "address", linear: label("again") }, `ebx == ${i * 500 + 7}`);
      debug.begin({ type: "run" });
      debug.slice(20_000);
      debug.removeBreakpoint(id);
      debug.removeBreakpoint(other);
    }
    const there = pc.cpu.instructions;
    const state = digest(pc);
    await debug.goTo(5000);
    await debug.goTo(there);
    expect(digest(pc) === state).toBe(true);
    debug.slice(400_000 - there);
    await plain.debug.goTo(pc.cpu.instructions);
    expect([...pc.cpu.r]).toEqual([...plain.pc.cpu.r]);
    expect(pc.memory.read32(label("sum"))).toBe(plain.pc.memory.read32(label("sum")));
  });

  test("a string instruction over code that was executed counts the same from a checkpoint on", async () => {
    const { pc, debug } = open(`
bits 32
  mov dword [0x9000], 0xc3909090
  call 0x9000
  mov ecx, 1500
  loop $                ; a checkpoint is made here
  mov edi, 0x8f00
  mov ecx, 2000
  mov al, 0x90
  rep stosb
  mov ecx, 10000
  loop $
  hlt`);
    debug.slice(1200);
    debug.slice(5000);
    const [count, state] = [pc.cpu.instructions, digest(pc)];
    await debug.goTo(1190);
    await debug.goTo(count);
    expect(digest(pc) === state).toBe(true);
  });

  test("stays within its bound of memory and forgets the oldest", () => {
    const { pc } = barePc(LONG);
    const debug = new Debugger(pc, { interval: 1000, maximumBytes: 10 << 20 });
    debug.start();
    debug.slice(400_000);
    expect(debug.history.bytes).toBeLessThan(11 << 20);
    expect(debug.history.first).toBeGreaterThan(0);
  });

  test("what comes in counts against the bound, and is forgotten with the oldest checkpoint", async () => {
    const { pc } = barePc(LONG);
    const debug = new Debugger(pc, { interval: 1000, maximumBytes: 10 << 20 });
    debug.start();
    for (let i = 0; i < 300; i++) {
      debug.slice(1000);
      debug.history.input({ type: "serial", port: 0, bytes: new Uint8Array(100_000) });
    }
    debug.slice(2000);
    expect(debug.history.bytes).toBeLessThan(11 << 20);
    expect(debug.history.records.length).toBeLessThan(300);
    const [count, state] = [pc.cpu.instructions, digest(pc)];
    await debug.goTo(debug.history.first);
    await debug.goTo(count);
    expect(digest(pc) === state).toBe(true);
  });

  test("a machine that has ended runs again from before its end", async () => {
    const { go, debug } = open();
    expect(go({ type: "run" }).type).toBe("exit");
    await debug.stepBack();
    expect(go({ type: "step" })).toEqual({ type: "exit", code: 7 });
  });
});
