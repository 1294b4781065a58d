/**
 * AMD's Secure Virtual Machine on this processor (AMD64 Architecture Programmer's Manual volume 2, chapter 15): VMRUN enters a
 * guest, an intercepted event leaves it again (#VMEXIT). Everything a guest does is executed by the same processor; `cpu.guest`
 * is this object while a guest runs and null otherwise, which is all that other code asks.
 *
 * The host's state is kept in the page that VM_HSAVE_PA names, in the VMCB's own layout; nothing of it is in here, so that a
 * saved machine needs only what `save` gives.
 */
import {
  ATTENTION_HALT,
  ATTENTION_INJECT,
  ATTENTION_RESUME,
  ATTENTION_SHADOW,
  ATTENTION_VIRTUAL,
} from "../attention.ts";
import type { Cpu } from "../cpu.ts";
import { deliver, SOURCE_EXCEPTION, SOURCE_EXTERNAL, SOURCE_SOFTWARE } from "../exceptions.ts";
import { readFlags, writeFlags } from "../flags.ts";
import { hasErrorCode } from "../guest-fault.ts";
import {
  CR0_CD,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR4_PAE,
  CS,
  DS,
  EAX,
  EFER_NXE,
  EFER_SVME,
  EIP,
  ES,
  ESP,
  FLAG_IF,
  FLAG_RF,
  FS,
  GS,
  LDTR,
  SS,
  TR,
  VECTOR_PF,
} from "../registers.ts";
import { setSegment } from "../segmentation.ts";
import type { Instruction } from "../../instructions/instruction.ts";
import { Tlb } from "../tlb.ts";
import { SVM_DECODE_ASSISTS, SVM_NESTED_PAGING, SVM_NRIP_SAVE } from "./features.ts";
import {
  EVENT_ERROR_CODE,
  EVENT_EXCEPTION,
  EVENT_INTERRUPT,
  EVENT_NMI,
  EVENT_SOFTWARE,
  EVENT_VALID,
  EXIT_EXCEPTION,
  EXIT_INVALID,
  EXIT_IOIO,
  EXIT_MSR,
  EXIT_NPF,
  EXIT_VINTR,
  EXIT_VMRUN,
  INTERCEPT_WORDS,
  TLB_FLUSH_ALL,
  V_IGN_TPR,
  V_INTR_MASKING,
  V_IRQ,
  VMCB_ASID,
  VMCB_BYTES,
  VMCB_CPL,
  VMCB_CR0,
  VMCB_CR2,
  VMCB_CR3,
  VMCB_CR4,
  VMCB_DR6,
  VMCB_DR7,
  VMCB_EFER,
  VMCB_EVENTINJ,
  VMCB_EXITCODE,
  VMCB_EXITINFO1,
  VMCB_EXITINFO2,
  VMCB_EXITINTINFO,
  VMCB_GDTR,
  VMCB_IDTR,
  VMCB_INTERCEPTS,
  VMCB_INTERRUPT_SHADOW,
  VMCB_IOPM_BASE,
  VMCB_MSRPM_BASE,
  VMCB_NCR3,
  VMCB_NP_ENABLE,
  VMCB_NRIP,
  VMCB_RAX,
  VMCB_RFLAGS,
  VMCB_RIP,
  VMCB_RSP,
  VMCB_SEGMENTS,
  VMCB_SYSENTER_CS,
  VMCB_SYSENTER_EIP,
  VMCB_SYSENTER_ESP,
  VMCB_TLB_CONTROL,
  VMCB_TSC_OFFSET,
  VMCB_VINTR,
  VMCB_VINTR_VECTOR,
} from "./vmcb.ts";

export interface SvmState {
  version: 1;
  vmCr: number;
  hostSave: number;
  globalInterruptFlag: boolean;
  /** Physical address of the VMCB of the guest that runs, or -1. */
  vmcb: number;
  hostInterruptFlag: boolean;
}

/** One #VMEXIT, for whoever watches. Codes and infos as in the VMCB; `rip` of the instruction that caused it. */
export interface VmExit {
  code: number;
  info1: number;
  info2: number;
  rip: number;
  vmcb: number;
}

/** EXITCODE, EXITINFO1 and EXITINFO2 by doublewords. */
interface ExitInformation {
  readonly code: number;
  readonly info1: number;
  readonly info1High: number;
  readonly info2: number;
  readonly info2High: number;
}

/** What is thrown to leave a guest from inside an instruction or a delivery. */
class ExitSignal implements ExitInformation {
  code = 0;
  info1 = 0;
  info1High = 0;
  info2 = 0;
  info2High = 0;
}

function plainExit(code: number, info1 = 0, info2 = 0): ExitInformation {
  return { code, info1, info1High: 0, info2, info2High: 0 };
}

/** The host's paging mode at VMRUN. */
interface PagingMode {
  pae: boolean;
  noExecute: boolean;
}

export const VM_CR_LOCK = 1 << 3;
export const VM_CR_SVMDIS = 1 << 4;

/** The segments VMRUN and #VMEXIT load and store; FS, GS, TR and LDTR are VMLOAD's and VMSAVE's. */
const RUN_SEGMENTS = [ES, CS, SS, DS];
/** Places in the state save area by segment number: LDTR stands behind GDTR, TR behind IDTR. */
const SEGMENT_AT: Readonly<Record<number, number>> = {
  [ES]: VMCB_SEGMENTS,
  [CS]: VMCB_SEGMENTS + 0x10,
  [SS]: VMCB_SEGMENTS + 0x20,
  [DS]: VMCB_SEGMENTS + 0x30,
  [FS]: VMCB_SEGMENTS + 0x40,
  [GS]: VMCB_SEGMENTS + 0x50,
  [LDTR]: VMCB_SEGMENTS + 0x70,
  [TR]: VMCB_SEGMENTS + 0x90,
};
const LOAD_SEGMENTS = [FS, GS, TR, LDTR];
const SYSENTER_FIELDS = [
  [VMCB_SYSENTER_CS, 0x174],
  [VMCB_SYSENTER_ESP, 0x175],
  [VMCB_SYSENTER_EIP, 0x176],
] as const;

const ALL_FLAGS = -1;
/** Bits of CR4 and EFER that this processor does not have. */
const CR4_RESERVED = ~0x7ff;
const EFER_RESERVED = ~(EFER_NXE | EFER_SVME);

/** NPF: EXITINFO1's low bits are a page fault's error code, its high doubleword says which walk it was. */
const NPF_FINAL = 1;
const NPF_TABLE = 2;

const MSR_RANGES = [0, 0xc0000000, 0xc0010000];

export class Svm {
  readonly exitSignal = new ExitSignal();
  /** Counts of all exits since the processor was built, by exit code. */
  readonly exits = new Map<number, number>();
  entries = 0;
  /** Called after each #VMEXIT, when the VMCB is written. */
  onExit: ((exit: VmExit) => void) | undefined;

  globalInterruptFlag = true;
  vmCr = 0;
  /** VM_HSAVE_PA. */
  hostSave = 0;
  /** Nested paging is on and the tables to walk; -1 while off. */
  nestedCr3 = -1;
  tscOffset = 0n;

  nestedWritable = false;
  nestedExecutable = false;
  nestedDirty = false;

  private readonly cpu: Cpu;
  private vmcb = -1;
  private readonly interceptBits = new Int32Array(INTERCEPT_WORDS);
  private hostInterruptFlag = false;
  private virtualMasking = false;
  /** How nested tables are walked. */
  private hostPaging: PagingMode = { pae: false, noExecute: false };
  private ioMap = 0;
  private msrMap = 0;
  private readonly guestTlb = new Tlb();
  private guestAsid = 0;
  private readonly hostTlb: Tlb;

  constructor(cpu: Cpu) {
    this.cpu = cpu;
    this.hostTlb = cpu.tlb;
    this.reset();
  }

  reset(): void {
    this.globalInterruptFlag = true;
    this.vmCr = this.cpu.model.svm?.lockedByFirmware === true ? VM_CR_SVMDIS | VM_CR_LOCK : 0;
    this.hostSave = 0;
    this.nestedCr3 = -1;
    this.tscOffset = 0n;
    this.vmcb = -1;
    this.guestAsid = 0;
    this.cpu.guest = null;
    this.cpu.useTlb(this.hostTlb);
    this.flushAll();
  }

  get decodeAssists(): boolean {
    return this.has(SVM_DECODE_ASSISTS);
  }

  /** The map of physical memory has changed: nothing that was translated holds. */
  flushAll(): void {
    this.hostTlb.flush(true);
    this.guestTlb.flush(true);
  }

  denyWrites(page: number): void {
    this.hostTlb.denyWrites(page);
    this.guestTlb.denyWrites(page);
  }

  private has(feature: number): boolean {
    return ((this.cpu.model.svm?.features ?? 0) & feature) !== 0;
  }

  private read(base: number, offset: number): number {
    return this.cpu.memory.read32(base + offset);
  }

  private write(base: number, offset: number, value: number): void {
    this.cpu.memory.write32(base + offset, value);
  }

  private writeWide(base: number, offset: number, value: number, high = 0): void {
    this.write(base, offset, value);
    this.write(base, offset + 4, high);
  }

  private storeSegment(base: number, segment: number): void {
    const { cpu } = this;
    const at = base + SEGMENT_AT[segment];
    const attributes = ((cpu.attributes[segment] >>> 8) & 0xff) | ((cpu.attributes[segment] >>> 12) & 0xf00);
    cpu.memory.write32(at, cpu.selector[segment] | (attributes << 16));
    cpu.memory.write32(at + 4, cpu.limit[segment]);
    cpu.memory.write32(at + 8, cpu.base[segment]);
    cpu.memory.write32(at + 12, 0);
  }

  private loadSegment(base: number, segment: number): void {
    const { cpu } = this;
    const at = base + SEGMENT_AT[segment];
    const first = cpu.memory.read32(at);
    const packed = first >>> 16;
    const attributes = ((packed & 0xff) << 8) | ((packed & 0xf00) << 12);
    const limit = cpu.memory.read32(at + 4) >>> 0;
    setSegment(cpu, segment, first & 0xffff, cpu.memory.read32(at + 8), limit, attributes);
  }

  private storeTable(base: number, offset: number, tableBase: number, limit: number): void {
    this.write(base, offset + 4, limit);
    this.writeWide(base, offset + 8, tableBase);
  }

  /** The part of the state that VMRUN and #VMEXIT exchange, as it stands in the processor. `eip` is what RIP becomes. */
  private storeState(base: number, eip: number): void {
    const { cpu } = this;
    for (const segment of RUN_SEGMENTS) this.storeSegment(base, segment);
    this.storeTable(base, VMCB_GDTR, cpu.gdtrBase, cpu.gdtrLimit);
    this.storeTable(base, VMCB_IDTR, cpu.idtrBase, cpu.idtrLimit);
    this.writeWide(base, VMCB_EFER, cpu.efer);
    this.writeWide(base, VMCB_CR4, cpu.cr4);
    this.writeWide(base, VMCB_CR3, cpu.cr3);
    this.writeWide(base, VMCB_CR0, cpu.cr0);
    this.writeWide(base, VMCB_CR2, cpu.cr2);
    this.writeWide(base, VMCB_DR6, cpu.dr[6]);
    this.writeWide(base, VMCB_DR7, cpu.dr[7]);
    this.writeWide(base, VMCB_RFLAGS, readFlags(cpu));
    this.writeWide(base, VMCB_RIP, eip);
    this.writeWide(base, VMCB_RSP, cpu.r[ESP]);
    this.writeWide(base, VMCB_RAX, cpu.r[EAX]);
    cpu.memory.write8(base + VMCB_CPL, cpu.cpl);
  }

  private loadState(base: number, level: number): void {
    const { cpu } = this;
    cpu.efer = this.read(base, VMCB_EFER);
    cpu.cr0 = this.read(base, VMCB_CR0);
    cpu.cr4 = this.read(base, VMCB_CR4);
    cpu.cr3 = this.read(base, VMCB_CR3);
    cpu.gdtrBase = this.read(base, VMCB_GDTR + 8);
    cpu.gdtrLimit = this.read(base, VMCB_GDTR + 4) & 0xffff;
    cpu.idtrBase = this.read(base, VMCB_IDTR + 8);
    cpu.idtrLimit = this.read(base, VMCB_IDTR + 4) & 0xffff;
    writeFlags(cpu, this.read(base, VMCB_RFLAGS), ALL_FLAGS);
    for (const segment of RUN_SEGMENTS) this.loadSegment(base, segment);
    // Real-mode code may be written through CS, whatever type its descriptor had.
    if ((cpu.cr0 & CR0_PE) === 0) for (let i = 0; i < 3; i++) cpu.span[CS * 8 + 3 + i] = cpu.span[CS * 8 + i];
    cpu.r[ESP] = this.read(base, VMCB_RSP);
    cpu.r[EAX] = this.read(base, VMCB_RAX);
    cpu.r[EIP] = this.read(base, VMCB_RIP);
    cpu.setPrivilege(level);
  }

  /** The directory pointers of a PAE address space; under nested paging they are read at each walk instead. */
  private loadPointers(): boolean {
    const { cpu } = this;
    if ((cpu.cr0 & CR0_PG) === 0 || (cpu.cr4 & CR4_PAE) === 0 || this.nestedCr3 !== -1) return true;
    return cpu.tryLoadDirectoryPointers(cpu.cr3);
  }

  /** What the control area says while this guest runs. */
  private readControls(vmcb: number, hostPaging: PagingMode): void {
    const { cpu } = this;
    this.vmcb = vmcb;
    for (let i = 0; i < INTERCEPT_WORDS; i++)
      this.interceptBits[i] = this.read(vmcb, VMCB_INTERCEPTS + 4 * i);
    this.virtualMasking = (this.read(vmcb, VMCB_VINTR) & V_INTR_MASKING) !== 0;
    this.ioMap = this.read(vmcb, VMCB_IOPM_BASE) >>> 0;
    this.msrMap = this.read(vmcb, VMCB_MSRPM_BASE) >>> 0;
    const nested = (this.read(vmcb, VMCB_NP_ENABLE) & 1) !== 0 && this.has(SVM_NESTED_PAGING);
    this.nestedCr3 = nested ? this.read(vmcb, VMCB_NCR3) >>> 0 : -1;
    this.hostPaging = hostPaging;
    this.tscOffset =
      (BigInt(this.read(vmcb, VMCB_TSC_OFFSET + 4)) << 32n) | BigInt(this.read(vmcb, VMCB_TSC_OFFSET) >>> 0);
    cpu.guest = this;
    cpu.useTlb(this.guestTlb);
    if ((this.read(vmcb, VMCB_VINTR) & V_IRQ) !== 0) cpu.attend(ATTENTION_VIRTUAL);
    if ((this.read(vmcb, VMCB_EVENTINJ) & EVENT_VALID) !== 0) cpu.attend(ATTENTION_INJECT);
  }

  /** VMRUN with the VMCB at `vmcb`, which is page aligned and in memory. `next` is EIP of the instruction after it. */
  enter(vmcb: number, next: number): void {
    const { cpu } = this;
    this.storeState(this.hostSave, next);
    this.entries++;
    this.hostInterruptFlag = (cpu.systemFlags & FLAG_IF) !== 0;
    cpu.attention &= ~(ATTENTION_SHADOW | ATTENTION_HALT);
    this.readControls(vmcb, { pae: (cpu.cr4 & CR4_PAE) !== 0, noExecute: (cpu.efer & EFER_NXE) !== 0 });
    this.globalInterruptFlag = true;
    const asid = this.read(vmcb, VMCB_ASID);
    if ((this.read(vmcb, VMCB_TLB_CONTROL) & 0xff) >= TLB_FLUSH_ALL || asid !== this.guestAsid) {
      this.guestTlb.flush(true);
    }
    this.guestAsid = asid;
    if (!this.isValid(vmcb, asid)) {
      this.refuse();
      return;
    }
    this.loadState(vmcb, cpu.memory.read8(vmcb + VMCB_CPL) & 3);
    cpu.cr2 = this.read(vmcb, VMCB_CR2);
    cpu.dr[6] = this.read(vmcb, VMCB_DR6);
    cpu.dr[7] = this.read(vmcb, VMCB_DR7);
    cpu.watcher.refresh();
    if (!this.loadPointers()) {
      this.refuse();
      return;
    }
    if ((this.read(vmcb, VMCB_INTERRUPT_SHADOW) & 1) !== 0) cpu.attend(ATTENTION_SHADOW);
    if ((cpu.systemFlags & FLAG_RF) !== 0) cpu.attend(ATTENTION_RESUME);
    // The loop looks at what has changed under it: translations, control flow, interrupts.
    cpu.attend(0);
  }

  /** The consistency checks of §15.5.1 that a 32-bit processor can meet. PG without PE is legal here: paged real mode (§15.19). */
  private isValid(vmcb: number, asid: number): boolean {
    const high = (offset: number) => this.read(vmcb, offset + 4);
    const efer = this.read(vmcb, VMCB_EFER);
    const cr0 = this.read(vmcb, VMCB_CR0);
    const cr4 = this.read(vmcb, VMCB_CR4);
    if ((efer & EFER_SVME) === 0 || (efer & EFER_RESERVED) !== 0 || high(VMCB_EFER) !== 0) return false;
    if ((cr0 & CR0_NW) !== 0 && (cr0 & CR0_CD) === 0) return false;
    if (high(VMCB_CR0) !== 0 || (cr4 & CR4_RESERVED) !== 0 || high(VMCB_CR4) !== 0) return false;
    if (high(VMCB_DR6) !== 0 || high(VMCB_DR7) !== 0) return false;
    if (!this.intercepts(EXIT_VMRUN)) return false;
    if (asid === 0 || asid >>> 0 >= (this.cpu.model.svm?.asids ?? 0)) return false;
    for (const [base, bytes] of [
      [VMCB_IOPM_BASE, 0x3000],
      [VMCB_MSRPM_BASE, 0x2000],
    ]) {
      const map = this.read(vmcb, base) >>> 0;
      if (high(base) !== 0 || map + bytes > 0x1_0000_0000) return false;
    }
    const event = this.read(vmcb, VMCB_EVENTINJ);
    if ((event & EVENT_VALID) === 0) return true;
    const type = (event >>> 8) & 7;
    const vector = event & 0xff;
    if (
      type !== EVENT_INTERRUPT &&
      type !== EVENT_NMI &&
      type !== EVENT_EXCEPTION &&
      type !== EVENT_SOFTWARE
    ) {
      return false;
    }
    return type !== EVENT_EXCEPTION || (vector < 32 && vector !== 2);
  }

  /**
   * EVENTINJ: the event is delivered before the guest's first instruction and cannot be intercepted itself; what goes wrong
   * with its delivery can.
   */
  inject(): void {
    const { cpu } = this;
    const event = this.read(this.vmcb, VMCB_EVENTINJ);
    this.write(this.vmcb, VMCB_EVENTINJ, event & ~EVENT_VALID);
    const error = (event & EVENT_ERROR_CODE) !== 0 ? this.read(this.vmcb, VMCB_EVENTINJ + 4) : -1;
    const type = (event >>> 8) & 7;
    const vector = event & 0xff;
    if (type === EVENT_NMI) cpu.nmiBlocked = true;
    if (type === EVENT_EXCEPTION && vector === VECTOR_PF) cpu.faultAddress = cpu.cr2;
    const source =
      type === EVENT_SOFTWARE
        ? SOURCE_SOFTWARE
        : type === EVENT_EXCEPTION
          ? SOURCE_EXCEPTION
          : SOURCE_EXTERNAL;
    const withCode = error !== -1 && (cpu.cr0 & CR0_PE) !== 0 && hasErrorCode(vector);
    deliver(cpu, type === EVENT_NMI ? 2 : vector, source, withCode ? error : -1, cpu.r[EIP]);
  }

  /** Whether the guest is left for this code (below 100h). */
  intercepts(code: number): boolean {
    return ((this.interceptBits[code >> 5] >>> (code & 31)) & 1) !== 0;
  }

  /** Leaves the guest in front of `op`. To be returned by the instruction's handler. */
  exitBefore(op: Instruction, code: number, info1 = 0, info1High = 0, info2 = 0): null {
    const { cpu } = this;
    const next = (cpu.r[EIP] + op.end) | 0;
    cpu.r[EIP] = cpu.r[EIP] + op.offset;
    this.leave({ code, info1, info1High, info2, info2High: 0 }, next);
    return null;
  }

  /** Leaves the guest from anywhere inside an instruction; nothing visible may have changed. */
  exitThrow(code: number, info1 = 0, info1High = 0, info2 = 0, info2High = 0): never {
    const signal = this.exitSignal;
    signal.code = code;
    signal.info1 = info1;
    signal.info1High = info1High;
    signal.info2 = info2;
    signal.info2High = info2High;
    throw signal;
  }

  /** Whether the exception leaves the guest; if so it has been left. */
  takesException(vector: number, error: number): boolean {
    const code = EXIT_EXCEPTION + vector;
    if (!this.intercepts(code)) return false;
    const info1 = hasErrorCode(vector) && (this.cpu.cr0 & CR0_PE) !== 0 ? Math.max(error, 0) : 0;
    this.leave(plainExit(code, info1, vector === VECTOR_PF ? this.cpu.faultAddress : 0));
    return true;
  }

  /** Leaves the guest for an event between two instructions where that is intercepted. */
  takesEvent(code: number): boolean {
    if (!this.intercepts(code)) return false;
    this.leave(plainExit(code));
    return true;
  }

  /** #VMEXIT (§15.6): the guest's state goes to its VMCB, the host's comes back, GIF is cleared. */
  leave(why: ExitInformation, next = 0): void {
    const { cpu, vmcb } = this;
    this.storeState(vmcb, cpu.r[EIP]);
    this.writeWide(vmcb, VMCB_INTERRUPT_SHADOW, (cpu.attention & ATTENTION_SHADOW) !== 0 ? 1 : 0);
    const pending = (cpu.attention & ATTENTION_VIRTUAL) !== 0;
    this.write(vmcb, VMCB_VINTR, (this.read(vmcb, VMCB_VINTR) & ~V_IRQ) | (pending ? V_IRQ : 0));
    if (this.has(SVM_NRIP_SAVE)) this.writeWide(vmcb, VMCB_NRIP, next);
    this.toHost(why);
  }

  /** VMRUN finds the VMCB unfit: no state of the guest is saved. */
  private refuse(): void {
    this.toHost(plainExit(EXIT_INVALID));
  }

  private toHost({ code, info1, info1High, info2, info2High }: ExitInformation): void {
    const { cpu, vmcb } = this;
    this.writeWide(vmcb, VMCB_EXITCODE, code, code < 0 ? -1 : 0);
    this.writeWide(vmcb, VMCB_EXITINFO1, info1, info1High);
    this.writeWide(vmcb, VMCB_EXITINFO2, info2, info2High);
    this.writeWide(vmcb, VMCB_EXITINTINFO, cpu.vectoring, cpu.vectoringError);
    this.write(vmcb, VMCB_EVENTINJ, this.read(vmcb, VMCB_EVENTINJ) & ~EVENT_VALID);
    this.exits.set(code, (this.exits.get(code) ?? 0) + 1);
    cpu.vectoring = cpu.vectoringError = 0;
    cpu.guest = null;
    this.vmcb = -1;
    this.nestedCr3 = -1;
    this.tscOffset = 0n;
    this.globalInterruptFlag = false;
    cpu.halted = false;
    cpu.pendingDebug = 0;
    cpu.attention &= ~(ATTENTION_SHADOW | ATTENTION_HALT | ATTENTION_VIRTUAL | ATTENTION_INJECT);
    cpu.useTlb(this.hostTlb);
    this.loadState(this.hostSave, 0);
    cpu.dr[7] = 0x400;
    cpu.watcher.refresh();
    this.loadPointers();
    cpu.attend(0);
    this.onExit?.({ code, info1, info2, rip: this.read(vmcb, VMCB_RIP), vmcb });
  }

  /** VMLOAD and VMSAVE: what VMRUN leaves alone. */
  loadRest(vmcb: number): void {
    for (const segment of LOAD_SEGMENTS) this.loadSegment(vmcb, segment);
    for (const [offset, msr] of SYSENTER_FIELDS) {
      this.cpu.msr.set(msr, BigInt(this.read(vmcb, offset) >>> 0));
    }
  }

  saveRest(vmcb: number): void {
    for (const segment of LOAD_SEGMENTS) this.storeSegment(vmcb, segment);
    for (const [offset, msr] of SYSENTER_FIELDS) {
      const value = this.cpu.msr.get(msr) ?? 0n;
      this.writeWide(vmcb, offset, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    }
  }

  /** STGI and CLGI. */
  setGlobalInterruptFlag(on: boolean): void {
    this.globalInterruptFlag = on;
    this.cpu.attend(0);
  }

  /** Whether a physical interrupt is looked at now: the host's flag where V_INTR_MASKING is on, else the guest's. */
  physicalInterruptsOn(): boolean {
    if (this.virtualMasking) return this.hostInterruptFlag;
    return (this.cpu.systemFlags & FLAG_IF) !== 0;
  }

  /**
   * A virtual interrupt that may be taken now: leaves the guest (VINTR) or delivers it. Answers whether anything was done.
   * V_TPR masks a request unless V_IGN_TPR is set (§15.21.4).
   */
  takesVirtualInterrupt(): boolean {
    const { cpu, vmcb } = this;
    if ((cpu.systemFlags & FLAG_IF) === 0) return false;
    const control = this.read(vmcb, VMCB_VINTR);
    if ((control & V_IGN_TPR) === 0 && ((control >>> 16) & 15) <= (control & 15)) return false;
    cpu.attention &= ~ATTENTION_HALT;
    cpu.halted = false;
    if (this.takesEvent(EXIT_VINTR)) return true;
    cpu.attention &= ~ATTENTION_VIRTUAL;
    deliver(cpu, this.read(vmcb, VMCB_VINTR_VECTOR) & 0xff, SOURCE_EXTERNAL, -1, cpu.r[EIP]);
    return true;
  }

  /** I/O permission map: a bit for each port of the access (§15.10.1). */
  interceptsPort(port: number, size: number): boolean {
    if (!this.intercepts(EXIT_IOIO)) return false;
    const at = this.ioMap + (port >>> 3);
    const bits = this.cpu.memory.read8(at) | (this.cpu.memory.read8(at + 1) << 8);
    return ((bits >>> (port & 7)) & ((1 << size) - 1)) !== 0;
  }

  /** EXITINFO1 of IOIO. */
  portInfo(port: number, size: number, input: boolean, op: Instruction, string: boolean): number {
    const repeated = (op.flags & 6) !== 0;
    const wideAddress = (op.flags & 32) !== 0;
    let info = (port << 16) | (size << 4) | (wideAddress ? 0x100 : 0x80);
    if (input) info |= 1;
    if (string) info |= 4 | (this.decodeAssists ? op.segment << 10 : 0);
    if (string && repeated) info |= 8;
    return info;
  }

  /** MSR permission map: two bits for each register of three ranges, all others are intercepted (§15.11). */
  interceptsMsr(number: number, write: boolean): boolean {
    if (!this.intercepts(EXIT_MSR)) return false;
    const msr = number >>> 0;
    const range = MSR_RANGES.findIndex((first) => msr >= first && msr < first + 0x2000);
    if (range < 0) return true;
    const bit = (msr - MSR_RANGES[range]) * 2 + (write ? 1 : 0);
    return ((this.cpu.memory.read8(this.msrMap + range * 0x800 + (bit >>> 3)) >>> (bit & 7)) & 1) !== 0;
  }

  /**
   * Guest-physical to system-physical through the host's tables (§15.25): PAE or 32-bit by the host's CR4 at VMRUN; every guest
   * access counts as a user access. A missing permission leaves the guest with NPF; `table` says that a guest page table was
   * being read. What the mapping allows is left in `nestedWritable`, `nestedExecutable` and `nestedDirty`.
   */
  translateNested(guestPhysical: number, write: boolean, execute: boolean, table: boolean): number {
    const { memory } = this.cpu;
    const page = guestPhysical >>> 12;
    const fault = (bits: number): never =>
      this.exitThrow(
        EXIT_NPF,
        bits | (write ? 2 : 0) | 4 | (execute ? 16 : 0),
        table ? NPF_TABLE : NPF_FINAL,
        guestPhysical,
      );
    // Nothing lies above 4 GiB here.
    if (guestPhysical >= 0x1_0000_0000) fault(0);
    const { pae, noExecute } = this.hostPaging;
    const step = pae ? 8 : 4;
    const indexBits = pae ? 9 : 10;
    let base = this.nestedCr3;
    if (pae) {
      const pointer = (base & -32) + (page >>> 18) * 8;
      const low = memory.read32(pointer >>> 0);
      if ((low & 1) === 0) fault(0);
      base = low;
    }
    let writable = true;
    let executable = true;
    for (let level = 1; level >= 0; level--) {
      const index = (page >>> (level * indexBits)) & ((1 << indexBits) - 1);
      const at = ((base & -4096) >>> 0) + index * step;
      const entry = memory.read32(at);
      const high = pae ? memory.read32(at + 4) : 0;
      if ((entry & 1) === 0) fault(0);
      if (pae && ((high & 0x7ffffff0) !== 0 || (high < 0 && !noExecute))) fault(9);
      writable &&= (entry & 2) !== 0;
      executable &&= high >= 0;
      const last = level === 0 || (entry & 0x80) !== 0;
      if ((entry & 4) === 0 || (last && ((write && !writable) || (execute && !executable)))) fault(1);
      const updated = entry | 0x20 | (last && write ? 0x40 : 0);
      if (updated !== entry) memory.write32(at, updated);
      if (last) {
        this.nestedWritable = writable;
        this.nestedExecutable = executable;
        this.nestedDirty = (updated & 0x40) !== 0;
        const mask = level === 0 ? 0xfff : (1 << (12 + indexBits)) - 1;
        return (high & 15) * 0x1_0000_0000 + (((entry & ~mask) | (guestPhysical & mask & -4096)) >>> 0);
      }
      base = entry;
    }
    return 0;
  }

  /** Page aligned and in memory. */
  isVmcbAddress(address: number): boolean {
    return (address & 0xfff) === 0 && address + VMCB_BYTES <= this.cpu.memory.ramBytes;
  }

  save(): SvmState {
    return {
      version: 1,
      vmCr: this.vmCr,
      hostSave: this.hostSave,
      globalInterruptFlag: this.globalInterruptFlag,
      vmcb: this.vmcb,
      hostInterruptFlag: this.hostInterruptFlag,
    };
  }

  /** After memory and the processor's own registers have been restored. */
  restore(state: SvmState): void {
    this.reset();
    this.vmCr = state.vmCr;
    this.hostSave = state.hostSave;
    this.globalInterruptFlag = state.globalInterruptFlag;
    this.hostInterruptFlag = state.hostInterruptFlag;
    if (state.vmcb < 0) return;
    this.vmcb = state.vmcb;
    const hostCr4 = this.read(this.hostSave, VMCB_CR4);
    const hostEfer = this.read(this.hostSave, VMCB_EFER);
    this.readControls(state.vmcb, { pae: (hostCr4 & CR4_PAE) !== 0, noExecute: (hostEfer & EFER_NXE) !== 0 });
  }
}
