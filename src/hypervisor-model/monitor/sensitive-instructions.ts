/**
 * The instructions for which x86 was no virtualizable processor: sensitive, yet not privileged (Robin & Irvine, "Analysis of the
 * Intel Pentium's Ability to Support a Secure Virtual Machine Monitor", USENIX Security 2000; they count seventeen, with PUSHF and
 * POPF as one). Each is run twice as a program of its own: in ring 0 of the bare machine, and in ring 1 under trap-and-emulate. What
 * it left in EAX is compared.
 */
import { assemble } from "../../emulator/core/assembler/assemble.ts";
import { RESULTS, RESULT_DONE } from "../guest-kernel/guest-kernel.ts";
import { Emulation } from "./emulation.ts";
import { resultWord, type Monitor, type MonitorEnd } from "./monitor.ts";
import { TrapAndEmulate } from "./trap-and-emulate.ts";

export interface SensitiveInstruction {
  mnemonic: string;
  /** What is executed; its answer is in EAX. */
  code: string;
  /** What EAX shows. */
  shows: string;
}

export const SENSITIVE_INSTRUCTIONS: readonly SensitiveInstruction[] = [
  { mnemonic: "SGDT", code: "sgdt [0x9020]\nmov eax, [0x9022]", shows: "base of the GDT" },
  { mnemonic: "SIDT", code: "sidt [0x9020]\nmov eax, [0x9022]", shows: "base of the IDT" },
  { mnemonic: "SLDT", code: "xor eax, eax\nsldt ax", shows: "selector of the LDT" },
  { mnemonic: "SMSW", code: "smsw eax", shows: "CR0" },
  { mnemonic: "PUSHF", code: "cli\npushfd\npop eax\nand eax, 0x200", shows: "IF after CLI" },
  {
    mnemonic: "POPF",
    code: "sti\npush 2\npopfd\nmov ebx, [ticks]\nmov ecx, 60000\nspin: dec ecx\njnz spin\nmov eax, [ticks]\nsub eax, ebx",
    shows: "timer interrupts while POPF has turned them off",
  },
  {
    mnemonic: "LAR",
    code: "mov ecx, 8\nlar eax, ecx\nshr eax, 13\nand eax, 3",
    shows: "ring of the code segment",
  },
  { mnemonic: "LSL", code: "mov ecx, 8\nlsl eax, ecx", shows: "limit of the code segment" },
  {
    mnemonic: "VERR",
    code: "mov cx, 0x420\nxor eax, eax\nverr cx\nsetz al",
    shows: "whether 420h can be read",
  },
  {
    mnemonic: "VERW",
    code: "mov cx, 0x420\nxor eax, eax\nverw cx\nsetz al",
    shows: "whether 420h can be written",
  },
  { mnemonic: "POP", code: "push 0x10\npop ss\nxor eax, eax\nmov ax, ss", shows: "SS after POP SS of 10h" },
  { mnemonic: "PUSH", code: "push cs\npop eax", shows: "CS on the stack" },
  { mnemonic: "CALL", code: "call 0x08:far_call", shows: "CS of the return address" },
  {
    mnemonic: "JMP",
    code: "jmp 0x08:far_jump\nfar_jump: xor eax, eax\nmov ax, cs",
    shows: "CS after a far JMP to 8h",
  },
  { mnemonic: "INT n", code: "xor eax, eax\nint 0x20", shows: "whether a gate of ring 0 was reached" },
  {
    mnemonic: "RET",
    code: "push 0x08\npush returned\nretf\nreturned: xor eax, eax\nmov ax, cs",
    shows: "CS after RETF to 8h",
  },
  { mnemonic: "STR", code: "xor eax, eax\nstr ax", shows: "selector of the task" },
  { mnemonic: "MOVE", code: "xor eax, eax\nmov ax, cs", shows: "CS" },
];

/** Assembly that lets the timer through as interrupt 20h, every `ticks` of 1193182 a second. */
export function timerSetup(ticks: number): string {
  return `
        mov al, 0x11
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 1
        out 0x21, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0x34
        out 0x43, al
        mov al, ${ticks & 0xff}
        out 0x40, al
        mov al, ${ticks >>> 8}
        out 0x40, al
`;
}

function program(code: string): string {
  return `
        bits 32
        org 0x1000
        mov esp, 0xb000
        lgdt [gdt_pointer]
        lidt [idt_pointer]
        mov ax, 0x10
        mov ds, ax
        mov ss, ax
        mov ax, 0x28
        ltr ax
        mov ax, 0x30
        lldt ax
        ${timerSetup(256)}
        ${code}
done:   cli
        mov [${RESULTS + 4}], eax
        mov dword [${RESULTS}], ${RESULT_DONE}
        out 0xf4, al
far_call:
        pop ecx
        pop eax
        jmp done
timer:  inc dword [ticks]
        push eax
        mov al, 0x20
        out 0x20, al
        pop eax
        inc eax
        iretd
ticks:  dd 0
        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
        dw 103, tss, 0x8900, 0
        dw 7, tss, 0x8200, 0
gdt_pointer:
        dw 0x37
        dd gdt
        align 8
idt:    times 32 dq 0
        dw timer, 8, 0x8e00, 0
idt_pointer:
        dw 0x107
        dd idt
        align 8
tss:    times 26 dd 0
`;
}

export interface SensitiveResult {
  end: MonitorEnd;
  /** EAX afterwards, unsigned; undefined where the program did not get that far. */
  value: number | undefined;
}

export interface SensitiveRun extends SensitiveInstruction {
  bare: SensitiveResult;
  deprivileged: SensitiveResult;
  /** The instruction itself came to the monitor. */
  trapped: boolean;
}

const LIMIT = 1_000_000;

function outcome(monitor: Monitor): SensitiveResult {
  const end = monitor.run(LIMIT);
  const done = resultWord(monitor, RESULTS) >>> 0 === RESULT_DONE;
  return { end, value: done ? resultWord(monitor, RESULTS + 4) >>> 0 : undefined };
}

export function runSensitiveInstruction(instruction: SensitiveInstruction): SensitiveRun {
  const { bytes: image, problems } = assemble(program(instruction.code));
  if (problems.length > 0) throw new Error(`${instruction.mnemonic}: ${problems[0].message}`);
  const guest = { image, workload: 0, iterations: 0 };
  const monitor = new TrapAndEmulate(guest);
  const deprivileged = outcome(monitor);
  const mnemonic = instruction.mnemonic.split(" ")[0].replace("RET", "RETF");
  const trapped = Object.keys(monitor.events.counts()).some(
    (name) => name.startsWith(`trap #GP ${mnemonic}`) && !name.includes(" MOV"),
  );
  return { ...instruction, bare: outcome(new Emulation(guest)), deprivileged, trapped };
}
