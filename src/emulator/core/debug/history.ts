/**
 * Going back in time: checkpoints of the whole machine and replay from them. The machine is deterministic, so the state at
 * an instruction count is the checkpoint before it plus that many instructions, with the recorded inputs at their places.
 *
 * A checkpoint keeps the devices' state whole and, of memory, the old contents of each page that is written after it:
 * going back puts those pages back, newest interval first. Older checkpoints are merged, so that their distance grows with
 * their age and everything stays within a bound.
 */
import type { BlockDevice } from "../../machine.ts";
import type { CpuObserver } from "../cpu/watch.ts";
import type { Pc, PcInput, PcStop } from "../pc.ts";
import { restorePc, savePc, type PcState } from "../pc-state.ts";
import { writeRegister, type RegisterWrite } from "./register-write.ts";

const PAGE = 4096;

export interface HistoryOptions {
  /** Instructions between two checkpoints. */
  interval?: number;
  /** What checkpoints and what came in after them may take; beyond it the oldest are forgotten. */
  maximumBytes?: number;
  /** Keeps all that came in, though what is before the oldest checkpoint cannot be gone back to: for a session to be saved. */
  keepsAllRecords?: boolean;
}

/** What came in from outside, or that the processor's translations were dropped (a checkpoint does so). */
export interface TimelineRecord {
  instructions: number;
  /** Virtual nanoseconds. */
  time: number;
  input: HistoryInput | { type: "flush" };
}

export type HistoryInput = PcInput | RegisterWrite;

interface Checkpoint {
  instructions: number;
  state: PcState;
  /** Old contents of the pages written from here to the next checkpoint. */
  pages: Map<number, Uint8Array>;
  /** Old contents of what was written to drives, in order. */
  sectors: { drive: BlockDevice; offset: number; bytes: Uint8Array }[];
  bytes: number;
  /** Of them what came in from here to the next checkpoint. */
  recordBytes: number;
  /** The first record that comes after it. */
  next: number;
}

/** Recent checkpoints are not merged: going back a little is quick. */
const NEVER_MERGED = 12;
const MOST_CHECKPOINTS = 64;
/** About what the state of all devices but the screen takes. */
const DEVICE_BYTES = 65_536;
/** About what a record takes besides its bytes. */
const RECORD_BYTES = 100;

export class History {
  readonly records: TimelineRecord[] = [];
  /** Instruction count of the latest state that was ever reached on this timeline. */
  head = 0;
  /** Up to here the machine's output has been told. */
  private told = 0;
  private readonly pc: Pc;
  private readonly interval: number;
  private readonly maximumBytes: number;
  private readonly keepsAllRecords: boolean;
  private readonly checkpoints: Checkpoint[] = [];
  /** The next record to come. */
  private next = 0;
  private running = false;

  constructor(
    pc: Pc,
    { interval = 1_000_000, maximumBytes = 64 << 20, keepsAllRecords = false }: HistoryOptions = {},
  ) {
    this.pc = pc;
    this.keepsAllRecords = keepsAllRecords;
    this.interval = interval;
    this.maximumBytes = maximumBytes;
  }

  get active(): boolean {
    return this.checkpoints.length > 0;
  }

  /** The earliest instruction count that can be gone back to. */
  get first(): number {
    return this.checkpoints[0]?.instructions ?? this.pc.cpu.instructions;
  }

  /** What happens now has happened before. */
  get replaying(): boolean {
    return this.active && this.pc.cpu.instructions < this.head;
  }

  /** What happens now has been told before: its output is not to be told again. */
  get repeating(): boolean {
    return this.active && this.pc.cpu.instructions < this.told;
  }

  get bytes(): number {
    return this.checkpoints.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Begins here. No drive may be busy (`pc.settle`). */
  start(): void {
    this.stop();
    this.pc.memory.onHistoryWrite = (page) => this.keepPage(page);
    this.head = this.told = this.pc.cpu.instructions;
    this.checkpoint();
  }

  /** Takes over what was recorded of a machine that began as this one did: it happens again up to `head`. After `start`. */
  load(records: readonly TimelineRecord[], head: number): void {
    this.records.splice(0, this.records.length, ...records);
    this.next = 0;
    this.head = Math.max(head, this.pc.cpu.instructions);
  }

  stop(): void {
    if (!this.active) return;
    this.checkpoints.length = this.records.length = this.next = 0;
    this.pc.memory.onHistoryWrite = () => {};
    this.pc.memory.watchHistory(false);
  }

  /** What a drive had where it is about to be written. */
  keepSectors(drive: BlockDevice, offset: number, bytes: Uint8Array): void {
    const last = this.checkpoints.at(-1);
    if (last === undefined) return;
    last.sectors.push({ drive, offset, bytes: bytes.slice() });
    last.bytes += bytes.length;
  }

  /** Sets the processor's observer; that it drops translations is part of the timeline. */
  observe(observer: CpuObserver | null): void {
    this.pc.cpu.watcher.observe(observer);
    if (!this.active) return;
    this.cutFuture();
    this.record({ type: "flush" });
  }

  /** An input from outside, now. What was recorded for later is forgotten: another timeline begins. */
  input(input: HistoryInput): void {
    if (this.active) {
      this.cutFuture();
      this.record(input);
    }
    this.apply(input);
  }

  private apply(input: HistoryInput): void {
    if (input.type === "register") writeRegister(this.pc.cpu, input);
    else this.pc.apply(input);
  }

  private record(input: TimelineRecord["input"]): void {
    const { cpu, clock } = this.pc;
    this.records.push({ instructions: cpu.instructions, time: clock.now(), input });
    this.next = this.records.length;
    const last = this.checkpoints.at(-1);
    if (last === undefined) return;
    const bytes = RECORD_BYTES + sizeOf(input);
    last.bytes += bytes;
    last.recordBytes += bytes;
  }

  private cutFuture(): void {
    if (!this.replaying) return;
    this.records.length = this.next;
    this.head = this.pc.cpu.instructions;
    this.told = Math.min(this.told, this.head);
  }

  /** `pc.run` along the timeline: recorded inputs come in where they came in, checkpoints are made on the way. */
  run(instructions: number, until = Infinity): PcStop {
    const { pc } = this;
    if (!this.active) return pc.run(instructions, until);
    const end = pc.cpu.instructions + instructions;
    try {
      for (;;) {
        const stop = this.runPart(end, until);
        if (stop !== undefined) return stop;
      }
    } finally {
      this.head = Math.max(this.head, pc.cpu.instructions);
      this.told = Math.max(this.told, pc.cpu.instructions);
    }
  }

  private runPart(end: number, until: number): PcStop | undefined {
    const { pc } = this;
    const { cpu, clock } = pc;
    this.takeRecords();
    if (!this.replaying) {
      const last = this.checkpoints[this.checkpoints.length - 1];
      if (cpu.instructions >= last.instructions + this.interval && !pc.busy) this.checkpoint();
    }
    const coming = this.records[this.next];
    let target = Math.min(end, cpu.instructions + this.interval);
    let limit = until;
    if (coming !== undefined) {
      target = Math.min(target, Math.max(coming.instructions, cpu.instructions + 1));
      // A time that has passed already (a recording that was changed by hand) is no limit: nothing would ever be executed.
      if (coming.instructions <= target && coming.time > clock.now()) limit = Math.min(limit, coming.time);
    }
    const stop = pc.run(target - cpu.instructions, limit);
    if (stop.type !== "limit" && !(stop.type === "idle" && coming !== undefined)) return stop;
    const done = cpu.instructions >= end || clock.now() >= until;
    return done ? { type: "limit" } : undefined;
  }

  private takeRecords(): void {
    const { cpu, clock } = this.pc;
    for (;;) {
      const record = this.records[this.next];
      if (record === undefined) return;
      const due =
        cpu.instructions > record.instructions ||
        (cpu.instructions === record.instructions && clock.now() >= record.time);
      if (!due) return;
      this.next++;
      if (record.input.type === "flush") this.flushAt(record);
      else this.apply(record.input);
    }
  }

  /** A checkpoint was made here once: make it again, if it is not there. */
  private flushAt({ instructions }: TimelineRecord): void {
    const last = this.checkpoints[this.checkpoints.length - 1];
    const far = instructions >= last.instructions + this.interval;
    if (far && !this.pc.busy) this.push();
    else this.pc.cpu.svm.flushAll();
  }

  private checkpoint(): void {
    this.record({ type: "flush" });
    this.push();
    this.shrink();
  }

  private push(): void {
    const { pc } = this;
    const state = savePc(pc);
    this.checkpoints.push({
      instructions: pc.cpu.instructions,
      state,
      pages: new Map(),
      sectors: [],
      bytes: pc.vga.planes.byteLength + DEVICE_BYTES,
      recordBytes: 0,
      next: this.next,
    });
    pc.memory.watchHistory(true);
  }

  private keepPage(page: number): void {
    const last = this.checkpoints.at(-1);
    if (last === undefined || last.pages.has(page)) return;
    last.pages.set(page, this.pc.memory.bytes.slice(page * PAGE, page * PAGE + PAGE));
    last.bytes += PAGE;
  }

  private shrink(): void {
    const list = this.checkpoints;
    while (list.length > MOST_CHECKPOINTS || (this.bytes > this.maximumBytes && list.length > 1)) {
      const now = this.pc.cpu.instructions;
      let best = -1;
      let smallest = Infinity;
      for (let i = 0; i + 2 < list.length - NEVER_MERGED; i++) {
        const gap = (list[i + 2].instructions - list[i].instructions) / (now - list[i].instructions);
        if (gap < smallest) {
          smallest = gap;
          best = i;
        }
      }
      if (best >= 0 && list.length > MOST_CHECKPOINTS) this.merge(best);
      else this.forgetOldest();
    }
  }

  private forgetOldest(): void {
    const list = this.checkpoints;
    list.shift();
    if (this.keepsAllRecords) return;
    const gone = list[0].next;
    this.records.splice(0, gone);
    this.next -= gone;
    for (const checkpoint of list) checkpoint.next -= gone;
  }

  /** The interval of checkpoint i + 1 becomes part of i's. */
  private merge(i: number): void {
    const [gone] = this.checkpoints.splice(i + 1, 1);
    const kept = this.checkpoints[i];
    for (const [page, contents] of gone.pages) {
      if (kept.pages.has(page)) continue;
      kept.pages.set(page, contents);
      kept.bytes += PAGE;
    }
    kept.recordBytes += gone.recordBytes;
    kept.bytes += gone.recordBytes;
    kept.sectors.push(...gone.sectors);
    for (const { bytes } of gone.sectors) kept.bytes += bytes.length;
  }

  /**
   * The machine as it was before instruction number `instructions`; no earlier than `first`. Waits for drives. Answers the
   * count it stands at (later than asked for only where an interrupted instruction cannot be cut).
   */
  async goTo(instructions: number): Promise<number> {
    if (!this.active) return this.pc.cpu.instructions;
    if (this.running) throw new Error("history: it is going somewhere already");
    this.running = true;
    try {
      const target = Math.max(instructions, this.first);
      const { cpu } = this.pc;
      if (target < cpu.instructions) await this.restore(this.indexBefore(target));
      await this.replay(target);
      return cpu.instructions;
    } finally {
      this.running = false;
    }
  }

  private indexBefore(instructions: number): number {
    let index = this.checkpoints.length - 1;
    while (index > 0 && this.checkpoints[index].instructions > instructions) index--;
    return index;
  }

  /** Executes up to a count on the timeline, waiting for drives. */
  private async replay(target: number): Promise<void> {
    const { pc } = this;
    while (pc.cpu.instructions < target) {
      const stop = this.run(target - pc.cpu.instructions);
      if (stop.type === "waiting") await pc.settled();
      else if (stop.type !== "limit") return;
    }
  }

  private async restore(index: number): Promise<void> {
    const { pc } = this;
    const { memory } = pc;
    await pc.settled();
    for (let i = this.checkpoints.length - 1; i >= index; i--) {
      const { pages, sectors } = this.checkpoints[i];
      for (const [page, contents] of pages) memory.bytes.set(contents, page * PAGE);
      for (const { drive, offset, bytes } of sectors.toReversed()) await drive.write(offset, bytes);
    }
    this.checkpoints.length = index + 1;
    const checkpoint = this.checkpoints[index];
    checkpoint.pages.clear();
    checkpoint.sectors.length = 0;
    checkpoint.bytes = pc.vga.planes.byteLength + DEVICE_BYTES;
    restorePc(pc, checkpoint.state);
    memory.watchHistory(true);
    this.next = checkpoint.next;
  }

  /**
   * Goes back to in front of the last instruction that wrote one of `length` bytes at a linear address. Answers its
   * instruction count, or undefined (and the machine is where it was) when nothing in the history wrote there.
   */
  async goToLastWrite(linear: number, length: number): Promise<number | undefined> {
    const { pc } = this;
    if (!this.active) return undefined;
    const from = pc.cpu.instructions;
    let end = from;
    const writes: number[] = [];
    const observer: CpuObserver = {
      seesInstruction: () => false,
      instruction: () => false,
      seesPage: (page) => page === linear >>> 12 || page === (linear + length - 1) >>> 12,
      memory: (at, size, write) => {
        if (write && at < linear + length && at + size > linear && pc.cpu.instructions < from) {
          writes[0] = pc.cpu.instructions;
        }
      },
      port: () => {},
      event: () => {},
    };
    const before = pc.cpu.watcher.current;
    for (let index = this.checkpoints.length - 1; index >= 0 && writes.length === 0; index--) {
      const { instructions } = this.checkpoints[index];
      if (instructions >= end) continue;
      await this.restore(index);
      // Translations have just been dropped: that the observer drops them again changes nothing.
      pc.cpu.watcher.observe(observer);
      await this.replay(end);
      end = instructions;
    }
    const target = writes[0] ?? from;
    await this.restore(this.indexBefore(target));
    pc.cpu.watcher.observe(before);
    await this.replay(target);
    return writes[0];
  }
}

/** A drive whose writes the history can take back; to be given to the PC in its place. */
export function undoable(drive: BlockDevice, history: () => History | undefined): BlockDevice {
  return {
    byteLength: drive.byteLength,
    readOnly: drive.readOnly,
    read: (offset, length) => drive.read(offset, length),
    write: (offset, bytes) => {
      const keeper = history();
      if (keeper?.active !== true) return drive.write(offset, bytes);
      const old = drive.read(offset, bytes.length);
      if (old instanceof Uint8Array) {
        keeper.keepSectors(drive, offset, old);
        return drive.write(offset, bytes);
      }
      const kept = bytes.slice();
      return old.then((found) => {
        keeper.keepSectors(drive, offset, found);
        return drive.write(offset, kept);
      });
    },
  };
}

function sizeOf(input: TimelineRecord["input"]): number {
  if (input.type === "frame") return input.frame.length;
  return "bytes" in input ? input.bytes.length : 0;
}
