/** What a debugger's panel shows, as plain data: it crosses from a Worker to the page. */
import { disassemble } from "../assembler/disassemble.ts";
import type { Cpu } from "../cpu/cpu.ts";
import { readFlags } from "../cpu/flags.ts";
import { CR0_PE, CR0_PG, CS, EIP, ESP, FLAG_VM, LDTR, SS, TR } from "../cpu/registers.ts";
import type { Breakpoint } from "./breakpoints.ts";
import type { Debugger, DebugStop, Recording } from "./debugger.ts";
import { devicesOf, type DeviceView } from "./device-view.ts";
import { descriptorTable, pageWalk, readLinearBytes, type PageWalk, type TableEntry } from "./inspect.ts";
import type { Profile } from "./profile.ts";
import type { Symbols } from "./symbols.ts";
import type { MachineLogEntry } from "./trace.ts";

export type { DeviceView } from "./device-view.ts";

/** What of the machine is looked at; the rest is not computed. */
export interface ViewRequest {
  /** Linear address the code listing begins at; undefined follows EIP. */
  code?: number;
  codeLines: number;
  memory: number;
  memoryBytes: number;
  part: "stack" | "memory" | "tables" | "paging" | "devices" | "log" | "profile" | "breakpoints";
  table: "gdt" | "ldt" | "idt";
  walk: number;
}

export interface CodeLine {
  linear: number;
  /** Offset in the code segment. */
  offset: number;
  bytes: string;
  text: string;
  label?: string;
  target?: number;
}

export type CpuMode = "real" | "protected" | "virtual-8086" | "guest";

export interface RegisterView {
  /** EAX ECX EDX EBX ESP EBP ESI EDI. */
  general: number[];
  eip: number;
  flags: number;
  /** ES CS SS DS FS GS. */
  segments: { selector: number; base: number; limit: number; attributes: number }[];
  control: { cr0: number; cr2: number; cr3: number; cr4: number };
  debug: number[];
  tables: { gdtBase: number; gdtLimit: number; idtBase: number; idtLimit: number; ldt: number; task: number };
}

export interface NamedProfile extends Profile {
  hottest: { linear: number; count: number; name?: string }[];
}

export interface DebugView {
  running: boolean;
  /** Why it last stopped. */
  stop: DebugStop | undefined;
  instructions: number;
  /** Virtual milliseconds. */
  milliseconds: number;
  /** Counts between which one can go back and forth. */
  history: { first: number; head: number; bytes: number };
  mode: CpuMode;
  cpl: number;
  paging: PageWalk["paging"];
  bits: 16 | 32;
  halted: boolean;
  /** Linear address of the next instruction, and where that is by name. */
  next: number;
  place: string | undefined;
  /** What is there: memory, a device's memory, nothing (reads as FFh), or no page. */
  fetch: "memory" | "device" | "nothing" | "no page";
  /** What happens now was recorded before: inputs come in again by themselves. */
  replaying: boolean;
  registers: RegisterView;
  code: CodeLine[];
  /** `names` has the name of what a value points to, or undefined. */
  stack: { linear: number; values: number[]; names: (string | undefined)[]; size: 2 | 4 } | undefined;
  memory: { linear: number; bytes: Uint8Array; present: Uint8Array } | undefined;
  table: TableEntry[] | undefined;
  walk: PageWalk | undefined;
  devices: DeviceView[] | undefined;
  log: MachineLogEntry[] | undefined;
  trace: CodeLine[] | undefined;
  profile: NamedProfile | undefined;
  breakpoints: Breakpoint[];
  recording: Recording;
}

const STACK_ENTRIES = 24;
const LOG_LINES = 200;

const hex = (value: number, digits: number) => (value >>> 0).toString(16).padStart(digits, "0");

export function modeOf(cpu: Cpu): CpuMode {
  if (cpu.guest !== null) return "guest";
  if ((cpu.cr0 & CR0_PE) === 0) return "real";
  return (cpu.systemFlags & FLAG_VM) !== 0 ? "virtual-8086" : "protected";
}

function registersOf(cpu: Cpu): RegisterView {
  return {
    general: Array.from(cpu.r.subarray(0, 8), (value) => value >>> 0),
    eip: cpu.r[EIP] >>> 0,
    flags: readFlags(cpu) >>> 0,
    segments: Array.from({ length: 6 }, (_, i) => ({
      selector: cpu.selector[i],
      base: cpu.base[i] >>> 0,
      limit: cpu.limit[i],
      attributes: cpu.attributes[i],
    })),
    control: { cr0: cpu.cr0 >>> 0, cr2: cpu.cr2 >>> 0, cr3: cpu.cr3 >>> 0, cr4: cpu.cr4 >>> 0 },
    debug: Array.from(cpu.dr, (value) => value >>> 0),
    tables: {
      gdtBase: cpu.gdtrBase >>> 0,
      gdtLimit: cpu.gdtrLimit,
      idtBase: cpu.idtrBase >>> 0,
      idtLimit: cpu.idtrLimit,
      ldt: cpu.selector[LDTR],
      task: cpu.selector[TR],
    },
  };
}

/** Instructions from a linear address on. Labels are by linear address. */
export function codeLines(cpu: Cpu, linear: number, count: number, labels: Symbols): CodeLine[] {
  const { bytes, present } = readLinearBytes(cpu, linear, count * 15);
  const bits = cpu.wideCode ? 32 : 16;
  const base = cpu.base[CS] >>> 0;
  const lines: CodeLine[] = [];
  for (let at = 0; lines.length < count && at < bytes.length;) {
    const here = (linear + at) >>> 0;
    const offset = (here - base) >>> 0;
    const label = labels.get(here);
    if (present[at] === 0) {
      lines.push({ linear: here, offset, bytes: "??", text: "", ...(label !== undefined && { label }) });
      at++;
      continue;
    }
    const { length, text, target } = disassemble(bytes, at, {
      bits,
      address: offset,
      label: (address) => labels.get((base + address) >>> 0),
    });
    lines.push({
      linear: here,
      offset,
      bytes: Array.from(bytes.subarray(at, at + length), (byte) => hex(byte, 2)).join(" "),
      text,
      ...(label !== undefined && { label }),
      ...(target !== undefined && { target: (base + target) >>> 0 }),
    });
    at += length;
  }
  return lines;
}

function stackOf(cpu: Cpu, labels: Symbols): DebugView["stack"] {
  const size = cpu.stackMask === -1 ? 4 : 2;
  const linear = (cpu.base[SS] + (cpu.r[ESP] & cpu.stackMask)) >>> 0;
  const { bytes } = readLinearBytes(cpu, linear, STACK_ENTRIES * size);
  const view = new DataView(bytes.buffer);
  const values = Array.from({ length: STACK_ENTRIES }, (_, i) =>
    size === 4 ? view.getUint32(i * 4, true) : view.getUint16(i * 2, true),
  );
  return { linear, values, size, names: values.map((value) => labels.near(value)) };
}

function fetchAt(cpu: Cpu, linear: number): DebugView["fetch"] {
  const { physical } = pageWalk(cpu, linear);
  if (physical === undefined) return "no page";
  if (physical >= 0x1_0000_0000) return "nothing";
  if (cpu.memory.backing(physical) >= 0) return "memory";
  return cpu.bus.mmio.find(physical) === undefined ? "nothing" : "device";
}

function profileOf({ profiler }: Debugger, labels: Symbols): NamedProfile {
  const { hottest, ...rest } = profiler.report();
  return {
    ...rest,
    hottest: hottest.map((one) => {
      const name = labels.near(one.linear);
      return name === undefined ? one : { ...one, name };
    }),
  };
}

export interface ViewContext {
  debug: Debugger;
  running: boolean;
  stop: DebugStop | undefined;
  labels: Symbols;
}

/** Lines before the current one that stay in sight. */
const BEFORE = 4;

/** Where the listing begins so that EIP is in it: the lines shown before, as long as it is among them. */
export function listingStart(cpu: Cpu, previous: CodeLine[], next: number, labels: Symbols): number {
  const at = previous.findIndex(({ linear }) => linear === next);
  if (at >= 0 && at < previous.length - 3) {
    const fresh = codeLines(cpu, previous[0].linear, at + 1, labels);
    if (fresh[at]?.linear === next) return previous[0].linear;
  }
  // Some bytes back, if the instructions from there come out at EIP.
  for (let back = BEFORE * 6; back > 0; back--) {
    const start = next - back;
    if (start < 0) continue;
    const lines = codeLines(cpu, start, BEFORE, labels);
    const last = lines.at(-1);
    if (
      last === undefined ||
      lines.some(({ text, bytes }) => text.startsWith("db ") || text === "" || bytes === "00 00")
    )
      continue;
    const end = last.linear + (last.bytes.length + 1) / 3;
    if (end === next) return start;
  }
  return next;
}

export function debugView(context: ViewContext, request: ViewRequest, previous: CodeLine[]): DebugView {
  const { debug, running, stop, labels } = context;
  const { pc, history, linear: next } = debug;
  const { cpu } = pc;
  const start = request.code ?? listingStart(cpu, previous, next, labels);
  const { part } = request;
  return {
    running,
    stop,
    instructions: cpu.instructions,
    milliseconds: pc.clock.now() / 1e6,
    history: { first: history.first, head: Math.max(history.head, cpu.instructions), bytes: history.bytes },
    mode: modeOf(cpu),
    cpl: cpu.cpl,
    paging: (cpu.cr0 & CR0_PG) === 0 ? "off" : pageWalk(cpu, 0).paging,
    bits: cpu.wideCode ? 32 : 16,
    halted: cpu.halted,
    next,
    place: labels.near(next),
    fetch: fetchAt(cpu, next),
    replaying: history.replaying,
    registers: registersOf(cpu),
    code: codeLines(cpu, start, Math.min(request.codeLines, 200), labels),
    stack: part === "stack" ? stackOf(cpu, labels) : undefined,
    memory:
      part === "memory"
        ? {
            linear: request.memory,
            ...readLinearBytes(cpu, request.memory, Math.min(request.memoryBytes, 4096)),
          }
        : undefined,
    table: part === "tables" ? descriptorTable(cpu, request.table) : undefined,
    walk: part === "paging" ? pageWalk(cpu, request.walk) : undefined,
    devices: part === "devices" ? devicesOf(pc) : undefined,
    log: part === "log" ? debug.log.last(LOG_LINES) : undefined,
    trace:
      part === "log" && debug.recording.trace
        ? debug.trace.last(LOG_LINES).map(({ linear }) => codeLines(cpu, linear, 1, labels)[0])
        : undefined,
    profile: part === "profile" ? profileOf(debug, labels) : undefined,
    breakpoints: debug.breakpoints,
    recording: debug.recording,
  };
}
