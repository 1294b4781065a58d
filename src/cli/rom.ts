/** `ringside rom`: a ROM image in place of the BIOS on the core, for ROMs that test a processor and report as they go. */
import { readFile } from "node:fs/promises";
import type { CpuObserver } from "../emulator/core/cpu/watch.ts";
import { Pc, type PcStop } from "../emulator/core/pc.ts";
import { describeTripleFault } from "../emulator/triple-fault.ts";
import { fileProblem } from "./laboratory.ts";
import { readOptions, UsageError } from "./options.ts";

export const ROM_HELP = `ringside rom FILE [--post 0x190] [--text 0xE9] [--limit INSTRUCTIONS]    run a ROM image in place of the BIOS

  --post PORT     each byte written there is a POST code, printed on standard error (default 0x190)
  --text PORT     bytes written there go to standard output (default 0xE9)
  --limit N       instructions before it is ended (default 1000000000)

The image ends at the top of the address space and below 1 MiB, where the processor starts after a reset; RAM is 16 MiB.
Why it ended is the last line on standard error. Ends with 0 when the processor halts for good, with the status
(N << 1) | 1 for N written to port F4h, with 1 after a triple fault or at the limit, with 2 when the file is refused.
`;

const OPTIONS = { post: { type: "string" }, text: { type: "string" }, limit: { type: "string" } } as const;
const DEFAULT_POST = 0x190;
const DEFAULT_TEXT = 0xe9;
const DEFAULT_LIMIT = 1e9;
const MEMORY_MIB = 16;
const LARGEST = 1 << 20;
const SLICE = 5_000_000;
/** What resets the machine over and over ends here. */
export const MOST_RESETS = 100;

export interface RomPorts {
  post: number;
  text: number;
}

export interface RomSinks {
  post(code: number): void;
  text(byte: number): void;
}

export type RomEnd = PcStop | { type: "resets" };

/** Runs it to its end, or for `limit` instructions. Throws for an image that is no ROM. */
export function runRom(
  image: Uint8Array,
  ports: RomPorts,
  limit: number,
  sinks: RomSinks,
): { end: RomEnd; pc: Pc } {
  if (image.length < 16 || image.length > LARGEST) {
    throw new UsageError(`a ROM of ${image.length} bytes: expected 16 bytes to 1 MiB`);
  }
  let resets = -1;
  const pc: Pc = new Pc({
    memoryMiB: MEMORY_MIB,
    boot: { type: "firmware" },
    bios: image,
    exitPort: true,
    events: {
      reset: () => {
        if (++resets > MOST_RESETS) pc.stop();
      },
    },
  });
  const observer: CpuObserver = {
    seesInstruction: () => false,
    instruction: () => false,
    seesPage: () => false,
    memory: () => {},
    port: (port, _, write, value) => {
      if (!write) return;
      if (port === ports.post) sinks.post(value & 0xff);
      else if (port === ports.text) sinks.text(value & 0xff);
    },
    event: () => {},
  };
  pc.cpu.watcher.observe(observer);
  for (;;) {
    const left = limit - pc.cpu.instructions;
    const end = pc.run(Math.min(left, SLICE));
    if (resets > MOST_RESETS) return { end: { type: "resets" }, pc };
    if (end.type !== "limit" || left <= SLICE) return { end, pc };
  }
}

const hex = (value: number, digits: number) => (value >>> 0).toString(16).toUpperCase().padStart(digits, "0");

/** One line, and the exit status. */
export function describeRomEnd(end: RomEnd, pc: Pc): { line: string; status: number } {
  const { cpu } = pc;
  const where = `CS:EIP ${hex(cpu.selector[1], 4)}:${hex(cpu.r[11], 8)}, ${cpu.instructions} instructions`;
  switch (end.type) {
    case "halted":
      return { line: `halted, interrupts off (${where})`, status: 0 };
    case "idle":
      return { line: `halted, and no interrupt will come (${where})`, status: 0 };
    case "exit":
      return {
        line: `ended through port F4h with ${end.code} (${where})`,
        status: ((end.code << 1) | 1) & 0xff,
      };
    case "triple-fault":
      return { line: `${describeTripleFault(end.fault)} (${where})`, status: 1 };
    case "limit":
      return { line: `the limit of instructions is reached (${where})`, status: 1 };
    case "resets":
      return { line: `it resets the machine again and again (${where})`, status: 1 };
    case "stopped":
    case "waiting":
      return { line: `stopped (${where})`, status: 1 };
    default:
      return end satisfies never;
  }
}

/** A whole number, decimal or with 0x. */
function numberOption(name: string, text: string, highest: number): number {
  const value = /^(0x[0-9a-f]{1,8}|\d{1,15})$/i.test(text) ? Number(text) : Infinity;
  if (value > highest) throw new UsageError(`--${name}: expected 0 to ${highest}, found "${text}"`);
  return value;
}

function portOf(name: string, text: string | undefined, fallback: number): number {
  return text === undefined ? fallback : numberOption(name, text, 0xffff);
}

export async function rom(argv: string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, OPTIONS);
  if (positionals.length !== 1) throw new UsageError("expected one ROM image");
  const [file] = positionals;
  const problem = fileProblem(file);
  if (problem !== undefined) throw new UsageError(problem);
  const ports = {
    post: portOf("post", values.post, DEFAULT_POST),
    text: portOf("text", values.text, DEFAULT_TEXT),
  };
  const limit =
    values.limit === undefined ? DEFAULT_LIMIT : numberOption("limit", values.limit, Number.MAX_SAFE_INTEGER);
  const image = new Uint8Array(await readFile(file));
  const pending: number[] = [];
  const flush = () => {
    if (pending.length > 0) process.stdout.write(Uint8Array.from(pending.splice(0)));
  };
  const { end, pc } = runRom(image, ports, limit, {
    post: (code) => {
      flush();
      process.stderr.write(`POST ${hex(code, 2)}\n`);
    },
    text: (byte) => {
      if (pending.push(byte) >= 4096) flush();
    },
  });
  flush();
  const { line, status } = describeRomEnd(end, pc);
  process.stderr.write(`${line}\n`);
  return status;
}
