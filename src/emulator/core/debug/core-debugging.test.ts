/** A core machine with a debugger on it: its own loop stops where the debugger says, and goes on. */
import { expect, test } from "vitest";
import type { MachineStatus } from "../../machine.ts";
import { assemble } from "../assembler/assemble.ts";
import { CoreMachine } from "../core-machine.ts";
import { EIP } from "../cpu/registers.ts";
import { Symbols } from "./symbols.ts";
import { DebugSession } from "./session.ts";
import type { ViewRequest } from "./view.ts";

const REQUEST: ViewRequest = {
  codeLines: 10,
  memory: 0,
  memoryBytes: 16,
  part: "stack",
  table: "gdt",
  walk: 0,
};

/** A ROM that counts in memory for ever and prints a dot on COM1 now and then. */
const { bytes: BIOS } = assemble(`
bits 16
org 0
start: xor ax, ax
  mov ds, ax
again: inc dword [0x500]
  test word [0x500], 0xfff
  jnz again
  mov dx, 0x3f8
  mov al, '.'
  out dx, al
  jmp again
times 0xfff0 - ($ - $$) db 0
  jmp 0xf000:start
times 0x10000 - ($ - $$) db 0`);

/** Prints "!" and shuts the processor down, again after each reset. */
const { bytes: TRIPLE_FAULT } = assemble(`
bits 16
org 0
start: mov dx, 0x3f8
  mov al, '!'
  out dx, al
  lidt [cs:nothing]
  int3
nothing: dw 0, 0, 0
times 0xfff0 - ($ - $$) db 0
  jmp 0xf000:start
times 0x10000 - ($ - $$) db 0`);

async function open(bios = BIOS, labels = Symbols.none) {
  const statuses: string[] = [];
  let output = "";
  const machine = await CoreMachine.create({
    hardware: {
      memoryMiB: 4,
      nics: [],
      diskBytes: [],
      hasCdrom: false,
      hasFloppy: false,
      bootOrder: ["disk"],
    },
    firmware: { bios, vgaBios: new Uint8Array(0) },
    boot: { type: "firmware" },
    drives: {},
    seed: 1,
    startTime: 0,
    events: {
      status: ({ type }: MachineStatus) => statuses.push(type),
      serial: (_, bytes) => (output += new TextDecoder().decode(bytes)),
      transmit: () => {},
      screen: () => {},
      drive: () => {},
    },
  });
  const session = new DebugSession(await machine.attachDebugger(labels));
  await machine.run();
  return { machine, session, statuses, output: () => output };
}

const until = async (condition: () => boolean) => {
  for (let i = 0; i < 2000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(condition()).toBe(true);
};

test("a breakpoint pauses the running machine, steps go on from there, and back is where it was", async () => {
  const { machine, session, statuses } = await open();
  await session.command({
    type: "add-breakpoint",
    breakpoint: { enabled: true, place: { type: "port", first: 0x3f8, last: 0x3f8, access: "write" } },
  });
  await until(() => statuses.at(-1) === "paused");
  const stopped = session.view(REQUEST);
  expect(stopped).toMatchObject({ running: false, stop: { type: "breakpoint", id: 1 } });
  const eip = machine.pc.cpu.r[EIP];
  await session.command({ type: "begin", goal: { type: "step" } });
  await until(() => !session.view(REQUEST).running);
  expect(machine.pc.cpu.instructions).toBe(stopped.instructions + 1);
  await session.command({ type: "step-back" });
  expect([machine.pc.cpu.r[EIP], machine.pc.cpu.instructions]).toEqual([eip, stopped.instructions]);
  await session.command({ type: "begin", goal: { type: "run" } });
  await until(
    () => statuses.at(-1) === "paused" && session.view(REQUEST).instructions > stopped.instructions + 5,
  );
  await machine.destroy();
});

test("what was printed is not printed again when the machine goes back and forth", async () => {
  const { machine, session, output } = await open();
  await until(() => output().length > 3);
  await session.command({ type: "pause" });
  const { instructions, history } = session.view(REQUEST);
  const printed = output().length;
  await session.command({ type: "go-to", instructions: history.first });
  await session.command({ type: "go-to", instructions });
  expect(session.view(REQUEST).instructions).toBe(instructions);
  await machine.run();
  await machine.pause();
  expect(output().length - printed).toBeLessThan(4000);
  expect(machine.pc.memory.read32(0x500)).toBeGreaterThan(0);
  await machine.destroy();
});

test("without its debugger the machine runs as before", async () => {
  const { machine, session, output } = await open();
  await session.command({
    type: "add-breakpoint",
    breakpoint: { enabled: true, place: { type: "address", linear: 0xf0004 } },
  });
  await until(() => !session.view(REQUEST).running);
  machine.detachDebugger();
  const before = output().length;
  await machine.run();
  await until(() => output().length > before);
  expect(machine.pc.cpu.watch).toBeNull();
  await machine.destroy();
});

test("a triple fault stops the machine for its debugger; running on resets it, as without one", async () => {
  const { machine, session, statuses, output } = await open(TRIPLE_FAULT);
  await until(() => statuses.at(-1) === "paused");
  const stopped = session.view(REQUEST);
  expect(stopped).toMatchObject({ running: false, stop: { type: "triple-fault" } });
  await session.command({ type: "step-back" });
  expect(session.view(REQUEST)).toMatchObject({ stop: { type: "paused" } });
  await session.command({ type: "go-to", instructions: stopped.instructions });
  await session.command({ type: "begin", goal: { type: "run" } });
  await until(() => session.view(REQUEST).stop?.type === "triple-fault");
  await session.command({ type: "begin", goal: { type: "run" } });
  await until(
    () => statuses.at(-1) === "paused" && session.view(REQUEST).instructions > stopped.instructions,
  );
  machine.detachDebugger();
  const before = output().length;
  await machine.run();
  await until(() => output().length > before + 2);
  await machine.destroy();
});

test("a stopped machine's clock stands, and what the network sends it does not end the future that was gone back from", async () => {
  const { machine, session } = await open();
  await until(() => session.view(REQUEST).instructions > 100_000);
  await session.command({ type: "pause" });
  const { instructions, milliseconds, history } = session.view(REQUEST);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(session.view(REQUEST)).toMatchObject({ instructions, milliseconds });
  await session.command({ type: "go-to", instructions: history.first });
  machine.receive(0, new Uint8Array(60));
  expect(session.view(REQUEST)).toMatchObject({ replaying: true, history: { head: instructions } });
  await machine.destroy();
});

test("stopped at a breakpoint the machine is saved, and a machine restored from it goes on there", async () => {
  const { machine, session, statuses } = await open();
  await session.command({
    type: "add-breakpoint",
    breakpoint: { enabled: true, place: { type: "port", first: 0x3f8, last: 0x3f8, access: "write" } },
  });
  await until(() => statuses.at(-1) === "paused");
  const { instructions } = session.view(REQUEST);
  const state = await machine.save();
  const eip = machine.pc.cpu.r[EIP];
  const other = await open();
  await other.session.command({ type: "pause" });
  await other.machine.restore(state);
  expect(other.session.view(REQUEST)).toMatchObject({ instructions, next: 0xf0000 + eip });
  await other.session.command({ type: "begin", goal: { type: "step" } });
  await until(() => other.session.view(REQUEST).instructions === instructions + 1);
  await machine.destroy();
  await other.machine.destroy();
});

test("the names that it was opened with are in its listing", async () => {
  const { machine, session } = await open(BIOS, new Symbols([[0xf0004, "again"]]));
  await session.command({ type: "pause" });
  const view = session.view({ ...REQUEST, code: 0xf0000 });
  expect(view.code.find(({ linear }) => linear === 0xf0004)?.label).toBe("again");
  expect(await session.command({ type: "find", name: "again" })).toEqual({ ok: true, found: 0xf0004 });
  await machine.destroy();
});
