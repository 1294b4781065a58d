/**
 * The CPU: its state, its way to memory, and the loop that executes decoded blocks.
 *
 * What an instruction does stands in ../instructions; segments, paging, exceptions and interrupts each have their file
 * here. This file holds what every one of them touches, kept together because it is the hot path:
 * - `r`: general registers, EIP and lazy flags in one Int32Array (indexes in registers.ts);
 * - `read8/16/32`, `write8/16/32`: through segment and TLB; `update…`/`writeBack…` for operands that are read and written;
 * - `run`: executes up to a number of instructions, exactly.
 *
 * A fault is thrown (`raise`) and caught in `run`, with EIP still at the faulting instruction; whoever raises it must not
 * have changed anything visible before.
 */
import { Random } from "../../../common/random.ts";
import { decode, TOO_LONG, TRUNCATED, type DecodeMap } from "../instructions/decode.ts";
import { fuse } from "../instructions/fused.ts";
import { Instruction } from "../instructions/instruction.ts";
import { X87State } from "../float/x87-state.ts";
import type { TripleFault } from "../../triple-fault.ts";
import type { Bus, CpuLines, InterruptController } from "../memory/bus.ts";
import type { PhysicalMemory } from "../memory/physical-memory.ts";
import { VectorRegisters } from "../vector/vector-registers.ts";
import {
  ATTENTION_BLOCK,
  ATTENTION_DEBUG,
  ATTENTION_HALT,
  ATTENTION_INJECT,
  ATTENTION_INTERRUPT,
  ATTENTION_NMI,
  ATTENTION_RESUME,
  ATTENTION_SHADOW,
  ATTENTION_STOP,
  ATTENTION_TRAP,
  ATTENTION_VIRTUAL,
} from "./attention.ts";
import { Block, BlockCache } from "./block-cache.ts";
import { DEFAULT_CPU_MODEL, type CpuModel } from "./cpuid.ts";
import { deliverException, deliverInterrupt } from "./exceptions.ts";
import { GuestFault } from "./guest-fault.ts";
import { MSR_PAT, PAT_AT_RESET } from "./model-registers.ts";
import { ACCESS_EXECUTE, ACCESS_READ, ACCESS_WRITE, walk } from "./paging.ts";
import {
  CR0_AM,
  CR0_ET,
  CR0_PE,
  CR0_PG,
  CR4_PAE,
  CS,
  EIP,
  ESP,
  FLAG_AC,
  FLAG_IF,
  FLAG_RF,
  FLAG_TF,
  REGISTERS,
  SS,
  VECTOR_AC,
  VECTOR_DB,
  VECTOR_GP,
  VECTOR_SS,
} from "./registers.ts";
import { resetSegments } from "./segmentation.ts";
import { Svm } from "./svm/svm.ts";
import { EXIT_INTR, EXIT_NMI, EXIT_SHUTDOWN } from "./svm/vmcb.ts";
import * as deny from "./tlb.ts";
import { Watch } from "./watch.ts";

/** Why `run` came back. `limit`: all instructions asked for are done. */
export type StopReason = "limit" | "halted" | "shutdown" | "stopped";

const MAXIMUM_BLOCK = 16;
const FAULT = new GuestFault();
/** Thrown to leave an instruction without an exception. */
const NO_VECTOR = -1;

function stale(cpu: Cpu): null {
  cpu.left++;
  return null;
}

/**
 * The end of a block that was left by falling through: moves EIP on, to the block behind it where that is known (hot.ts,
 * `branch`). It is no instruction and is not counted.
 */
function tail(cpu: Cpu, op: Instruction): Instruction | null {
  const eip = (cpu.r[EIP] + op.offset) | 0;
  cpu.r[EIP] = eip;
  cpu.left++;
  if (!cpu.flatCode) return null;
  const { link } = op;
  if (
    link !== null &&
    link.execute !== stale &&
    (cpu.entries[eip >>> 12] & (-4096 | cpu.denyExecute)) === op.linkPage
  ) {
    return link;
  }
  cpu.linkFrom = op;
  return null;
}

export class Cpu implements CpuLines {
  readonly r = new Int32Array(REGISTERS);
  /** The same registers by halves (register n at 2n) and bytes (`byteRegister`). */
  readonly r16 = new Uint16Array(this.r.buffer);
  readonly r8 = new Uint8Array(this.r.buffer);
  /** EFLAGS without the six status flags and bit 1. */
  systemFlags = 0;

  readonly selector = new Uint16Array(8);
  readonly base = new Int32Array(8);
  readonly limit = new Uint32Array(8);
  /** Bits 8-23 of the descriptor's second doubleword: access byte, AVL, D/B, G. */
  readonly attributes = new Int32Array(8);
  /** Number of offsets at which an access is allowed at once, by segment * 8 + (0 1 2 read, 3 4 5 write of 8 16 32 bits). */
  readonly span = new Uint32Array(64);
  /** FFFFh or FFFFFFFFh: the part of ESP that is the stack pointer. */
  stackMask = 0xffff;
  /** CS.D. */
  wideCode = false;
  /** 32-bit code from 0 to 4 GiB: targets need no check, and linear addresses are offsets. */
  flatCode = false;
  /** The direct branch just taken, to be linked to the block that is found for its target. */
  linkFrom: Instruction | null = null;
  /** What a dropped block executes. */
  readonly stale = stale;
  cpl = 0;
  gdtrBase = 0;
  gdtrLimit = 0xffff;
  idtrBase = 0;
  idtrLimit = 0xffff;

  cr0 = CR0_ET;
  cr2 = 0;
  cr3 = 0;
  cr4 = 0;
  efer = 0;
  /** PAE's four directory pointers, low and high doublewords. */
  readonly pdpte = new Int32Array(8);
  /** Model-specific registers that hold what is written (model-registers.ts). */
  readonly msr = new Map<number, bigint>();
  /** Time-stamp counter less instructions executed. */
  tscOffset = 0n;
  /** DR0-DR3, DR6, DR7 at their numbers; `watcher.refresh` after a change. */
  readonly dr = new Int32Array(8);
  readonly watcher: Watch = new Watch(this);
  /** `watcher` while a debug register or an observer is in use, null otherwise. */
  watch: Watch | null = null;
  /** The #DB that is raised is a fault, not a trap. */
  debugFault = false;
  /** The instruction that runs is the one RF was set for. */
  private resumed = false;

  readonly x87 = new X87State();
  readonly vectors = new VectorRegisters();
  /** FERR#: an unmasked x87 exception with CR0.NE clear; a PC answers with interrupt 13. */
  onFloatError: () => void = () => {};
  /** IGNNE#: x87 instructions go on although FERR# is asserted. */
  ignoreFloatError = false;

  readonly memory: PhysicalMemory;
  readonly bus: Bus;
  readonly model: CpuModel;
  /** The address space in use: a guest's or the host's (svm.ts). */
  tlb = new deny.Tlb();
  readonly svm: Svm;
  /** `svm` while a guest runs, null otherwise. */
  guest: Svm | null = null;
  readonly blocks: BlockCache;
  interruptController: InterruptController = { acknowledge: () => 0xff };
  /** What RDRAND draws from; a machine gives its own seed. */
  random = new Random(0);
  /** What RDTSC counts; a machine gives its clock's nanoseconds, so that idle time counts too. */
  timeStamp: () => number = () => this.instructions;
  /** `tlb.entries`. */
  entries: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly halves: Uint16Array;
  private readonly words: Int32Array;
  private readonly decodeMap: DecodeMap;

  private denyRead = deny.DENY_READ_SUPERVISOR;
  private denyWrite = deny.DENY_WRITE_SUPERVISOR;
  denyExecute = deny.DENY_EXECUTE_SUPERVISOR;
  private user = false;

  /** What `walk` found out about the page, for the TLB. */
  walkedWritable = false;
  walkedUser = false;
  walkedExecutable = false;
  walkedGlobal = false;
  walkedDirty = false;

  /** Instructions still to execute in this slice, and those set aside when attention was asked for. */
  left = 0;
  private reserve = 0;
  private before = 0;
  attention = 0;
  pendingDebug = 0;
  halted = false;
  /** What is raised now is raised in a task that has just been switched to: EIP is already that task's. */
  inNewTask = false;
  /** Why `run` came back with "shutdown". */
  tripleFault: TripleFault | null = null;
  nmiBlocked = false;
  private interruptLine = false;
  private stopReason: StopReason = "limit";
  /** The operand of `update…`: index into memory, or -1 and the linear address. */
  private updateAt = -1;
  private updateLinear = 0;
  private deviceAddress = 0;
  /** The last fetch that found no memory. */
  private nowhereLinear = -1;
  private nowhereAddress = -1;
  private readonly scratch = new Uint8Array(32);
  /** The linear address of the last page fault; it reaches CR2 when the fault is delivered. */
  faultAddress = 0;
  /** The event whose delivery is under way, in the layout of EXITINTINFO (svm/vmcb.ts); 0 for none. */
  vectoring = 0;
  vectoringError = 0;

  constructor(bus: Bus, decodeMap: DecodeMap, model: CpuModel = DEFAULT_CPU_MODEL) {
    this.bus = bus;
    this.memory = bus.memory;
    this.model = model;
    this.decodeMap = decodeMap;
    this.entries = this.tlb.entries;
    this.bytes = this.memory.bytes;
    this.halves = this.memory.halves;
    this.words = this.memory.words;
    this.blocks = new BlockCache(this.memory, stale);
    this.svm = new Svm(this);
    this.memory.onMapChange = () => {
      this.svm.flushAll();
      this.attend(ATTENTION_BLOCK);
    };
    this.memory.onWatchChange = (page) => {
      if (this.memory.watch[page] !== 0) this.svm.denyWrites(page);
    };
    this.memory.onCodeWrite = (first, last) => {
      if (this.blocks.invalidate(first, last)) this.attend(ATTENTION_BLOCK);
    };
    this.reset();
  }

  /** The state after RESET (SDM volume 3 §9.1.1): execution begins at FFFFFFF0h. */
  reset(): void {
    this.r.fill(0);
    this.r[2] = this.model.signature;
    this.systemFlags = 0;
    this.cr0 = CR0_ET | 0x60000000;
    this.cr2 = this.cr3 = this.cr4 = this.efer = 0;
    this.msr.clear();
    this.msr.set(MSR_PAT, PAT_AT_RESET);
    this.tscOffset = 0n;
    this.dr.fill(0);
    this.dr[6] = 0xffff0ff0 | 0;
    this.dr[7] = 0x400;
    this.watcher.refresh();
    this.gdtrBase = this.idtrBase = 0;
    this.gdtrLimit = this.idtrLimit = 0xffff;
    this.attention = this.interruptLine ? ATTENTION_INTERRUPT : 0;
    this.halted = false;
    this.nmiBlocked = false;
    this.x87.reset();
    this.vectors.reset();
    this.ignoreFloatError = false;
    this.vectoring = this.vectoringError = 0;
    resetSegments(this);
    this.setPrivilege(0);
    this.svm.reset();
    this.r[EIP] = 0xfff0;
  }

  /** Instructions executed since the CPU was built; exact at any time, also inside an instruction that reads a clock. */
  get instructions(): number {
    return this.before - this.left - this.reserve;
  }

  /** For a restored machine: how many have been executed. Only between two runs. */
  set instructions(count: number) {
    this.before = count;
    this.left = this.reserve = 0;
  }

  setPrivilege(level: number): void {
    this.cpl = level;
    this.user = level === 3;
    this.denyRead = this.user ? deny.DENY_READ_USER : deny.DENY_READ_SUPERVISOR;
    this.denyWrite = this.user ? deny.DENY_WRITE_USER : deny.DENY_WRITE_SUPERVISOR;
    this.denyExecute = this.user ? deny.DENY_EXECUTE_USER : deny.DENY_EXECUTE_SUPERVISOR;
  }

  useTlb(tlb: deny.Tlb): void {
    this.tlb = tlb;
    this.entries = tlb.entries;
  }

  /** A new page directory: PAE's four pointers are read now (SDM volume 3 §4.4.1), pages but global ones are forgotten. */
  loadCr3(value: number): void {
    if ((this.cr0 & CR0_PG) !== 0 && (this.cr4 & CR4_PAE) !== 0) this.loadDirectoryPointers(value);
    this.cr3 = value;
    this.tlb.flush(false);
    this.attend(ATTENTION_BLOCK);
  }

  /** Raises #GP(0) for a present pointer with reserved bits set; until then nothing has changed. */
  loadDirectoryPointers(cr3: number): void {
    if (!this.tryLoadDirectoryPointers(cr3)) this.raise(VECTOR_GP, 0);
  }

  /** False for a present pointer with reserved bits set; then nothing has changed. */
  tryLoadDirectoryPointers(cr3: number): boolean {
    const at = (cr3 & -32) >>> 0;
    for (let i = 0; i < 8; i += 2) {
      const low = this.readTable(at + i * 4);
      const high = this.readTable(at + i * 4 + 4);
      if ((low & 1) !== 0 && ((low & 0x1e6) !== 0 || (high & ~15) !== 0)) return false;
    }
    for (let i = 0; i < 8; i++) this.pdpte[i] = this.readTable(at + i * 4);
    return true;
  }

  /** Raises #GP(0) for a near target beyond the code segment. */
  checkTarget(target: number): void {
    if (target >>> 0 > this.limit[CS]) this.raise(VECTOR_GP, 0);
  }

  /** The error code of an exception that was delivered by a task switch. */
  pushErrorCode(error: number, wide: boolean): void {
    const at = (this.r[ESP] - (wide ? 4 : 2)) & this.stackMask;
    if (wide) this.write32(SS, at, error);
    else this.write16(SS, at, error);
    this.r[ESP] = (this.r[ESP] & ~this.stackMask) | at;
  }

  /** Throws the guest exception. */
  raise(vector: number, error = -1): never {
    FAULT.vector = vector;
    FAULT.error = error;
    throw FAULT;
  }

  /** Leaves the current instruction undone and waits for an interrupt before trying it again. */
  freeze(): never {
    this.halted = true;
    this.attend(ATTENTION_HALT);
    this.raise(NO_VECTOR);
  }

  /** Lets the loop stop after the current instruction and look at `attention`. */
  attend(bits: number): void {
    this.attention |= bits;
    if (this.left > 1) {
      this.reserve += this.left - 1;
      this.left = 1;
    }
  }

  raiseInterruptLine(level: boolean): void {
    this.interruptLine = level;
    if (level) this.attend(ATTENTION_INTERRUPT);
    else this.attention &= ~ATTENTION_INTERRUPT;
  }

  raiseNmi(): void {
    this.attend(ATTENTION_NMI);
  }

  requestStop(): void {
    this.attend(ATTENTION_STOP);
  }

  /** Something else than an interrupt is waiting that would wake a halted processor. */
  get interruptible(): boolean {
    return (this.attention & ATTENTION_NMI) !== 0 || this.guest?.physicalInterruptsOn() === true;
  }

  /** Cuts the slice that runs: at most `instructions` more, the current one included. */
  shorten(instructions: number): void {
    const excess = this.left + this.reserve - instructions;
    if (excess <= 0) return;
    this.before -= excess;
    const fromReserve = Math.min(excess, this.reserve);
    this.reserve -= fromReserve;
    this.left -= excess - fromReserve;
  }

  /** Ends `run` in front of the instruction that was about to be executed; it is not counted. */
  stopBefore(): never {
    this.shorten(0);
    this.left++;
    this.raise(NO_VECTOR);
  }

  step(): StopReason {
    return this.run(1);
  }

  /** Executes up to `maximum` instructions; a delivered exception or interrupt counts as one. */
  run(maximum: number): StopReason {
    this.before += maximum;
    this.left = 0;
    this.reserve = maximum;
    this.stopReason = "limit";
    while (this.left + this.reserve > 0) {
      let op: Instruction | null = null;
      let trap = false;
      try {
        this.left += this.reserve;
        this.reserve = 0;
        this.linkFrom = null;
        if (this.attention !== 0) {
          if (!this.lookUp()) break;
          if (this.left <= 0) continue;
          trap = (this.systemFlags & FLAG_TF) !== 0;
          if (trap || this.attention !== 0) this.attend(0);
        }
        const within = this.guest;
        do {
          if (op === null) op = this.fetch();
          op = op.execute(this, op);
        } while (--this.left > 0);
        if (op !== null) this.r[EIP] += op.offset;
        op = null;
        if (this.resumed) {
          this.resumed = false;
          this.systemFlags &= ~FLAG_RF;
        }
        // An instruction that entered or left a guest is not trapped.
        if (within !== this.guest) trap = false;
        if (trap || this.pendingDebug !== 0) this.debugTrap(trap);
      } catch (thrown) {
        const exit = thrown === this.svm.exitSignal;
        if (thrown !== FAULT && !exit) throw thrown;
        if (op !== null && !this.inNewTask) this.r[EIP] += op.offset;
        this.inNewTask = false;
        this.left--;
        if (exit) this.svm.leave(this.svm.exitSignal);
        else this.takeFault();
      }
    }
    this.before -= this.left + this.reserve;
    this.left = this.reserve = 0;
    return this.stopReason;
  }

  /** The fault of the instruction EIP points at: it leaves the guest, is delivered, or shuts the processor down. */
  private takeFault(): void {
    const { vector, error } = FAULT;
    this.attention &= ~ATTENTION_SHADOW;
    if (vector === NO_VECTOR) return;
    try {
      if (deliverException(this, vector, error)) return;
    } catch (thrown) {
      if (thrown !== this.svm.exitSignal) throw thrown;
      this.svm.leave(this.svm.exitSignal);
      return;
    }
    this.vectoring = 0;
    if (this.guest?.takesEvent(EXIT_SHUTDOWN) === true) return;
    this.stopReason = "shutdown";
    this.attend(ATTENTION_STOP);
  }

  /** Between two instructions: what has asked for attention? False ends the run. */
  private lookUp(): boolean {
    this.attention &= ~(ATTENTION_BLOCK | ATTENTION_DEBUG);
    if ((this.attention & ATTENTION_STOP) !== 0) {
      this.attention &= ~ATTENTION_STOP;
      if (this.stopReason === "limit") this.stopReason = "stopped";
      return false;
    }
    if ((this.attention & ATTENTION_INJECT) !== 0) {
      this.attention &= ~ATTENTION_INJECT;
      this.left--;
      this.svm.inject();
      return true;
    }
    if ((this.attention & ATTENTION_SHADOW) !== 0) {
      this.attention &= ~ATTENTION_SHADOW;
      if (this.attention !== 0) this.attend(0);
      return true;
    }
    if (this.svm.globalInterruptFlag && this.takeInterrupt()) return true;
    if ((this.attention & ATTENTION_HALT) !== 0) {
      this.stopReason = "halted";
      return false;
    }
    if ((this.systemFlags & FLAG_TF) === 0) this.attention &= ~ATTENTION_TRAP;
    if ((this.attention & ATTENTION_RESUME) !== 0) {
      this.attention &= ~ATTENTION_RESUME;
      this.resumed = true;
      this.attend(0);
    }
    return true;
  }

  /** Takes an NMI, an interrupt or a guest's virtual interrupt that may be taken now; false where there is none. */
  private takeInterrupt(): boolean {
    const { guest } = this;
    if ((this.attention & ATTENTION_NMI) !== 0 && !this.nmiBlocked) {
      this.left--;
      if (guest?.takesEvent(EXIT_NMI) === true) return true;
      this.attention &= ~(ATTENTION_NMI | ATTENTION_HALT);
      this.halted = false;
      this.nmiBlocked = true;
      deliverInterrupt(this, 2);
      return true;
    }
    const on = guest === null ? (this.systemFlags & FLAG_IF) !== 0 : guest.physicalInterruptsOn();
    if ((this.attention & ATTENTION_INTERRUPT) !== 0 && on) {
      this.left--;
      if (guest?.takesEvent(EXIT_INTR) === true) return true;
      this.attention &= ~ATTENTION_HALT;
      this.halted = false;
      deliverInterrupt(this, this.interruptController.acknowledge());
      return true;
    }
    if ((this.attention & ATTENTION_VIRTUAL) !== 0 && guest?.takesVirtualInterrupt() === true) {
      this.left--;
      return true;
    }
    return false;
  }

  private debugTrap(singleStep: boolean): void {
    const hits = this.pendingDebug;
    this.pendingDebug = 0;
    this.dr[6] |= hits | (singleStep ? 0x4000 : 0);
    this.raise(VECTOR_DB);
  }

  /** The instruction EIP points at, decoded with what follows it. */
  private fetch(): Instruction {
    const from = this.linkFrom;
    this.linkFrom = null;
    const eip = this.r[EIP];
    const linear = (this.base[CS] + eip) | 0;
    let entry = this.entries[linear >>> 12];
    if ((entry & this.denyExecute) !== 0) {
      if (eip >>> 0 > this.limit[CS]) this.raise(VECTOR_GP, 0);
      const at = this.translate(linear, ACCESS_EXECUTE, this.user);
      if (at < 0) return this.decodeFromDevice(linear);
      entry = at & -4096;
    }
    const at = (entry & -4096) | (linear & 4095);
    const block = this.blocks.find(at, this.wideCode);
    if (block !== null && (eip >>> 0) + block.length - 1 <= this.limit[CS]) {
      if (block.second < 0) {
        if (from !== null) {
          from.link = block.first;
          from.linkPage = entry & -4096;
        }
        return block.first;
      }
      const second = this.translate((linear | 4095) + 1, ACCESS_EXECUTE, this.user);
      if (second === block.second) return block.first;
      this.blocks.invalidate(block.at, block.at);
    }
    return this.decodeBlock(at, linear, eip >>> 0);
  }

  private decodeBlock(start: number, linear: number, eip: number): Instruction {
    const map = this.decodeMap;
    // Nothing beyond the segment's limit may be fetched, and nothing beyond the page is at hand.
    const available = this.limit[CS] - eip + 1;
    if (available <= 0) this.raise(VECTOR_GP, 0);
    const pageEnd = (start | 4095) + 1;
    const end = Math.min(pageEnd, start + available);
    let first: Instruction | null = null;
    let last: Instruction | null = null;
    let at = start;
    let count = 0;
    while (at < end && count < MAXIMUM_BLOCK) {
      const op = new Instruction(map.invalid);
      const length = decode(map, this.bytes, at, end, this.wideCode, op);
      if (length < 0) {
        if (first !== null) break;
        return this.decodeCrossing(start, linear, eip, length);
      }
      op.offset = at - start;
      at += length;
      op.end = at - start;
      if (this.watch !== null) this.watch.wrap(op, linear + op.offset);
      if (last === null) first = op;
      else {
        last.next = op;
        if (this.watch === null) fuse(last, op);
      }
      last = op;
      count++;
      if (op.row < 0 || map.rows[op.row].ends) break;
    }
    const after = new Instruction(tail);
    after.offset = at - start;
    last!.next = after;
    this.blocks.add(new Block(start, this.wideCode, first!, at - start, -1), count + 1);
    return first!;
  }

  /** An instruction whose end is not in the page (or not in the segment). */
  private decodeCrossing(start: number, linear: number, eip: number, problem: number): Instruction {
    if (problem === TOO_LONG) this.raise(VECTOR_GP, 0);
    const here = 4096 - (start & 4095);
    const available = this.limit[CS] - eip + 1;
    if (available <= here) this.raise(VECTOR_GP, 0);
    const second = this.translate((linear | 4095) + 1, ACCESS_EXECUTE, this.user);
    for (let i = 0; i < here; i++) this.scratch[i] = this.bytes[start + i];
    for (let i = here; i < 16; i++) {
      this.scratch[i] =
        second < 0 ? this.bus.read8(this.deviceAddress + i - here) : this.bytes[second + i - here];
    }
    const op = this.decodeScratch(Math.min(16, available), linear);
    if (second >= 0) this.blocks.add(new Block(start, this.wideCode, op, op.end, second), 2);
    return op;
  }

  /** Whether the instruction EIP points at lies where nothing answers, for the report of a triple fault. */
  get fetchedFromNowhere(): boolean {
    const linear = (this.base[CS] + this.r[EIP]) | 0;
    if (this.nowhereLinear !== linear) return false;
    return this.memory.backing(this.nowhereAddress) < 0 && !this.bus.mmio.touchesPage(this.nowhereAddress);
  }

  private decodeFromDevice(linear: number): Instruction {
    this.nowhereLinear = linear;
    this.nowhereAddress = this.deviceAddress;
    for (let i = 0; i < 16; i++) {
      const at = this.translate((linear + i) | 0, ACCESS_EXECUTE, this.user);
      this.scratch[i] = at < 0 ? this.bus.read8(this.deviceAddress) : this.bytes[at];
    }
    return this.decodeScratch(16, linear);
  }

  private decodeScratch(available: number, linear: number): Instruction {
    const op = new Instruction(this.decodeMap.invalid);
    const length = decode(this.decodeMap, this.scratch, 0, available, this.wideCode, op);
    if (length === TOO_LONG || length === TRUNCATED) this.raise(VECTOR_GP, 0);
    op.end = length;
    if (this.watch !== null) this.watch.wrap(op, linear);
    const after = new Instruction(tail);
    after.offset = length;
    op.next = after;
    return op;
  }

  /**
   * Index into memory of a linear address, by a page walk; negative where a device is (`deviceAddress`). Fills the TLB.
   * Raises #PF.
   */
  translate(linear: number, access: number, user: boolean): number {
    let physical = walk(this, linear, access, user);
    let writesAllowed = true;
    if (this.svm.nestedCr3 !== -1) {
      const { svm } = this;
      const guestPhysical = physical + (linear & 4095);
      physical = svm.translateNested(
        guestPhysical,
        access === ACCESS_WRITE,
        access === ACCESS_EXECUTE,
        false,
      );
      writesAllowed = svm.nestedWritable && svm.nestedDirty;
      if (!svm.nestedExecutable) this.walkedExecutable = false;
    }
    const page = physical < 0x1_0000_0000 ? this.memory.backing(physical) : -1;
    if (page < 0 || (physical < 0x1_0000_0000 && this.bus.mmio.touchesPage(physical))) {
      this.deviceAddress = physical + (linear & 4095);
      this.tlb.set(linear >>> 12, 0xfff);
      return -1;
    }
    let bits = 0;
    if (!this.walkedUser) bits |= deny.DENY_READ_USER | deny.DENY_WRITE_USER | deny.DENY_EXECUTE_USER;
    if (!this.walkedWritable) {
      bits |= deny.DENY_WRITE_USER;
      if ((this.cr0 & 0x10000) !== 0) bits |= deny.DENY_WRITE_SUPERVISOR;
    }
    if (!this.walkedExecutable) bits |= deny.DENY_EXECUTE_SUPERVISOR | deny.DENY_EXECUTE_USER;
    if (!this.walkedDirty || !writesAllowed || this.memory.watch[page >>> 12] !== 0) bits |= deny.DENY_WRITE;
    if (this.walkedGlobal) bits |= deny.ENTRY_GLOBAL;
    if (this.watch !== null) bits |= this.watch.denyBits(linear >>> 12);
    this.tlb.set(linear >>> 12, (page & -4096) | bits);
    return page | (linear & 4095);
  }

  /** Page-table entries are read and written physically; a guest's through the nested tables. */
  readTable(address: number): number {
    return this.memory.read32(this.svm.nestedCr3 === -1 ? address : this.nestedTable(address, false));
  }

  writeTable(address: number, value: number): void {
    this.memory.write32(this.svm.nestedCr3 === -1 ? address : this.nestedTable(address, true), value);
  }

  private nestedTable(address: number, write: boolean): number {
    return this.svm.translateNested(address, write, false, true) + (address & 4095);
  }

  /** PAE's directory pointers, low and high doublewords; a guest's under nested paging are read at each walk. */
  directoryPointer(index: number): number {
    return this.svm.nestedCr3 === -1
      ? this.pdpte[index]
      : this.readTable(((this.cr3 & -32) >>> 0) + index * 4);
  }

  /** An access that the span does not allow at once: raises #GP or #SS, or answers that it is legal after all. */
  private checkSegment(segment: number, offset: number, size: number, write: boolean): void {
    const attributes = this.attributes[segment];
    const executable = (attributes & 0x800) !== 0;
    const second = (attributes & 0x200) !== 0;
    let legal = (attributes & 0x8000) !== 0 && (write ? !executable && second : !executable || second);
    if (legal) {
      const first = offset >>> 0;
      const last = first + size - 1;
      if (!executable && (attributes & 0x400) !== 0) {
        const top = (attributes & 0x400000) !== 0 ? 0xffffffff : 0xffff;
        legal = first > this.limit[segment] && last <= top;
      } else legal = last <= this.limit[segment];
    }
    if (legal) return;
    const old = this.model.is80286 === true && (this.cr0 & CR0_PE) === 0;
    this.raise(segment === SS && !old ? VECTOR_SS : VECTOR_GP, 0);
  }

  /** Raises what the segment alone has against an access of `size` bytes: for operands that are moved in parts. */
  checkLimit(segment: number, offset: number, size: number, write: boolean): void {
    this.checkSegment(segment, offset, size, write);
  }

  /** Raises what a write of `size` bytes (up to 4096) would raise, and writes nothing. */
  checkWrite(segment: number, offset: number, size: number): void {
    this.checkSegment(segment, offset, size, true);
    const linear = (this.base[segment] + offset) | 0;
    this.translate(linear, ACCESS_WRITE, this.user);
    if ((linear & 4095) + size > 4096) this.translate((linear | 4095) + 1, ACCESS_WRITE, this.user);
  }

  /** For an access that is not aligned: #AC(0) where ring 3 has asked for it (SDM volume 3 §6.15, interrupt 17). */
  private checkAlignment(): void {
    if (this.alignmentChecked) this.raise(VECTOR_AC, 0);
  }

  /** Ring 3 with EFLAGS.AC, and CR0.AM. */
  get alignmentChecked(): boolean {
    return this.user && (this.systemFlags & FLAG_AC) !== 0 && (this.cr0 & CR0_AM) !== 0;
  }

  read8(segment: number, offset: number): number {
    if (offset >>> 0 >= this.span[segment << 3]) this.checkSegment(segment, offset, 1, false);
    const linear = (this.base[segment] + offset) | 0;
    const entry = this.entries[linear >>> 12];
    if ((entry & this.denyRead) === 0) return this.bytes[(entry & -4096) | (linear & 4095)];
    return this.readSlow(linear, 1, this.user);
  }

  read16(segment: number, offset: number): number {
    if (offset >>> 0 >= this.span[(segment << 3) | 1]) this.checkSegment(segment, offset, 2, false);
    const linear = (this.base[segment] + offset) | 0;
    const entry = this.entries[linear >>> 12];
    if ((entry & this.denyRead) === 0 && (linear & 4095) !== 4095) {
      const at = (entry & -4096) | (linear & 4095);
      if ((at & 1) === 0) return this.halves[at >>> 1];
      this.checkAlignment();
      return this.bytes[at] | (this.bytes[at + 1] << 8);
    }
    return this.readSlow(linear, 2, this.user);
  }

  read32(segment: number, offset: number): number {
    if (offset >>> 0 >= this.span[(segment << 3) | 2]) this.checkSegment(segment, offset, 4, false);
    const linear = (this.base[segment] + offset) | 0;
    const entry = this.entries[linear >>> 12];
    if ((entry & this.denyRead) === 0 && (linear & 4095) <= 4092) {
      const at = (entry & -4096) | (linear & 4095);
      if ((at & 3) === 0) return this.words[at >>> 2];
      this.checkAlignment();
      return this.memory.view.getInt32(at, true);
    }
    return this.readSlow(linear, 4, this.user);
  }

  write8(segment: number, offset: number, value: number): void {
    if (offset >>> 0 >= this.span[(segment << 3) | 3]) this.checkSegment(segment, offset, 1, true);
    const linear = (this.base[segment] + offset) | 0;
    const entry = this.entries[linear >>> 12];
    if ((entry & this.denyWrite) === 0) this.bytes[(entry & -4096) | (linear & 4095)] = value;
    else this.writeSlow(linear, 1, value, this.user);
  }

  write16(segment: number, offset: number, value: number): void {
    if (offset >>> 0 >= this.span[(segment << 3) | 4]) this.checkSegment(segment, offset, 2, true);
    const linear = (this.base[segment] + offset) | 0;
    const entry = this.entries[linear >>> 12];
    if ((entry & this.denyWrite) === 0 && (linear & 4095) !== 4095) {
      const at = (entry & -4096) | (linear & 4095);
      if ((at & 1) === 0) this.halves[at >>> 1] = value;
      else {
        this.checkAlignment();
        this.memory.view.setUint16(at, value, true);
      }
    } else this.writeSlow(linear, 2, value, this.user);
  }

  write32(segment: number, offset: number, value: number): void {
    if (offset >>> 0 >= this.span[(segment << 3) | 5]) this.checkSegment(segment, offset, 4, true);
    const linear = (this.base[segment] + offset) | 0;
    const entry = this.entries[linear >>> 12];
    if ((entry & this.denyWrite) === 0 && (linear & 4095) <= 4092) {
      const at = (entry & -4096) | (linear & 4095);
      if ((at & 3) === 0) this.words[at >>> 2] = value;
      else {
        this.checkAlignment();
        this.memory.view.setInt32(at, value, true);
      }
    } else this.writeSlow(linear, 4, value, this.user);
  }

  /**
   * Index into memory from which `count` elements of `size` bytes may be read at once, as far as they lie in the page of
   * the first; -1 where the slow way must be gone.
   */
  readable(segment: number, offset: number, size: number, count: number): number {
    const last = (offset >>> 0) + (count - 1) * size;
    if (last >= this.span[(segment << 3) | (size >> 1)]) return -1;
    const linear = (this.base[segment] + offset) | 0;
    const entry = this.entries[linear >>> 12];
    return (entry & this.denyRead) === 0 ? (entry & -4096) | (linear & 4095) : -1;
  }

  /** The same for writes. */
  writable(segment: number, offset: number, size: number, count: number): number {
    const last = (offset >>> 0) + (count - 1) * size;
    if (last >= this.span[(segment << 3) | (3 + (size >> 1))]) return -1;
    const linear = (this.base[segment] + offset) | 0;
    const entry = this.entries[linear >>> 12];
    return (entry & this.denyWrite) === 0 ? (entry & -4096) | (linear & 4095) : -1;
  }

  /** Reads an operand that will be written back: write permission is checked now, so `writeBack…` cannot fault. */
  update8(segment: number, offset: number): number {
    return this.update(segment, offset, 1);
  }
  update16(segment: number, offset: number): number {
    return this.update(segment, offset, 2);
  }
  update32(segment: number, offset: number): number {
    if (offset >>> 0 < this.span[(segment << 3) | 5]) {
      const linear = (this.base[segment] + offset) | 0;
      const entry = this.entries[linear >>> 12];
      if ((entry & (this.denyWrite | this.denyRead)) === 0 && (linear & 3) === 0) {
        this.updateAt = (entry & -4096) | (linear & 4095);
        return this.words[this.updateAt >>> 2];
      }
    }
    return this.update(segment, offset, 4);
  }

  private update(segment: number, offset: number, size: number): number {
    this.checkSegment(segment, offset, size, true);
    const linear = (this.base[segment] + offset) | 0;
    this.updateAt = -1;
    this.updateLinear = linear;
    this.translate(linear, ACCESS_WRITE, this.user);
    if ((linear & 4095) + size > 4096) this.translate((linear | 4095) + 1, ACCESS_WRITE, this.user);
    return this.readSlow(linear, size, this.user);
  }

  writeBack8(value: number): void {
    this.writeSlow(this.updateLinear, 1, value, this.user);
  }
  writeBack16(value: number): void {
    this.writeSlow(this.updateLinear, 2, value, this.user);
  }
  writeBack32(value: number): void {
    if (this.updateAt >= 0) this.words[this.updateAt >>> 2] = value;
    else this.writeSlow(this.updateLinear, 4, value, this.user);
  }

  /** Reads and writes by linear address with supervisor rights: descriptor tables, task segments, inner stacks. */
  readSystem(linear: number, size: number): number {
    return this.readSlow(linear | 0, size, false);
  }
  writeSystem(linear: number, size: number, value: number): void {
    this.writeSlow(linear | 0, size, value, false);
  }

  /** Any alignment, any page, devices too. 32-bit values are signed, others unsigned. */
  readSlow(linear: number, size: number, user: boolean): number {
    const at = this.translate(linear, ACCESS_READ, user);
    if (this.watch !== null) this.watch.access(linear, size, false, 0);
    const device = this.deviceAddress;
    if ((linear & 4095) + size > 4096) {
      const low = 4096 - (linear & 4095);
      let value = 0;
      const next = this.translate((linear + low) | 0, ACCESS_READ, user);
      if (user) this.checkAlignment();
      for (let i = 0; i < size; i++) {
        const index = i < low ? at + i : next + i - low;
        const absent = (i < low ? at : next) < 0;
        const byte = absent
          ? this.bus.mmio.read8(i < low ? device + i : this.deviceAddress + i - low)
          : this.bytes[index];
        value |= byte << (8 * i);
      }
      return value;
    }
    if (user && (linear & (size - 1)) !== 0) this.checkAlignment();
    if (at >= 0) {
      if (size === 1) return this.bytes[at];
      return size === 2 ? this.memory.view.getUint16(at, true) : this.memory.view.getInt32(at, true);
    }
    if (size === 1) return this.bus.mmio.read8(device);
    return size === 2 ? this.bus.mmio.read16(device) : this.bus.mmio.read32(device);
  }

  writeSlow(linear: number, size: number, value: number, user: boolean): void {
    const at = this.translate(linear, ACCESS_WRITE, user);
    if (this.watch !== null) this.watch.access(linear, size, true, value);
    const device = this.deviceAddress;
    if ((linear & 4095) + size > 4096) {
      const low = 4096 - (linear & 4095);
      const next = this.translate((linear + low) | 0, ACCESS_WRITE, user);
      const nextDevice = this.deviceAddress;
      if (user) this.checkAlignment();
      for (let i = 0; i < size; i++) {
        const byte = (value >>> (8 * i)) & 0xff;
        if (i < low) this.writeByte(at < 0 ? -1 : at + i, device + i, byte);
        else this.writeByte(next < 0 ? -1 : next + i - low, nextDevice + i - low, byte);
      }
      return;
    }
    if (user && (linear & (size - 1)) !== 0) this.checkAlignment();
    if (at >= 0) {
      if (this.memory.watch[at >>> 12] !== 0 && !this.memory.beforeWrite(at, at + size - 1)) return;
      if (size === 1) this.bytes[at] = value;
      else if (size === 2) this.memory.view.setUint16(at, value, true);
      else this.memory.view.setInt32(at, value, true);
    } else if (size === 1) this.bus.mmio.write8(device, value);
    else if (size === 2) this.bus.mmio.write16(device, value);
    else this.bus.mmio.write32(device, value);
  }

  private writeByte(at: number, device: number, value: number): void {
    if (at < 0) this.bus.mmio.write8(device, value);
    else if (this.memory.watch[at >>> 12] === 0 || this.memory.beforeWrite(at, at)) this.bytes[at] = value;
  }
}
