/** The bare PC as the page drives it: input from outside, writes by hand, recorded and repeated sessions. */
import { expect, test } from "vitest";
import { BarePcDriver } from "./bare-pc-driver.ts";
import { decodeRecording, encodeRecording } from "./recording.ts";
import { DebugSession } from "./session.ts";
import type { DebugView, ViewRequest } from "./view.ts";

/** Echoes COM1 in capital letters; the keyboard's scan codes are kept at 500h; ends with "!". */
const ECHO = `
bits 16
  mov di, 0x500
again:
  in al, 0x64
  test al, 1
  jz serial
  in al, 0x60
  mov [di], al
  inc di
serial:
  mov dx, 0x3fd
  in al, dx
  test al, 1
  jz again
  mov dx, 0x3f8
  in al, dx
  and al, 0xdf
  out dx, al
  cmp al, 0x01
  jne again
  cli
  hlt`;

const REQUEST: ViewRequest = {
  codeLines: 8,
  memory: 0x500,
  memoryBytes: 16,
  part: "memory",
  table: "gdt",
  walk: 0,
};

function open(source = ECHO) {
  let output = "";
  const driver = new BarePcDriver({ output: (text) => (output += text), screen: () => {} });
  expect(driver.load(source).problems).toEqual([]);
  const session = new DebugSession(driver);
  const view = (change: Partial<ViewRequest> = {}): DebugView => session.view({ ...REQUEST, ...change });
  const until = async (condition: () => boolean) => {
    for (let i = 0; i < 5000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 2));
    expect(condition()).toBe(true);
  };
  return { driver, session, view, until, output: () => output };
}

async function recorded() {
  const { driver, session, view, until, output } = open();
  await session.command({ type: "begin", goal: { type: "run" } });
  driver.input("ab");
  await until(() => output() === "AB");
  driver.scancodes([0x1e, 0x9e]);
  await until(() => view().memory!.bytes[1] === 0x9e);
  await session.command({ type: "pause" });
  await session.command({ type: "write-memory", linear: 0x508, bytes: Uint8Array.of(7, 8) });
  await session.command({ type: "write-register", name: "ebx", value: 0xdeadbeef });
  await session.command({ type: "begin", goal: { type: "run" } });
  driver.input("!");
  await until(() => !view().running);
  return { driver, session, view, output };
}

test("what is typed on the serial line and the keyboard reaches the program", async () => {
  const { view, output } = await recorded();
  expect(output()).toBe("AB\u0001");
  expect(view()).toMatchObject({ stop: { type: "halted" } });
  expect([...view().memory!.bytes.subarray(0, 2)]).toEqual([0x1e, 0x9e]);
});

test("a recorded session ends in the same state when it is repeated, and prints the same", async () => {
  const { driver } = await recorded();
  const file = encodeRecording(driver.recording());
  const again = open("nop");
  expect(await again.driver.replay(decodeRecording(file)!)).toBe(true);
  expect(again.output()).toBe("AB\u0001");
  const { registers, memory } = again.view();
  expect(registers.general[3]).toBe(0xdeadbeef);
  expect([...memory!.bytes.subarray(8, 10)]).toEqual([7, 8]);
  await again.session.command({ type: "go-to", instructions: 0 });
  await again.session.command({ type: "begin", goal: { type: "run" } });
  await again.until(() => again.view().stop?.type === "halted");
  expect(again.output()).toBe("AB\u0001");
  expect(again.driver.recording().digest).toBe(driver.recording().digest);
});

test("a recording whose end was another is found out", async () => {
  const { driver } = await recorded();
  const other = { ...driver.recording(), digest: "00000000" };
  expect(await open("nop").driver.replay(other)).toBe(false);
});

test.each([
  ["no JSON", "{"],
  ["another version", '{"version":2}'],
  ["a count beyond all", '{"version":1,"source":"nop","instructions":1e12,"digest":"","records":[]}'],
  [
    "an input of no kind",
    '{"version":1,"source":"nop","instructions":9,"digest":"","records":[{"instructions":1,"time":1,"input":{"type":"frame"}}]}',
  ],
  [
    "an input that is null",
    '{"version":1,"source":"nop","instructions":9,"digest":"","records":[{"instructions":1,"time":1,"input":null}]}',
  ],
  [
    "records out of order",
    '{"version":1,"source":"nop","instructions":9,"digest":"","records":[{"instructions":5,"time":1,"input":{"type":"flush"}},{"instructions":1,"time":1,"input":{"type":"flush"}}]}',
  ],
])("%s is no recording", (_, text) => {
  expect(decodeRecording(text)).toBeUndefined();
});

test.each([
  ["a time that has passed", "jmp $", 5, 0],
  ["a time that does not come", "sti\nhlt", 2, Number.MAX_SAFE_INTEGER],
])("a recording with an input at %s ends", async (_, source, instructions, time) => {
  const records = [{ instructions, time, input: { type: "flush" as const } }];
  const recording = { version: 1 as const, source, instructions: 1000, digest: "", records };
  expect(await open("nop").driver.replay(recording)).toBe(false);
});

test("writes by hand are undone by a step back", async () => {
  const { session, view } = open();
  await session.command({ type: "begin", goal: { type: "step" } });
  await session.command({ type: "begin", goal: { type: "step" } });
  await session.command({ type: "write-register", name: "eax", value: 5 });
  await session.command({ type: "write-memory", linear: 0x500, bytes: Uint8Array.of(9) });
  expect([view().registers.general[0], view().memory!.bytes[0]]).toEqual([5, 9]);
  await session.command({ type: "step-back" });
  expect(view().memory!.bytes[0]).toBe(0);
});

test("EIP can be set, out of a HLT too", async () => {
  const { session, view, until } = open(
    "bits 16\n hlt\nthere: mov al, 3\n out 0xf4, al\n times 3 nop\n cli\n hlt",
  );
  await session.command({ type: "begin", goal: { type: "run" } });
  await until(() => view().halted);
  await session.command({ type: "pause" });
  await session.command({ type: "write-register", name: "eip", value: 0x7c01 });
  await session.command({ type: "begin", goal: { type: "run" } });
  await until(() => !view().running);
  expect(view().stop).toEqual({ type: "exit", code: 3 });
});

test.each([
  [{ type: "write-register", name: "cs", value: 0 }, "no-such-register"],
  [{ type: "write-memory", linear: 0xf0000000, bytes: Uint8Array.of(1) }, "no-memory"],
  [
    { type: "add-breakpoint", breakpoint: { enabled: true, place: { type: "address", linear: -1 } } },
    "bad-place",
  ],
  [
    {
      type: "add-breakpoint",
      breakpoint: { enabled: true, place: { type: "address", linear: 1 }, condition: "eax ==" },
    },
    "bad-condition",
  ],
] as const)("%j is refused with a name", async (command, refusal) => {
  const { session } = open();
  expect(await session.command(command)).toMatchObject({ ok: false, refusal });
});

test("a port's log has what was read, and its condition sees it", async () => {
  const { session, view, until } = open();
  await session.command({ type: "record", recording: { log: true } });
  await session.command({
    type: "add-breakpoint",
    breakpoint: {
      enabled: true,
      place: { type: "port", first: 0x3fd, last: 0x3fd, access: "read" },
      condition: "value == 0x60",
    },
  });
  await session.command({ type: "begin", goal: { type: "run" } });
  await until(() => !view().running);
  expect(view()).toMatchObject({ stop: { type: "breakpoint", id: 1 } });
  expect(view({ part: "log" }).log!.at(-1)).toMatchObject({ port: 0x3fd, write: false, value: 0x60 });
});

test("addresses are named by the nearest label before them", async () => {
  const { session, view } = open("bits 16\nfirst: nop\n nop\nsecond: push word first\n nop\n hlt");
  for (let i = 0; i < 4; i++) await session.command({ type: "begin", goal: { type: "step" } });
  expect(view({ part: "stack" })).toMatchObject({ place: "second+4", stack: { names: { 0: "first" } } });
});

test("each device shows the registers of its data sheet, and an access to nothing its address", async () => {
  const { session, view, until } = open(
    "bits 16\n mov al, 0x11\n out 0x20, al\n mov al, 0x40\n out 0x21, al\n in al, dx\n mov dx, 0x1234\n in al, dx\n cli\n hlt",
  );
  await session.command({ type: "begin", goal: { type: "run" } });
  await until(() => !view().running);
  const { devices } = view({ part: "devices" });
  const of = (name: string) => devices!.find((device) => device.name.startsWith(name))!.registers;
  expect(of("8259 PIC, IRQ 0")).toContainEqual({ name: "ICW2", value: "40" });
  expect(of("16550 COM1").map(({ name }) => name)).toEqual(expect.arrayContaining(["IER", "LCR", "LSR"]));
  expect(of("unimplemented")).toContainEqual({ name: "read8 1234h", value: "× 1" });
  for (const name of ["8254", "8042", "MC146818", "VGA", "8237"]) expect(of(name).length).toBeGreaterThan(3);
});

test("a triple fault is told with the faults that led to it", async () => {
  const { session, view, until } = open(
    "bits 32\n mov eax, [0xf0000000]\n lidt [empty]\n ud2\nempty: dw 0, 0, 0",
  );
  await session.command({ type: "begin", goal: { type: "run" } });
  await until(() => !view().running);
  const { stop } = view();
  expect(stop?.type === "triple-fault" && stop.fault.faults.map(({ vector }) => vector)).toEqual([
    6, 13, 13, 8, 13,
  ]);
});

test("a jump to where there is nothing says so", async () => {
  const { session, view } = open("bits 32\n jmp 0x40000000");
  expect(view().fetch).toBe("memory");
  await session.command({ type: "begin", goal: { type: "step" } });
  expect(view()).toMatchObject({ next: 0x40000000, fetch: "nothing" });
});
