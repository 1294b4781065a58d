/**
 * Binary translation as VMware's software monitor does it (Adams & Agesen, ASPLOS 2006, §3; Bugnion et al., TOCS 2012): the
 * guest's processes run directly, its kernel runs from a cache of translated code in ring 1. Most instructions are copied as they
 * are. Branches go from translation to translation; CLI becomes a store to the virtual flag; returns and indirect jumps look their
 * target up in a table without touching the flags; what cannot be done in line calls the monitor out by an INT. An instruction that
 * keeps writing to traced page tables is translated anew as a callout, so that it need not fault (adaptive translation).
 *
 * Shadow paging and the virtual processor are those of deprivileged-kernel.ts.
 */
import { assemble } from "../../emulator/core/assembler/assemble.ts";
import * as reg from "../../emulator/core/cpu/registers.ts";
import { setSegment } from "../../emulator/core/cpu/segmentation.ts";
import { DeprivilegedKernel } from "./deprivileged-kernel.ts";
import { guestInstruction, instructionName, type GuestInstruction } from "./guest-instruction.ts";
import type { GuestProgram } from "../guest-kernel/guest-kernel.ts";
import type { MonitorEnd } from "./monitor.ts";
import { linearOf, MONITOR_CODE, TRANSLATED, TRANSLATED_CODE, TRANSLATED_DATA } from "./ring-compression.ts";

const CACHE_BYTES = 0x100000;
/** Guest targets by their low 16 bits: minus the target, and where its translation is. */
const LOOK_UP_TABLE = TRANSLATED + CACHE_BYTES;
const LOOK_UP_ENTRIES = 0x10000;
const VARIABLES = LOOK_UP_TABLE + LOOK_UP_ENTRIES * 8;
const V_INTERRUPTS = VARIABLES;
const V_TARGET = VARIABLES + 4;
const V_SITE = VARIABLES + 8;
const V_EAX = VARIABLES + 12;
const V_ECX = VARIABLES + 16;
const V_JUMP = VARIABLES + 20;

const CALLOUT = 0xf0;
const MISSING_BRANCH = 0xf1;
const MISSING_TARGET = 0xf2;

/** Faults of one instruction on traced pages after which it is translated as a callout. */
const GUILTY = 3;
const LONGEST_BLOCK = 32;

const gs = (at: number) => `[gs:${linearOf(at)}]`;

const LOOK_UP = assemble(`
        bits 32
        org ${linearOf(TRANSLATED)}
        mov ${gs(V_EAX)}, eax
        mov ${gs(V_ECX)}, ecx
        movzx eax, word ${gs(V_TARGET)}
        mov ecx, [gs:eax * 8 + ${linearOf(LOOK_UP_TABLE)}]
        mov eax, [gs:eax * 8 + ${linearOf(LOOK_UP_TABLE) + 4}]
        mov ${gs(V_JUMP)}, eax
        mov eax, ${gs(V_TARGET)}
        lea ecx, [ecx + eax]
        jecxz found
        mov eax, ${gs(V_EAX)}
        mov ecx, ${gs(V_ECX)}
        int ${MISSING_TARGET}
found:  mov eax, ${gs(V_EAX)}
        mov ecx, ${gs(V_ECX)}
        jmp ${gs(V_JUMP)}
`);

const word = (value: number) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];

/** Instructions that run unchanged in ring 1 but mean something else there, or that fault. */
const SENSITIVE = new Set(
  (
    "sti hlt in out iretd iret lgdt lidt ltr lldt lmsw invlpg clts pushfd popfd pushf popf sgdt sidt sldt smsw str " +
    "lar lsl verr verw int int3 into wbinvd invd rdmsr wrmsr insb insw insd outsb outsw outsd retf"
  ).split(" "),
);

export class BinaryTranslation extends DeprivilegedKernel {
  /** Bytes of the cache in use. */
  private used = 0;
  /** Translations by the guest's EIP, of every instruction; and the other way round. */
  private readonly places = new Map<number, number>();
  private readonly origins = new Map<number, number>();
  /** The guest's EIP by the address behind a callout's INT. */
  private readonly callouts = new Map<number, number>();
  private readonly guilty = new Map<number, number>();
  private kernelSelector = 0x08;
  /** Where the processor was in the cache, and the guest's EIP there; -1 where it was not at the start of an instruction. */
  private at = 0;
  private atEip = -1;
  private flushWanted = false;

  constructor(program: GuestProgram) {
    super(program);
    for (const vector of [CALLOUT, MISSING_BRANCH, MISSING_TARGET]) {
      this.setGate(vector, MONITOR_CODE, this.entryOf(vector), 1);
    }
    this.shadow.onWrite = (physical) => {
      if (this.codePages.has((physical & -4096) >>> 0)) this.flushWanted = true;
    };
    this.flush();
    this.storeFrame();
  }

  private readonly codePages = new Set<number>();

  private flush(): void {
    const { memory } = this;
    this.places.clear();
    this.origins.clear();
    this.callouts.clear();
    this.codePages.clear();
    memory.load(TRANSLATED, LOOK_UP.bytes);
    this.used = LOOK_UP.bytes.length;
    // An empty entry's key has other low bits than whoever asks for it.
    for (let i = 0; i < LOOK_UP_ENTRIES; i++) memory.write32(LOOK_UP_TABLE + i * 8, -(i ^ 0x8000));
    this.flushWanted = false;
    this.cpu.blocks.clear();
  }

  protected override loadFrame(): void {
    super.loadFrame();
    this.interruptsOn = this.memory.read32(V_INTERRUPTS) !== 0;
    this.flags = (this.flags & ~reg.FLAG_IF) | (this.interruptsOn ? reg.FLAG_IF : 0);
    this.atEip = -1;
    if (this.level === 3) return;
    this.codeSelector = this.kernelSelector;
    this.at = this.eip >>> 0;
    this.atEip = this.origins.get(this.at) ?? -1;
    this.eip = this.atEip;
  }

  protected override storeFrame(): void {
    if (this.places === undefined) return;
    if (this.level === 0) {
      this.kernelSelector = this.codeSelector;
      const { eip } = this;
      if (this.flushWanted) {
        // Only where the guest is at an instruction of its own.
        if (eip !== -1) this.flush();
      }
      const place =
        eip === -1 || (eip === this.atEip && this.origins.has(this.at)) ? this.at : this.place(eip);
      super.storeFrame();
      this.setFrameWord(2, place);
      this.setFrameWord(3, TRANSLATED_CODE);
      // IRET to ring 3 took it away. The guest's own GS is not kept.
      setSegment(this.cpu, reg.GS, TRANSLATED_DATA, 0, 0xffffffff, 0xc0b300);
      this.eip = eip;
    } else super.storeFrame();
    this.memory.write32(V_INTERRUPTS, this.interruptsOn ? 1 : 0);
  }

  /** Inside what one instruction was translated to, the guest cannot be interrupted: a step later, perhaps. */
  protected override hostInterrupt(): void {
    if (this.level === 0 && this.atEip === -1) this.shadowed = true;
  }

  protected override pageFault(linear: number, error: number): MonitorEnd | undefined {
    const { eip, level } = this;
    const before = this.tracedWrites();
    const end = super.pageFault(linear, error);
    if (level === 0 && this.tracedWrites() !== before) {
      const faults = (this.guilty.get(eip) ?? 0) + 1;
      this.guilty.set(eip, faults);
      if (faults === GUILTY) this.flushWanted = true;
    }
    return end;
  }

  private tracedWrites(): number {
    return this.events.of("trap #PF traced write");
  }

  /** Translated code does not fault by itself: what faults is the guest's. */
  protected protectionFault(error: number): MonitorEnd | undefined {
    this.note("trap", "#GP");
    return this.inject(reg.VECTOR_GP, error);
  }

  protected override interruptInstruction(vector: number): MonitorEnd | "guest" | undefined {
    if (this.level === 3) return "guest";
    switch (vector) {
      case CALLOUT:
        return this.callout();
      case MISSING_BRANCH: {
        this.eip = this.memory.read32(V_TARGET);
        this.note("callout", "branch");
        const place = this.place(this.eip);
        const site = this.memory.read32(V_SITE) >>> 0;
        // Chained: the next time the branch goes straight there.
        this.write(site, [0xe9, ...word(place - (site + 5))]);
        return undefined;
      }
      case MISSING_TARGET: {
        this.eip = this.memory.read32(V_TARGET);
        this.note("callout", "target");
        const entry = LOOK_UP_TABLE + (this.eip & 0xffff) * 8;
        const place = this.place(this.eip);
        this.memory.write32(entry, -this.eip);
        this.memory.write32(entry + 4, place);
        return undefined;
      }
      default:
        return "guest";
    }
  }

  private callout(): MonitorEnd | undefined {
    const eip = this.callouts.get(this.at);
    if (eip === undefined) return { type: "refused", why: "a callout from nowhere" };
    this.eip = eip;
    const instruction = guestInstruction(this.guest, this.paging, eip);
    if (instruction === undefined) return this.notEmulated();
    if (this.guilty.has(eip)) return this.tracedCallout();
    this.note("callout", instructionName(instruction));
    const { mnemonic, op } = instruction;
    if (mnemonic === "int") {
      this.next(instruction.length);
      return this.softwareInterrupt(op.immediate & 0xff);
    }
    if (mnemonic === "pushfd") {
      if (!this.push(this.flags)) return this.notEmulated();
      this.next(instruction.length);
      return undefined;
    }
    if (mnemonic === "popfd") {
      const flags = this.pop();
      if (flags === undefined) return this.notEmulated();
      this.flags = flags;
      this.interruptsOn = (flags & reg.FLAG_IF) !== 0;
      this.next(instruction.length);
      return undefined;
    }
    return this.emulatePrivileged(instruction);
  }

  /** A store that is known to go to page tables: done without the fault. */
  private tracedCallout(): MonitorEnd | undefined {
    this.note("callout", "traced write");
    return this.store();
  }

  /** Where the guest's instruction at `eip` is in the cache; translated now if it is not. */
  private place(eip: number): number {
    const present = this.places.get(eip);
    if (present !== undefined) return present;
    if (this.used + LONGEST_BLOCK * 64 > CACHE_BYTES) this.flush();
    return this.translate(eip);
  }

  private write(linear: number, bytes: readonly number[]): void {
    const at = linear - linearOf(TRANSLATED) + TRANSLATED;
    bytes.forEach((byte, i) => this.memory.write8(at + i, byte));
  }

  private emit(bytes: readonly number[]): void {
    this.write(this.here, bytes);
    this.used += bytes.length;
  }

  private get here(): number {
    return (linearOf(TRANSLATED) + this.used) >>> 0;
  }

  private translate(start: number): number {
    this.note("translation", "block");
    const page = start & -4096;
    const found = this.guest.walk(this.paging, start, false, false);
    if (found.type === "page" && !this.codePages.has(found.page)) {
      this.codePages.add(found.page);
      this.shadow.trace(found.page);
    }
    const first = this.here;
    let eip = start;
    for (let count = 0; ; count++) {
      if (count > 0 && (count === LONGEST_BLOCK || (eip & -4096) !== page || this.places.has(eip))) {
        this.emitBranch(eip);
        break;
      }
      const instruction = guestInstruction(this.guest, this.paging, eip);
      this.places.set(eip, this.here);
      this.origins.set(this.here, eip);
      if (instruction === undefined) {
        this.emitCallout(eip);
        break;
      }
      if (this.emitInstruction(instruction, eip)) break;
      eip = (eip + instruction.length) | 0;
    }
    this.emitMisses();
    return first;
  }

  /** Direct branches of the block whose target is not translated yet: the jump's address and the target. */
  private readonly misses: [site: number, target: number][] = [];

  private emitBranch(target: number): void {
    const place = this.places.get(target);
    const site = this.here;
    if (place === undefined) this.misses.push([site, target]);
    this.emit([0xe9, ...word((place ?? 0) - (site + 5))]);
  }

  private emitMisses(): void {
    for (const [site, target] of this.misses.splice(0)) {
      this.write(site, [0xe9, ...word(this.here - (site + 5))]);
      this.emit([0x65, 0xc7, 0x05, ...word(linearOf(V_TARGET)), ...word(target)]);
      this.emit([0x65, 0xc7, 0x05, ...word(linearOf(V_SITE)), ...word(site)]);
      this.emit([0xcd, MISSING_BRANCH]);
    }
  }

  private emitCallout(eip: number): void {
    this.emit([0xcd, CALLOUT]);
    this.callouts.set(this.here, eip);
  }

  private emitLookUp(): void {
    this.emit([0xe9, ...word(linearOf(TRANSLATED) - (this.here + 5))]);
  }

  /** Answers whether the block ends with it. */
  private emitInstruction({ mnemonic, op, bytes, length }: GuestInstruction, eip: number): boolean {
    const next = (eip + length) | 0;
    const [opcode] = bytes;
    const target = (next + op.immediate) | 0;
    if ((this.guilty.get(eip) ?? 0) >= GUILTY) {
      this.emitCallout(eip);
      return false;
    }
    if (opcode === 0xe9 || opcode === 0xeb) {
      this.emitBranch(target);
      return true;
    }
    if ((opcode & 0xf0) === 0x70 || (opcode === 0x0f && (bytes[1] & 0xf0) === 0x80)) {
      const condition = (opcode === 0x0f ? bytes[1] : opcode) & 15;
      // Around the jump to what follows.
      this.emit([0x70 | condition, 5]);
      this.emitBranch(next);
      this.emitBranch(target);
      return true;
    }
    if (opcode >= 0xe0 && opcode <= 0xe3) {
      this.emit([opcode, 5]);
      this.emitBranch(next);
      this.emitBranch(target);
      return true;
    }
    if (opcode === 0xe8) {
      this.emit([0x68, ...word(next)]);
      this.emitBranch(target);
      return true;
    }
    if (opcode === 0xc3 || opcode === 0xc2) {
      this.emit([0x65, 0x8f, 0x05, ...word(linearOf(V_TARGET))]);
      if (opcode === 0xc2) this.emit([0x8d, 0xa4, 0x24, ...word(op.immediate & 0xffff)]);
      this.emitLookUp();
      return true;
    }
    if (opcode === 0xff && (op.reg === 2 || op.reg === 4)) {
      this.emitIndirect(bytes, op.reg === 2 ? next : undefined);
      return true;
    }
    if (opcode === 0xfa) {
      this.emit([0x65, 0xc7, 0x05, ...word(linearOf(V_INTERRUPTS)), ...word(0)]);
      return false;
    }
    if (this.isSensitive(mnemonic, bytes, op.reg)) {
      this.emitCallout(eip);
      return mnemonic === "iretd" || mnemonic === "int";
    }
    this.emit([...bytes]);
    return false;
  }

  private isSensitive(mnemonic: string, bytes: Uint8Array, field: number): boolean {
    if (SENSITIVE.has(mnemonic)) return true;
    const at = bytes[0] === 0x66 ? 1 : 0;
    const opcode = bytes[at];
    // MOV with control and debug registers, MOV to and from SS and CS, PUSH CS, PUSH SS, POP SS, far CALL and JMP.
    if (opcode === 0x0f && bytes[at + 1] >= 0x20 && bytes[at + 1] <= 0x23) return true;
    if (opcode === 0x8e) return field === reg.SS;
    if (opcode === 0x8c) return field === reg.SS || field === reg.CS;
    return (
      [0x0e, 0x16, 0x17, 0x9a, 0xea].includes(opcode) || (opcode === 0xff && (field === 3 || field === 5))
    );
  }

  /** JMP and CALL through a register or memory: EAX is borrowed to read the target. */
  private emitIndirect(bytes: Uint8Array, returnTo: number | undefined): void {
    this.emit([0x65, 0xa3, ...word(linearOf(V_EAX))]);
    this.origins.set(this.here, this.origins.get(this.here) ?? this.lastEip());
    this.emit([0x8b, bytes[1] & 0xc7, ...bytes.subarray(2)]);
    this.emit([0x65, 0xa3, ...word(linearOf(V_TARGET))]);
    this.emit([0x65, 0xa1, ...word(linearOf(V_EAX))]);
    if (returnTo !== undefined) this.emit([0x68, ...word(returnTo)]);
    this.emitLookUp();
  }

  /** The guest's instruction that is being translated. */
  private lastEip(): number {
    return [...this.places.keys()].at(-1) ?? -1;
  }
}
