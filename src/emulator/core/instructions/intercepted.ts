/**
 * Instructions that a guest's monitor may intercept (AMD64 APM volume 2 §15.9): their handlers ask first whether a guest runs and
 * its VMCB wants them. Where the manual checks an exception before the intercept (a privileged instruction outside ring 0), the
 * instruction itself is left to raise it. I/O and MSR accesses ask their maps in port-io.ts and system.ts.
 */
import type { Cpu } from "../cpu/cpu.ts";
import { CR0_MP, CR0_TS, CR4_PCE, CR4_TSD } from "../cpu/registers.ts";
import { isProtected } from "../cpu/segmentation.ts";
import {
  EXIT_CPUID,
  EXIT_CR0_SEL_WRITE,
  EXIT_CR_READ,
  EXIT_CR_WRITE,
  EXIT_DR_READ,
  EXIT_DR_WRITE,
  EXIT_GDTR_READ,
  EXIT_GDTR_WRITE,
  EXIT_HLT,
  EXIT_ICEBP,
  EXIT_IDTR_READ,
  EXIT_IDTR_WRITE,
  EXIT_INVD,
  EXIT_INVLPG,
  EXIT_IRET,
  EXIT_LDTR_READ,
  EXIT_LDTR_WRITE,
  EXIT_PAUSE,
  EXIT_POPF,
  EXIT_PUSHF,
  EXIT_RDPMC,
  EXIT_RDTSC,
  EXIT_SWINT,
  EXIT_TR_READ,
  EXIT_TR_WRITE,
  EXIT_WBINVD,
} from "../cpu/svm/vmcb.ts";
import type { Family, Form } from "./family.ts";
import type { Instruction } from "./instruction.ts";
import { address } from "./operands.ts";

/** The exit an instruction asks for in this state, or -1 where it runs (or raises its exception) by itself. */
type Wanted = (cpu: Cpu, op: Instruction) => number;

const always = (code: number) => (): Wanted => () => code;
const privileged = (code: number) => (): Wanted => (cpu) => (cpu.cpl === 0 ? code : -1);
const protectedMode = (code: number) => (): Wanted => (cpu) => (isProtected(cpu) ? code : -1);
const protectedRing0 = (code: number) => (): Wanted => (cpu) =>
  isProtected(cpu) && cpu.cpl === 0 ? code : -1;
const unless =
  (bit: number, code: number, set: boolean): (() => Wanted) =>
  () =>
  (cpu) =>
    cpu.cpl === 0 || ((cpu.cr4 & bit) !== 0) === set ? code : -1;

const CONTROL_REGISTERS = new Set([0, 2, 3, 4]);

/** CR0_WRITE, or else the selective intercept where anything but TS and MP changes. */
function cr0Write(cpu: Cpu, value: number, mask: number): number {
  if (cpu.guest?.intercepts(EXIT_CR_WRITE) === true) return EXIT_CR_WRITE;
  return ((value ^ cpu.cr0) & mask & ~(CR0_TS | CR0_MP)) !== 0 ? EXIT_CR0_SEL_WRITE : -1;
}

function moveWanted({ operands }: Form): Wanted | undefined {
  switch (operands) {
    case "Rd,Cd":
      return (cpu, op) => (cpu.cpl === 0 && CONTROL_REGISTERS.has(op.reg) ? EXIT_CR_READ + op.reg : -1);
    case "Cd,Rd":
      return (cpu, op) => {
        if (cpu.cpl !== 0 || !CONTROL_REGISTERS.has(op.reg)) return -1;
        return op.reg === 0 ? cr0Write(cpu, cpu.r[op.rm], -1) : EXIT_CR_WRITE + op.reg;
      };
    case "Rd,Dd":
      return (cpu, op) => (cpu.cpl === 0 ? EXIT_DR_READ + op.reg : -1);
    case "Dd,Rd":
      return (cpu, op) => (cpu.cpl === 0 ? EXIT_DR_WRITE + op.reg : -1);
    default:
      return undefined;
  }
}

const WANTED: Readonly<Record<string, (form: Form) => Wanted | undefined>> = {
  mov: moveWanted,
  smsw: always(EXIT_CR_READ),
  lmsw: (form) => (cpu, op) =>
    cpu.cpl === 0
      ? cr0Write(cpu, form.memory ? cpu.read16(op.segment, address(cpu, op)) : cpu.r[op.rm], 15)
      : -1,
  clts: privileged(EXIT_CR_WRITE),
  cpuid: always(EXIT_CPUID),
  hlt: privileged(EXIT_HLT),
  invd: privileged(EXIT_INVD),
  wbinvd: privileged(EXIT_WBINVD),
  invlpg: privileged(EXIT_INVLPG),
  pause: always(EXIT_PAUSE),
  pushf: always(EXIT_PUSHF),
  popf: always(EXIT_POPF),
  iret: always(EXIT_IRET),
  int: always(EXIT_SWINT),
  int1: always(EXIT_ICEBP),
  rdtsc: unless(CR4_TSD, EXIT_RDTSC, false),
  rdpmc: unless(CR4_PCE, EXIT_RDPMC, true),
  sgdt: always(EXIT_GDTR_READ),
  sidt: always(EXIT_IDTR_READ),
  lgdt: privileged(EXIT_GDTR_WRITE),
  lidt: privileged(EXIT_IDTR_WRITE),
  sldt: protectedMode(EXIT_LDTR_READ),
  str: protectedMode(EXIT_TR_READ),
  lldt: protectedRing0(EXIT_LDTR_WRITE),
  ltr: protectedRing0(EXIT_TR_WRITE),
};

/** EXITINFO1 of an intercepted instruction: with decode assists what its operand names (§15.8.4, §15.33). */
function information(cpu: Cpu, op: Instruction, code: number): { low: number; high: number } {
  if (!cpu.svm.decodeAssists) return { low: 0, high: 0 };
  if (code === EXIT_SWINT) return { low: op.immediate & 0xff, high: 0 };
  if (code === EXIT_INVLPG) return { low: cpu.base[op.segment] + address(cpu, op), high: 0 };
  const isMove = op.modrm >= 0xc0 && code !== EXIT_CR0_SEL_WRITE;
  if (code < EXIT_DR_READ) return isMove ? { low: op.rm, high: 0x80000000 | 0 } : { low: 0, high: 0 };
  if (code < EXIT_DR_READ + 32) return { low: op.rm, high: 0 };
  return { low: 0, high: 0 };
}

export function withIntercepts(family: Family): Family {
  return Object.fromEntries(
    Object.entries(family).map(([mnemonic, bind]) => {
      const wanted = WANTED[mnemonic];
      if (wanted === undefined) return [mnemonic, bind];
      return [
        mnemonic,
        (form: Form) => {
          const handler = bind(form);
          const code = wanted(form);
          if (handler === undefined || code === undefined) return handler;
          return (cpu: Cpu, op: Instruction) => {
            const { guest } = cpu;
            if (guest !== null) {
              const exit = code(cpu, op);
              if (exit >= 0 && guest.intercepts(exit)) {
                const { low, high } = information(cpu, op, exit);
                return guest.exitBefore(op, exit, low, high);
              }
            }
            return handler(cpu, op);
          };
        },
      ];
    }),
  );
}
