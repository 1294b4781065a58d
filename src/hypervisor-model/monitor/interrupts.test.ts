/** Timer interrupts that come at any moment of a busy kernel: its work is right all the same, and the interrupts do come. */
import { describe, expect, test } from "vitest";
import { assemble } from "../../emulator/core/assembler/assemble.ts";
import { RESULTS, type GuestProgram } from "../guest-kernel/guest-kernel.ts";
import { INSTRUCTION_LIMIT } from "./architectures.ts";
import { BinaryTranslation } from "./binary-translation.ts";
import { Emulation } from "./emulation.ts";
import { HardwareAssisted } from "./hardware-assisted.ts";
import { resultWord, type Monitor } from "./monitor.ts";
import { timerSetup } from "./sensitive-instructions.ts";
import { TrapAndEmulate } from "./trap-and-emulate.ts";

const ROUNDS = 30_000;

/** 61 ticks have nothing to do with the length of the loop. */
const { bytes: image } = assemble(`
        bits 32
        org 0x1000
        mov esp, 0xb000
        lgdt [gdt_pointer]
        lidt [idt_pointer]
        ${timerSetup(61)}
        sti
        mov ecx, ${ROUNDS}
next:   mov edx, add_up
        call edx
        call nothing
        push dword [sum]
        pop dword [sum]
        dec ecx
        jnz next
        cli
        mov eax, [sum]
        mov [${RESULTS}], eax
        mov eax, [ticks]
        mov [${RESULTS + 4}], eax
        out 0xf4, al
add_up: add [sum], ecx
nothing:
        ret
timer:  inc dword [ticks]
        push eax
        mov al, 0x20
        out 0x20, al
        pop eax
        iretd
        align 0x1000
sum:    dd 0
ticks:  dd 0
        align 8
gdt:    dq 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
        dw 0x17
        dd gdt
        align 8
idt:    times 32 dq 0
        dw timer, 8, 0x8e00, 0
idt_pointer:
        dw 0x107
        dd idt
`);
const guest: GuestProgram = { image, workload: 0, iterations: 0 };

const ALL: readonly (readonly [string, () => Monitor])[] = [
  ["emulation", () => new Emulation(guest)],
  ["trap-and-emulate", () => new TrapAndEmulate(guest)],
  ["binary translation", () => new BinaryTranslation(guest)],
  ["SVM with shadow paging", () => new HardwareAssisted(guest, "shadow")],
  ["SVM with nested paging", () => new HardwareAssisted(guest, "nested")],
];

describe.each(ALL)("%s", (_, create) => {
  test("adds up right between dozens of interrupts", () => {
    const monitor = create();
    expect(monitor.run(INSTRUCTION_LIMIT)).toEqual({ type: "finished" });
    expect(resultWord(monitor, RESULTS)).toBe((ROUNDS * (ROUNDS + 1)) / 2);
    expect(resultWord(monitor, RESULTS + 4)).toBeGreaterThan(20);
  });
});
