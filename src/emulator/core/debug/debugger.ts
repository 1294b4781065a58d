/**
 * A debugger of a PC: breakpoints with conditions, steps into, over, out and back, trace, profile and log. Nothing of it
 * is in the processor's way while it observes nothing (../cpu/watch.ts).
 *
 * It executes in slices: `begin` says where to, `slice` runs a while and answers a stop when that is reached, so that
 * whoever drives it stays responsive and can set the pace.
 */
import { disassemble } from "../assembler/disassemble.ts";
import { SOURCE_EXTERNAL, SOURCE_SOFTWARE } from "../cpu/exceptions.ts";
import { CS, EIP, ESP } from "../cpu/registers.ts";
import type { CpuObserver } from "../cpu/watch.ts";
import { INSTRUCTION_SET } from "../instructions/instruction-set.ts";
import type { Instruction } from "../instructions/instruction.ts";
import type { Pc, PcStop } from "../pc.ts";
import { accessMatches, activate, type ActiveBreakpoint, type Breakpoint } from "./breakpoints.ts";
import { holds, type EventValues } from "./condition.ts";
import { History, type HistoryOptions } from "./history.ts";
import { physicalPieces, readLinearBytes } from "./inspect.ts";
import { Profiler } from "./profile.ts";
import { WRITABLE_REGISTERS } from "./register-write.ts";
import { MachineLog, Trace } from "./trace.ts";

export type DebugGoal =
  | { type: "run" }
  | { type: "step" }
  | { type: "over" }
  | { type: "out" }
  /** To a linear address. */
  | { type: "to"; linear: number };

export type DebugStop =
  | Exclude<PcStop, { type: "stopped" }>
  | { type: "paused" }
  /** The goal is reached. */
  | { type: "done" }
  | { type: "breakpoint"; id: number };

export interface Recording {
  trace: boolean;
  profile: boolean;
  log: boolean;
}

const RETURNS = new Set(["ret", "retf", "iret"]);
const CALLS = /^(?:o16 |o32 )?(?:call|int|into|rep|repe|repne|loop)/;

/** Where the goal stands: a temporary breakpoint, or the way out of a routine. */
interface Pending {
  goal: DebugGoal;
  /** Stop in front of this address… */
  linear?: number;
  /** …once the stack pointer is at or above this (a deeper call of the same routine does not count). */
  stackPointer?: number;
  /** The return that was waited for has been executed. */
  returned?: boolean;
}

export class Debugger implements CpuObserver {
  readonly pc: Pc;
  readonly history: History;
  readonly profiler = new Profiler();
  readonly trace = new Trace();
  readonly log = new MachineLog();
  #breakpoints: ActiveBreakpoint[] = [];
  #nextId = 1;
  #recording: Recording = { trace: false, profile: false, log: false };
  #pending: Pending | undefined;
  #hit: DebugStop | undefined;
  /** Instruction count at which the last slice began: a breakpoint there does not stop again. */
  #resumedAt = -1;
  #quiet = false;
  readonly #offsets = new Uint8Array(4096);

  /** `history` is given where the machine's drives are made undoable before it is built. */
  constructor(pc: Pc, options: HistoryOptions = {}, history = new History(pc, options)) {
    this.pc = pc;
    this.history = history;
  }

  get breakpoints(): Breakpoint[] {
    return this.#breakpoints.map(({ id, enabled, place, condition, hits }) => ({
      id,
      enabled,
      place,
      hits,
      ...(condition !== undefined && { condition }),
    }));
  }

  get recording(): Recording {
    return this.#recording;
  }

  /** Throws `BreakpointError`. Answers its id. */
  addBreakpoint(breakpoint: Omit<Breakpoint, "id" | "hits">): number {
    const added = activate({ ...breakpoint, id: this.#nextId++, hits: 0 });
    this.#breakpoints.push(added);
    this.#observe();
    return added.id;
  }

  /** Throws `BreakpointError`; then nothing has changed. */
  changeBreakpoint(id: number, changes: Partial<Pick<Breakpoint, "enabled" | "condition">>): void {
    const at = this.#breakpoints.findIndex((one) => one.id === id);
    if (at < 0) return;
    this.#breakpoints[at] = activate({ ...this.#breakpoints[at], ...changes });
    this.#observe();
  }

  removeBreakpoint(id: number): void {
    this.#breakpoints = this.#breakpoints.filter((one) => one.id !== id);
    this.#observe();
  }

  record(recording: Partial<Recording>): void {
    this.#recording = { ...this.#recording, ...recording };
    this.#observe();
  }

  /** Begins history here; drives must be idle (`pc.settle`). */
  start(): void {
    this.history.start();
  }

  /** Takes everything off the machine. */
  detach(): void {
    this.#pending = undefined;
    this.#breakpoints = [];
    this.#recording = { trace: false, profile: false, log: false };
    this.history.observe(null);
    this.history.stop();
  }

  #enabled<T extends Breakpoint["place"]["type"]>(type: T) {
    return this.#breakpoints.filter(
      (one): one is ActiveBreakpoint & { place: { type: T } } => one.enabled && one.place.type === type,
    );
  }

  #observe(): void {
    const { trace, profile, log } = this.#recording;
    const used =
      trace || profile || log || this.#pending !== undefined || this.#breakpoints.some((one) => one.enabled);
    this.#offsets.fill(0);
    for (const { place } of this.#enabled("address")) this.#offsets[place.linear & 4095] = 1;
    if (this.#pending?.linear !== undefined) this.#offsets[this.#pending.linear & 4095] = 1;
    const { current } = this.pc.cpu.watcher;
    if (used || current !== null) this.history.observe(used ? this : null);
  }

  /** Linear address of the instruction that comes next. */
  get linear(): number {
    const { cpu } = this.pc;
    return (cpu.base[CS] + cpu.r[EIP]) >>> 0;
  }

  begin(goal: DebugGoal): void {
    this.#hit = undefined;
    this.#resumedAt = this.pc.cpu.instructions;
    this.#pending = this.#plan(goal);
    if (this.#pending !== undefined) this.#observe();
  }

  #plan(goal: DebugGoal): Pending | undefined {
    const { cpu } = this.pc;
    switch (goal.type) {
      case "run":
        return undefined;
      case "step":
        return { goal };
      case "to":
        return { goal, linear: goal.linear >>> 0 };
      case "out":
        return { goal, stackPointer: cpu.r[ESP] >>> 0 };
      case "over": {
        const { bytes } = readLinearBytes(cpu, this.linear, 16);
        const { text, length } = disassemble(bytes, 0, { bits: cpu.wideCode ? 32 : 16 });
        if (!CALLS.test(text)) return { goal: { type: "step" } };
        return { goal, linear: (this.linear + length) >>> 0, stackPointer: cpu.r[ESP] >>> 0 };
      }
      default:
        return goal satisfies never;
    }
  }

  /** Executes at most so many instructions, not beyond the clock's `until`. Answers a stop, or undefined to go on. */
  slice(instructions: number, until = Infinity): DebugStop | undefined {
    const single = this.#pending?.goal.type === "step";
    const before = this.pc.cpu.instructions;
    const stop = this.history.run(single ? 1 : instructions, until);
    if (this.#hit !== undefined) return this.#end(this.#hit);
    const ended = stop.type === "exit" || stop.type === "triple-fault";
    if (single && !ended && this.pc.cpu.instructions > before) return this.#end({ type: "done" });
    switch (stop.type) {
      case "limit":
      case "stopped":
        return undefined;
      case "waiting":
        return stop;
      default:
        return this.#end(stop);
    }
  }

  #end(stop: DebugStop): DebugStop {
    const pending = this.#pending;
    this.#pending = undefined;
    this.#hit = undefined;
    if (pending !== undefined) this.#observe();
    return stop;
  }

  /** Gives the goal up. */
  pause(): DebugStop {
    return this.#end({ type: "paused" });
  }

  /** Goes back (or forward) to in front of instruction number `instructions`. */
  async goTo(instructions: number): Promise<number> {
    return this.#quietly(() => this.history.goTo(instructions));
  }

  async stepBack(): Promise<number> {
    return this.goTo(this.pc.cpu.instructions - 1);
  }

  /** In front of the last instruction that wrote there; undefined when there is none. */
  async goToLastWrite(linear: number, length: number): Promise<number | undefined> {
    return this.#quietly(() => this.history.goToLastWrite(linear, length));
  }

  async #quietly<T>(work: () => Promise<T>): Promise<T> {
    this.#quiet = true;
    try {
      return await work();
    } finally {
      this.#quiet = false;
      this.log.cut(this.pc.cpu.instructions);
    }
  }

  /** Sets a register. Answers false for one that cannot be set. */
  writeRegister(name: string, value: number): boolean {
    if (!WRITABLE_REGISTERS.includes(name)) return false;
    this.history.input({ type: "register", name, value: value | 0 });
    return true;
  }

  /** Writes RAM by linear address. Answers false, and nothing is written, where there is none for a byte. */
  writeMemory(linear: number, bytes: Uint8Array): boolean {
    const pieces = physicalPieces(this.pc.cpu, linear, bytes);
    if (pieces === undefined) return false;
    for (const piece of pieces) this.history.input({ type: "memory", ...piece });
    return true;
  }

  seesInstruction(pageOffset: number, op: Instruction): boolean {
    const { trace, profile } = this.#recording;
    if (trace || profile || this.#offsets[pageOffset] === 1) return true;
    if (this.#pending?.goal.type !== "out" || op.row < 0) return false;
    return RETURNS.has(INSTRUCTION_SET.rows[op.row].row.mnemonic);
  }

  instruction(linear: number, op: Instruction): boolean {
    if (this.#quiet) return false;
    const { cpu } = this.pc;
    if (cpu.instructions !== this.#resumedAt && this.#stopsAt(linear)) return true;
    if (this.#recording.trace) this.trace.add(linear, cpu.instructions);
    if (this.#recording.profile) this.profiler.count(linear, op.row);
    const pending = this.#pending;
    if (pending?.goal.type === "out" && op.row >= 0 && cpu.r[ESP] >>> 0 >= pending.stackPointer!) {
      if (RETURNS.has(INSTRUCTION_SET.rows[op.row].row.mnemonic)) this.#stopAfter({ type: "done" });
    }
    return false;
  }

  #stopsAt(linear: number): boolean {
    const { cpu } = this.pc;
    const pending = this.#pending;
    if (pending?.linear === linear && cpu.r[ESP] >>> 0 >= (pending.stackPointer ?? 0)) {
      this.#hit = { type: "done" };
      this.pc.breakOff();
      return true;
    }
    for (const one of this.#breakpoints) {
      if (!one.enabled || one.place.type !== "address" || one.place.linear !== linear) continue;
      if (!this.#meets(one, {})) continue;
      one.hits++;
      this.#hit = { type: "breakpoint", id: one.id };
      this.pc.breakOff();
      return true;
    }
    return false;
  }

  #meets(breakpoint: ActiveBreakpoint, event: EventValues): boolean {
    return breakpoint.expression === undefined || holds(breakpoint.expression, this.pc.cpu, event);
  }

  #stopAfter(stop: DebugStop, more = 1): void {
    this.#hit ??= stop;
    this.pc.breakOff(more);
  }

  #reach(breakpoint: ActiveBreakpoint, event: EventValues, more = 1): void {
    if (!this.#meets(breakpoint, event)) return;
    breakpoint.hits++;
    this.#stopAfter({ type: "breakpoint", id: breakpoint.id }, more);
  }

  seesPage(page: number): boolean {
    return this.#breakpoints.some(
      ({ enabled, place }) =>
        enabled &&
        place.type === "memory" &&
        place.linear >>> 12 <= page &&
        (place.linear + place.length - 1) >>> 12 >= page,
    );
  }

  memory(linear: number, size: number, write: boolean, value: number): void {
    if (this.#quiet) return;
    for (const one of this.#breakpoints) {
      const { place, enabled } = one;
      if (!enabled || place.type !== "memory" || !accessMatches(place.access, write)) continue;
      if (linear < place.linear + place.length && linear + size > place.linear) this.#reach(one, { value });
    }
  }

  port(port: number, size: number, write: boolean, value: number): void {
    if (this.#quiet) return;
    const { instructions } = this.pc.cpu;
    if (this.#recording.log) {
      const device = this.pc.bus.ports.find(port)?.name ?? "unimplemented";
      this.log.add({ type: "port", instructions, port, size, write, value, device });
    }
    for (const one of this.#breakpoints) {
      const { place, enabled } = one;
      if (!enabled || place.type !== "port" || !accessMatches(place.access, write)) continue;
      if (port <= place.last && port + size > place.first) this.#reach(one, { value });
    }
  }

  event(vector: number, source: number, error: number): void {
    if (this.#quiet) return;
    const { instructions } = this.pc.cpu;
    const interrupt = source === SOURCE_EXTERNAL || source === SOURCE_SOFTWARE;
    const type = source === SOURCE_SOFTWARE ? "software-interrupt" : interrupt ? "interrupt" : "exception";
    if (this.#recording.log) this.log.add({ type, instructions, vector, error });
    for (const one of this.#breakpoints) {
      const { place, enabled } = one;
      if (!enabled || place.type !== (interrupt ? "interrupt" : "exception")) continue;
      if (place.vector === -1 || place.vector === vector) this.#reach(one, { vector, error }, 0);
    }
  }
}
