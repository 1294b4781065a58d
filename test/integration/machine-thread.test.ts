/** A machine's thread: commands, console, network cable, saving, and how it is noticed when it dies. No guest system. */
import { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { Code, romWith } from "../../src/emulator/contract/rom.ts";
import {
  startMachine,
  type MachineHost,
  type MachineSpec,
  type RunningMachine,
  type StartOptions,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";
import {
  machineWorkerFile,
  workerHandle,
} from "../../src/hypervisor-model/virtual-machines/machine-worker-node.ts";
import { consoleShows, machineSpec, romHost, sleep, text } from "../support/machines.ts";

const COUNTER = 0x500;

/** Prints `ready`, then counts at 0:500h for ever. */
function counting(): Code {
  const code = new Code().print("ready\n");
  const loop = code.here;
  return code.increment32(COUNTER).jump(loop);
}

const machines: RunningMachine[] = [];
function start(host: MachineHost, spec: MachineSpec, options?: StartOptions): RunningMachine {
  const machine = startMachine(spec, host, options);
  machines.push(machine);
  return machine;
}
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.powerOff().catch(() => undefined);
});

async function counter(machine: RunningMachine): Promise<number> {
  const bytes = await machine.readMemory(COUNTER, 4);
  return new DataView(bytes.buffer).getUint32(0, true);
}

test("the console shows what the guest prints and keeps it for terminals that come later", async () => {
  const machine = start(romHost(romWith(counting())), machineSpec());
  await consoleShows(machine, "ready\n");
  expect(text(machine.console.scrollback())).toBe("ready\n");
});

test("what is typed into the console reaches the guest, every byte and in order", async () => {
  const code = new Code().print("go");
  const loop = code.here;
  code.in8(0x3fd).raw(0xa8, 0x01).jumpIf(0x74, loop); // wait for data
  code.in8(0x3f8).raw(0xee).jump(loop); // echo
  const machine = start(romHost(romWith(code)), machineSpec());
  await consoleShows(machine, "go");
  const line = Array.from({ length: 5000 }, (_, i) => String.fromCharCode(33 + (i % 90))).join("");
  machine.console.write(new TextEncoder().encode(`${line}END`));
  expect(await consoleShows(machine, "END")).toBe(`go${line}END`);
});

test("a paused machine does nothing, and goes on where it stood", async () => {
  const machine = start(romHost(romWith(counting())), machineSpec());
  await consoleShows(machine, "ready\n");
  await machine.pause();
  const before = await counter(machine);
  const { virtualMilliseconds } = await machine.statistics();
  await sleep(300);
  expect(await counter(machine)).toBe(before);
  expect((await machine.statistics()).virtualMilliseconds).toBe(virtualMilliseconds);
  await machine.run();
  await sleep(50);
  expect(await counter(machine)).toBeGreaterThan(before);
});

test("a suspended machine goes on in a new thread", async () => {
  const host = romHost(romWith(counting()));
  const first = start(host, machineSpec());
  await consoleShows(first, "ready\n");
  await sleep(20);
  const state = await first.suspend();
  expect(await first.ended).toEqual({ type: "suspended" });
  const at = new DataView(state.pages.buffer, state.pages.byteOffset).getUint32(COUNTER, true);
  expect(state.pageNumbers[0]).toBe(0);
  const second = start(host, machineSpec(), { resume: state, paused: true });
  await second.started;
  expect(await counter(second)).toBe(at);
  await second.run();
  await sleep(50);
  expect(await counter(second)).toBeGreaterThan(at);
  expect(text(second.console.scrollback())).toBe("");
});

test("a state of other hardware is refused by name", async () => {
  const host = romHost(romWith(counting()));
  const first = start(host, machineSpec());
  await consoleShows(first, "ready\n");
  const state = await first.suspend();
  const second = start(host, machineSpec({ memoryMiB: 8 }), { resume: state });
  await expect(second.started).rejects.toMatchObject({ name: "StateMismatchError" });
});

test("a reset begins again with empty counters", async () => {
  const machine = start(romHost(romWith(counting())), machineSpec());
  await consoleShows(machine, "ready\n");
  await machine.reset();
  await consoleShows(machine, "ready\nready\n");
});

test("a guest that disables interrupts and halts has ended", async () => {
  const machine = start(romHost(romWith(new Code().print("bye").halt())), machineSpec());
  expect(await machine.ended).toEqual({ type: "halted" });
  expect(text(machine.console.scrollback())).toBe("bye");
});

test("a killed thread is reported as crashed and its requests fail", async () => {
  const host = romHost(romWith(counting()));
  let thread: Worker | undefined;
  host.createWorker = () => workerHandle((thread = new Worker(machineWorkerFile())));
  const machine = start(host, machineSpec());
  await consoleShows(machine, "ready\n");
  const request = machine.agent.run("true");
  request.catch(() => undefined);
  await thread?.terminate();
  expect(await machine.ended).toMatchObject({ type: "crashed" });
  await expect(request).rejects.toMatchObject({ name: "AgentLostError" });
  await expect(machine.statistics()).rejects.toMatchObject({ name: "MachineEndedError" });
});

test("missing firmware is named with what to do", async () => {
  const host = romHost(romWith(counting()));
  const machine = start(host, machineSpec({ software: { type: "image", image: "nowhere" } }));
  await expect(machine.started).rejects.toMatchObject({ name: "ImageError", problem: "not-found" });
  expect(await machine.ended).toMatchObject({ type: "crashed" });
});

test("too much memory for the engine is refused by name", async () => {
  const machine = start(romHost(romWith(counting())), machineSpec({ memoryMiB: 4096 }));
  await expect(machine.started).rejects.toMatchObject({ name: "MachineConfigError" });
});

test("a frame that the guest's NE2000 sends comes out of its cable, and none while the link is down", async () => {
  const code = new Code();
  const base = 0x300;
  const registers: [number, number][] = [
    [0x00, 0x22], // start, no DMA
    [0x04, 0x40], // transmit page
    [0x05, 60],
    [0x06, 0],
  ];
  for (const [register, value] of registers) code.out8(base + register, value);
  const loop = code.here;
  code.out8(base, 0x26); // transmit
  code.raw(0xb9, 0x00, 0x40).jumpIf(0xe2, code.here); // a short wait
  code.jump(loop);
  const { port1, port2 } = new MessageChannel();
  let frames = 0;
  port1.onmessage = (event: MessageEvent<Uint8Array>) => {
    if (event.data.length === 60) frames++;
  };
  const machine = start(
    romHost(romWith(code)),
    machineSpec({ nics: [{ model: "ne2000", mac: "00:0c:29:00:00:01", connected: true, port: port2 }] }),
  );
  await machine.started;
  await expect.poll(() => frames, { timeout: 5000 }).toBeGreaterThan(0);
  machine.setLink(0, false);
  await sleep(200);
  const before = frames;
  await sleep(200);
  expect(frames).toBe(before);
  port1.close();
});
