/**
 * What every engine must do, as tests that run against any of them: `describeMachine(name, create)`. Guests are a few
 * instructions of hand-made firmware. One machine is alive at a time.
 */
import { afterEach, describe, expect, test } from "vitest";
import type {
  BlockDevice,
  HardwareConfig,
  Machine,
  MachineEvents,
  MachineOptions,
  MachineStatus,
} from "../machine.ts";
import { Code, romWith } from "./rom.ts";

export type CreateMachine = (options: MachineOptions) => Promise<Machine>;

const COUNTER = 0x500;
const GO_ON = 0x700;
const RESULT = 0x710;

/** A machine and what came out of it. */
export interface Bench {
  machine: Machine;
  statuses: MachineStatus[];
  output(port?: 0 | 1): string;
  frames: { nic: number; frame: Uint8Array }[];
  drive: { operation: "read" | "write"; bytes: number }[];
}

export interface BenchOptions {
  hardware?: Partial<HardwareConfig>;
  drives?: MachineOptions["drives"];
  events?: Partial<MachineEvents>;
}

export async function bench(create: CreateMachine, code: Code, options: BenchOptions = {}): Promise<Bench> {
  const serial: number[][] = [[], []];
  const result: Omit<Bench, "machine"> = {
    statuses: [],
    frames: [],
    drive: [],
    output: (port = 0) => String.fromCharCode(...serial[port]),
  };
  const machine = await create({
    hardware: {
      memoryMiB: 4,
      nics: [],
      diskBytes: [options.drives?.hda, options.drives?.hdb].flatMap((disk) =>
        disk ? [disk.byteLength] : [],
      ),
      hasCdrom: false,
      hasFloppy: false,
      bootOrder: ["disk"],
      ...options.hardware,
    },
    firmware: romWith(code),
    boot: { type: "firmware" },
    drives: options.drives ?? {},
    seed: 1,
    startTime: Date.UTC(2026, 10, 23, 12, 0, 0),
    events: {
      status: (status) => result.statuses.push(status),
      serial: (port, bytes) => serial[port].push(...bytes),
      transmit: (nic, frame) => result.frames.push({ nic, frame }),
      screen: () => undefined,
      drive: (_drive, operation, bytes) => result.drive.push({ operation, bytes }),
      ...options.events,
    },
  });
  return Object.assign(result, { machine });
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await sleep(10);
  expect(condition()).toBe(true);
}

const word = (machine: Machine, address: number) =>
  new DataView(machine.readMemory(address, 2).buffer).getUint16(0, true);
const dword = (machine: Machine, address: number) =>
  new DataView(machine.readMemory(address, 4).buffer).getUint32(0, true);

/** Code that counts for ever. */
const countingAt = (address: number) => Uint8Array.from(new Code().increment32(address).jump(0).bytes);

/** A disk in memory that answers later. */
export function slowDisk(bytes: Uint8Array, readOnly = false): BlockDevice {
  return {
    byteLength: bytes.length,
    readOnly,
    async read(offset, length) {
      await sleep(5);
      return bytes.slice(offset, offset + length);
    },
    async write(offset, data) {
      await sleep(5);
      bytes.set(data, offset);
    },
  };
}

/** ATA command `command` for one sector at LBA 1 of the first disk; waits for DRQ or ERR and leaves the status in al. */
function sectorCommand(command: number): Code {
  const code = new Code()
    .out8(0x3f6, 0x02) // no interrupts
    .out8(0x1f6, 0xe0)
    .out8(0x1f2, 1)
    .out8(0x1f3, 1)
    .out8(0x1f4, 0)
    .out8(0x1f5, 0)
    .out8(0x1f7, command);
  const loop = code.here;
  return code.in8(0x1f7).raw(0xa8, 0x09).jumpIf(0x74, loop); // test al, DRQ | ERR
}

export function describeMachine(name: string, create: CreateMachine): void {
  describe(`${name} as a machine`, () => {
    let current: Machine | undefined;
    const open = async (code: Code, options?: BenchOptions) => {
      await current?.destroy();
      const result = await bench(create, code, options);
      current = result.machine;
      return result;
    };
    afterEach(async () => {
      await current?.destroy();
      current = undefined;
    });

    test("what the guest writes to COM1 and COM2 comes out of the right port", async () => {
      const { machine, output } = await open(new Code().print("one").out8(0x2f8, 0x32).halt());
      await machine.run();
      await until(() => output(0) === "one" && output(1) === "2");
    });

    test("CLI and HLT are reported as halted", async () => {
      const { machine, statuses } = await open(new Code().halt());
      await machine.run();
      await until(() => statuses.some(({ type }) => type === "halted"));
      expect(statuses.map(({ type }) => type)).toEqual(["running", "halted"]);
    });

    test("a reset wakes a halted machine", async () => {
      const { machine, output, statuses } = await open(new Code().print("x").halt());
      await machine.run();
      await until(() => statuses.at(-1)?.type === "halted");
      await machine.reset();
      await until(() => output() === "xx");
    });

    test("a paused machine executes nothing and its clock stands still", async () => {
      const code = new Code();
      code.increment32(COUNTER).raw(0x0f, 0x31, 0x66, 0xa3, 0x04, 0x05).jump(0); // rdtsc; mov [504h], eax
      const { machine } = await open(code);
      await machine.run();
      await sleep(30);
      await machine.pause();
      const [count, tsc, time] = [
        dword(machine, COUNTER),
        dword(machine, COUNTER + 4),
        machine.statistics().virtualMilliseconds,
      ];
      await sleep(400);
      expect(dword(machine, COUNTER)).toBe(count);
      expect(machine.statistics().virtualMilliseconds).toBe(time);
      await machine.run();
      await sleep(20);
      await machine.pause();
      expect(dword(machine, COUNTER)).toBeGreaterThan(count);
      // The time stamp counter of a 1 GHz processor: far less than the 400 ms of the pause have passed for it.
      expect((dword(machine, COUNTER + 4) - tsc) >>> 0).toBeLessThan(300_000_000);
    });

    test("memory can be read and written from outside, and is shorter at its end", async () => {
      const { machine } = await open(new Code().halt());
      machine.writeMemory(0x12345, Uint8Array.of(1, 2, 3));
      expect([...machine.readMemory(0x12344, 5)]).toEqual([0, 1, 2, 3, 0]);
      expect(machine.readMemory(4 * 2 ** 20 - 2, 100)).toHaveLength(2);
      expect(machine.readMemory(2 ** 30, 100)).toHaveLength(0);
    });

    test("code that was written from outside is executed as it is now", async () => {
      // A hot loop at 0:800h is compiled; then its increment is replaced by one of another counter.
      const code = new Code().raw(0xea, 0x00, 0x08, 0x00, 0x00); // jmp 0:800h
      const { machine } = await open(code);
      machine.writeMemory(0x800, countingAt(COUNTER));
      await machine.run();
      await until(() => dword(machine, COUNTER) > 1_000_000);
      await machine.pause();
      machine.writeMemory(0x800, countingAt(COUNTER + 8));
      await machine.run();
      await until(() => dword(machine, COUNTER + 8) > 1000);
    });

    test("a restored machine goes on where the saved one stood", async () => {
      const code = new Code().print("a");
      const loop = code.here;
      code.increment32(COUNTER).jump(loop);
      const first = await open(code);
      await first.machine.run();
      await until(() => first.output() === "a");
      await first.machine.pause();
      const state = await first.machine.save();
      const count = dword(first.machine, COUNTER);
      const second = await open(code);
      await second.machine.restore(state);
      expect(dword(second.machine, COUNTER)).toBe(count);
      await second.machine.run();
      await sleep(30);
      await second.machine.pause();
      expect(dword(second.machine, COUNTER)).toBeGreaterThan(count);
      expect(second.output()).toBe("");
    });

    test("flags that were not computed yet survive save and restore", async () => {
      // sub leaves ZF; the loop that follows changes no flag; then the flags are stored.
      const code = new Code()
        .raw(0xb8, 0x05, 0x00, 0x2d, 0x05, 0x00) // mov ax, 5; sub ax, 5
        .waitFor(GO_ON)
        .raw(0x9c, 0x58) // pushf; pop ax
        .store16(RESULT)
        .halt();
      const other = new Code().raw(0xb8, 0x09, 0x00, 0x2d, 0x02, 0x00).waitFor(GO_ON).halt(); // another last result
      const state = await savedWhileWaiting(open, code);
      const second = await open(other);
      await second.machine.run();
      await sleep(20);
      await second.machine.pause();
      await second.machine.restore(state);
      expect((await resultAfterGo(second)) & 0x8c5).toBe(0x44); // ZF and PF; not CF, SF, OF
    });

    test("the floating-point status word and MXCSR survive save and restore", async () => {
      const code = new Code()
        .raw(0x0f, 0x20, 0xe0, 0x0d, 0x00, 0x02, 0x0f, 0x22, 0xe0) // cr4.OSFXSR
        .raw(0x66, 0xc7, 0x06, 0x20, 0x07, 0x80, 0x9f, 0x00, 0x00) // mov dword [720h], 9f80h
        .raw(0x0f, 0xae, 0x16, 0x20, 0x07) // ldmxcsr [720h]
        .raw(0xdb, 0xe3, 0xd9, 0xe8, 0xd9, 0xee, 0xde, 0xd9) // fninit; fld1; fldz; fcompp: 0 < 1 sets C0
        .waitFor(GO_ON)
        .raw(0x0f, 0xae, 0x1e, 0x24, 0x07) // stmxcsr [724h]
        .raw(0xdf, 0xe0) // fnstsw ax
        .store16(RESULT)
        .halt();
      const state = await savedWhileWaiting(open, code);
      const second = await open(new Code().raw(0xdb, 0xe3).waitFor(GO_ON).halt());
      await second.machine.run();
      await sleep(20);
      await second.machine.pause();
      await second.machine.restore(state);
      expect((await resultAfterGo(second)) & 0x4500).toBe(0x0100);
      expect(word(second.machine, 0x724)).toBe(0x9f80);
    });

    test("every x87 and SSE register survives save and restore: the guest compares them itself", async () => {
      const code = new Code()
        .raw(0x0f, 0x20, 0xe0, 0x0d, 0x00, 0x02, 0x0f, 0x22, 0xe0) // cr4.OSFXSR
        .raw(0xdb, 0xe3, 0xd9, 0xeb, 0xd9, 0xea, 0xd9, 0xe8, 0xd9, 0xe9) // fninit; fldpi; fldl2e; fld1; fldl2t
        .raw(0xb9, 0x40, 0x00, 0xbf, 0x00, 0x0c, 0x31, 0xc0); // 64 words at c00h
      const next = code.here;
      code.raw(0x05, 0x57, 0x13, 0xab).jumpIf(0xe2, next); // add ax, 1357h; stosw; loop
      for (let xmm = 0; xmm < 8; xmm++) code.raw(0x0f, 0x10, 0x06 | (xmm << 3), xmm << 4, 0x0c); // movups xmm, [cx0h]
      code
        .raw(0x0f, 0xae, 0x06, 0x00, 0x08) // fxsave [800h]
        .waitFor(GO_ON)
        .raw(0x0f, 0xae, 0x06, 0x00, 0x0a) // fxsave [a00h]
        .raw(0xbe, 0x00, 0x08, 0xbf, 0x00, 0x0a, 0xb9, 0x00, 0x02, 0xf3, 0xa6) // repe cmpsb
        .raw(0x9c, 0x58)
        .store16(RESULT)
        .halt();
      const state = await savedWhileWaiting(open, code);
      const second = await open(new Code().raw(0xdb, 0xe3).waitFor(GO_ON).halt());
      await second.machine.run();
      await sleep(20);
      await second.machine.pause();
      await second.machine.restore(state);
      expect((await resultAfterGo(second)) & 0x40).toBe(0x40); // ZF: all 512 bytes are equal
      const saved = second.machine.readMemory(0xa00, 512);
      expect(Array.from(saved.subarray(160, 164))).toEqual([0x57, 0x13, 0xae, 0x26]); // xmm0
      expect(Array.from(saved.subarray(40, 42))).toEqual([0x00, 0x40]); // the exponent of log2 10 in st(0)
    });

    test("a state saved from a restored machine is as good as the first", async () => {
      const code = new Code()
        .raw(0xb8, 0x05, 0x00, 0x2d, 0x05, 0x00)
        .waitFor(GO_ON)
        .raw(0x9c, 0x58)
        .store16(RESULT)
        .halt();
      const state = await savedWhileWaiting(open, code);
      const second = await open(code);
      await second.machine.restore(state);
      await second.machine.run();
      await sleep(20);
      await second.machine.pause();
      const again = await second.machine.save();
      const third = await open(code);
      await third.machine.restore(again);
      expect((await resultAfterGo(third)) & 0x8c5).toBe(0x44);
    });

    test("a state of another memory size is refused by name", async () => {
      const state = await savedWhileWaiting(open, new Code().waitFor(GO_ON).halt());
      const second = await open(new Code().halt(), { hardware: { memoryMiB: 8 } });
      await expect(second.machine.restore(state)).rejects.toMatchObject({
        name: "StateMismatchError",
        field: "memory",
      });
    });

    test("a sector is read from a disk that answers later", async () => {
      const bytes = new Uint8Array(2 ** 20);
      bytes.set(new TextEncoder().encode("Sector one"), 512);
      const code = sectorCommand(0x20).raw(0xba, 0xf0, 0x01, 0xbf, 0x00, 0x08, 0xb9, 0x00, 0x01, 0xf3, 0x6d); // insw to 800h
      const { machine, statuses, drive } = await open(code.halt(), { drives: { hda: slowDisk(bytes) } });
      await machine.run();
      await until(() => statuses.at(-1)?.type === "halted");
      expect(new TextDecoder().decode(machine.readMemory(0x800, 10))).toBe("Sector one");
      expect(drive).toEqual([{ operation: "read", bytes: 512 }]);
    });

    test("a sector is written to a disk", async () => {
      const bytes = new Uint8Array(2 ** 20);
      const code = new Code().raw(0xb8, 0x34, 0x12, 0xbf, 0x00, 0x08, 0xb9, 0x00, 0x01, 0xf3, 0xab); // 800h: 256 times 1234h
      code.raw(...sectorCommand(0x30).bytes);
      code.raw(0xba, 0xf0, 0x01, 0xbe, 0x00, 0x08, 0xb9, 0x00, 0x01, 0xf3, 0x6f).halt(); // outsw from 800h
      const { machine } = await open(code, { drives: { hda: slowDisk(bytes) } });
      await machine.run();
      await until(() => bytes[512] !== 0 && bytes[1023] !== 0);
      expect([bytes[511], bytes[512], bytes[513], bytes[1023], bytes[1024]]).toEqual([
        0, 0x34, 0x12, 0x12, 0,
      ]);
    });

    test("a disk that fails gives the guest an error, and the machine goes on", async () => {
      const broken: BlockDevice = {
        byteLength: 2 ** 20,
        readOnly: false,
        read: (offset) => (offset === 0 ? new Uint8Array(512) : Promise.reject(new Error("worn out"))),
        write: () => undefined,
      };
      const code = sectorCommand(0x20)
        .store8(RESULT)
        .in8(0x1f1)
        .store8(RESULT + 1)
        .halt();
      const { machine, statuses } = await open(code, { drives: { hda: broken } });
      await machine.run();
      await until(() => statuses.at(-1)?.type === "halted");
      expect(word(machine, RESULT) & 0x4001).toBe(0x4001); // status ERR, error UNC
    });

    test("a listener that throws crashes the machine, not the program around it", async () => {
      const { machine, statuses } = await open(new Code().print("x").halt(), {
        events: {
          serial: () => {
            throw new Error("listener");
          },
        },
      });
      await machine.run();
      await until(() => statuses.some(({ type }) => type === "crashed"));
    });
  });
}

type Open = (code: Code, options?: BenchOptions) => Promise<Bench>;

async function savedWhileWaiting(open: Open, code: Code) {
  const { machine } = await open(code);
  await machine.run();
  await sleep(20);
  await machine.pause();
  return machine.save();
}

/** Lets the guest go on and gives the word it stores before it halts. */
async function resultAfterGo({ machine, statuses }: Bench): Promise<number> {
  machine.writeMemory(GO_ON, Uint8Array.of(1, 0));
  await machine.run();
  await until(() => statuses.at(-1)?.type === "halted");
  return word(machine, RESULT);
}
