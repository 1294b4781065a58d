/**
 * The core's speed against v86 in the same run of Node, same image, same work: `ringside bench core`. The peer is v86
 * with its JIT disabled, which interprets as the core does; rows "against the JIT" only tell where a translator would be.
 * Guests run as fast as the host can. Seconds are of processor time, so that a busy machine does not blur them; each row is
 * the median of its rounds.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Pc, type PcConfig } from "../../src/emulator/core/pc.ts";
import { Code, romWith } from "../../src/emulator/contract/rom.ts";
import { linuxOptionRom, loadLinux } from "../../src/emulator/linux-boot.ts";
import { FIRMWARE_IMAGE, ImageLoader } from "../../src/hypervisor-model/virtual-machines/images.ts";
import { BareMachine, type BareImage } from "./bare-v86.ts";
import type { Row } from "./bench.ts";

const ROUNDS = 3;
const PROMPT = /\]# $/;
const COMMANDS: Record<string, string> = {
  "sha256sum of 8 MiB": "head -c 8388608 /dev/zero | sha256sum",
  "gzip -9 of 8 MiB": "gzip -9 < /tmp/data | wc -c",
};
/** A program's bytes again and again: farther apart than gzip looks. */
const PREPARE = "for i in $(seq 30); do cat /bin/busybox; done | head -c 8388608 > /tmp/data";
const LOOP = "integer loop, 60 million instructions";
const BOOT = "boot to the prompt";

/** Ten million times: add, rotate, exclusive or, subtract registers, count and branch. */
function integerLoop(): Code {
  const code = new Code().raw(0x66, 0xb9).raw(0x80, 0x96, 0x98, 0x00); // mov ecx, 10000000
  const loop = code.here;
  code
    .raw(0x66, 0x01, 0xc8) // add eax, ecx
    .raw(0x66, 0xc1, 0xc0, 0x05) // rol eax, 5
    .raw(0x66, 0x31, 0xc3) // xor ebx, eax
    .raw(0x66, 0x29, 0xda) // sub edx, ebx
    .raw(0x66, 0x49) // dec ecx
    .jumpIf(0x75, loop);
  return code.print("!").halt();
}

/** Seconds of processor time that this process has used. */
function processCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** One machine and how to talk to it. */
interface Guest {
  /** Seconds until the console's output ends in what `pattern` wants. */
  until(pattern: RegExp): Promise<number>;
  type(text: string): void;
  destroy(): Promise<void>;
}

/** Bytes of this process's heap and buffers that are in use. */
function usedBytes(): number {
  setFlagsFromString("--expose_gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

export async function benchmarkCore(imagesFolder: string, log: (line: string) => void): Promise<Row[]> {
  const images = new ImageLoader({ type: "folder", path: imagesFolder });
  const file = async (image: string, role: string) => {
    const found = await images.fileOfRole(image, role);
    if (found === undefined) throw new Error(`the image ${image} has no ${role}`);
    return images.read(image, found);
  };
  const image: BareImage = {
    bios: await file(FIRMWARE_IMAGE, "bios"),
    vgaBios: await file(FIRMWARE_IMAGE, "vga-bios"),
    kernel: await file("tiny", "kernel"),
    commandLine: "console=ttyS0 quiet",
    memoryMiB: 64,
  };
  const kinds = {
    core: { loop: () => coreLoop(), guest: async () => coreGuest(image) },
    interpreter: { loop: () => v86Guest(loopImage(), true), guest: () => v86Guest(image, true) },
    jit: { loop: () => v86Guest(loopImage(), false), guest: () => v86Guest(image, false) },
  };
  const before = usedBytes();
  const measured = coreGuest(image);
  await measured.until(PROMPT);
  await command(measured, PREPARE);
  const beyond = (usedBytes() - before) / 2 ** 20 - image.memoryMiB;
  await measured.destroy();
  log(`memory beyond the guest's ${image.memoryMiB} MiB: ${beyond.toFixed(1)} MiB`);
  const seconds: Record<string, Record<keyof typeof kinds, number[]>> = {};
  const note = (work: string, kind: keyof typeof kinds, time: number) => {
    (seconds[work] ??= { core: [], interpreter: [], jit: [] })[kind].push(time);
    log(`${work}, ${kind}: ${time.toFixed(2)} s`);
  };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [kind, { loop, guest }] of Object.entries(kinds) as [
      keyof typeof kinds,
      (typeof kinds)["core"],
    ][]) {
      const bare = await loop();
      note(LOOP, kind, await bare.until(/!/));
      await bare.destroy();
      const linux: Guest = await guest();
      note(BOOT, kind, await linux.until(PROMPT));
      await command(linux, PREPARE);
      for (const [work, line] of Object.entries(COMMANDS)) note(work, kind, await command(linux, line));
      await linux.destroy();
    }
  }
  return [
    ...Object.entries(seconds).flatMap(([work, { core, interpreter, jit }]) => [
      row(work, median(core), median(interpreter), 1),
      row(`${work}, against the JIT`, median(core), median(jit)),
    ]),
    row("MiB beyond the guest's memory at the prompt; 64 MiB", beyond, 64, 1),
  ];
}

function row(work: string, ours: number, peer: number, limit?: number): Row {
  return { work, ours, peer, ratio: ours / peer, ...(limit === undefined ? {} : { limit }) };
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function command(guest: Guest, line: string): Promise<number> {
  guest.type(`${line}; echo do''ne\n`);
  const time = await guest.until(/done/);
  await guest.until(PROMPT);
  return time;
}

function loopImage(): BareImage {
  return { ...romWith(integerLoop()), commandLine: "", memoryMiB: 4 };
}

function coreLoop(): Guest {
  const { bios, vgaBios } = romWith(integerLoop());
  return core({ memoryMiB: 4, boot: { type: "firmware" }, bios, vgaBios });
}

function coreGuest({ bios, vgaBios, kernel, commandLine, memoryMiB }: BareImage): Guest {
  if (kernel === undefined) throw new Error("no kernel");
  return core({
    memoryMiB,
    bios,
    vgaBios,
    boot: {
      type: "linux-firmware",
      optionRom: linuxOptionRom(),
      load: (memory) => loadLinux(memory, { kernel, commandLine }),
    },
  });
}

function core(config: PcConfig): Guest {
  let output = "";
  const pc = new Pc({
    ...config,
    events: { serial: (port, byte) => port === 0 && (output += String.fromCharCode(byte)) },
  });
  return {
    async until(pattern) {
      const from = processCpu();
      for (;;) {
        const match = pattern.exec(output);
        if (match !== null) {
          output = output.slice(match.index + match[0].length);
          return processCpu() - from;
        }
        const stop = pc.run(200_000, pc.clock.now() + 1e9);
        if (stop.type !== "limit" && stop.type !== "halted")
          throw new Error(`the core stopped: ${stop.type}`);
      }
    },
    type: (text) => pc.apply({ type: "serial", port: 0, bytes: new TextEncoder().encode(text) }),
    destroy: async () => undefined,
  };
}

async function v86Guest(image: BareImage, disableJit: boolean): Promise<Guest> {
  const machine = await BareMachine.create({ ...image, disableJit });
  machine.run();
  return {
    async until(pattern) {
      const from = processCpu();
      await machine.expect(pattern, 1_800_000);
      return processCpu() - from;
    },
    type: (text) => machine.type(text),
    destroy: () => machine.destroy(),
  };
}
