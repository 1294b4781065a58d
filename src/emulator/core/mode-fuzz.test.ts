/**
 * Random bytes executed in every mode of the processor: whatever they do, the machine stops with a named reason or goes on,
 * does the same twice, and holds no more memory than before. Faults go to handlers that step over a byte, so that much of
 * each image is executed, not its first bytes alone.
 */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { CR0_PE, CR0_PG, CR4_PAE, CS, FLAG_VM } from "./cpu/registers.ts";
import { barePc } from "./debug/bare-pc.ts";
import type { Pc } from "./pc.ts";

const SEED = 0xf022;
const ROUNDS = process.env.RINGSIDE_LONG === "1" ? 200 : 4;
const INSTRUCTIONS = 20_000;
const CODE = 0x40000;
const STOPS = ["limit", "halted", "idle", "triple-fault", "exit"];

const TABLES = `
  align 8
gdt: dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00cffa000000ffff, 0x00cff2000000ffff, 0x0000890000000067
  dq 0x00009a000000ffff + ${CODE} * 0x10000, 0x000092000000ffff
gdtr: dw $ - gdt - 1
  dd gdt
  align 8
idt: ${Array.from({ length: 32 }, (_, vector) => `dw vector${vector}, 8, 0x8e00, 0`).join("\n")}
  times 224 dw vector0, 8, 0xee00, 0
idtr: dw $ - idt - 1
  dd idt
  align 4
tss: times 102 db 0
  dw 104
`;
/** Saved EIP stands behind the error code, if there is one. */
const HANDLERS = Array.from({ length: 32 }, (_, vector) => {
  const coded = vector === 8 || (vector >= 10 && vector <= 14) || vector === 17;
  return `vector${vector}: ${coded ? "add esp, 4" : ""}\ninc dword [ss:esp]\niretd`;
}).join("\n");
const START = `bits 32
  lgdt [gdtr]
  lidt [idtr]
  mov eax, tss
  mov [gdt + 0x28 + 2], ax
  shr eax, 16
  mov [gdt + 0x28 + 4], al
  mov dword [tss + 4], 0x6000
  mov dword [tss + 8], 0x10
  mov ax, 0x28
  ltr ax
  mov esp, 0x5800`;
const PAGING = `
  mov dword [0x100000], 0x101007
  mov edi, 0x101000
  mov eax, 7
  mov ecx, 1024
fill: stosd
  add eax, 0x1000
  loop fill
  mov eax, 0x100000
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax`;
const PAE = `
  mov dword [0x102000], 0x103001
  mov dword [0x103000], 0x87
  mov dword [0x103008], 0x200087
  mov eax, 0x20
  mov cr4, eax
  mov eax, 0x102000
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax`;
const TO_RING_3 = `
  mov ax, 0x23
  mov ds, ax
  mov es, ax
  push 0x23
  push 0x5000
  push 2
  push 0x1b
  push ${CODE}
  iretd`;
const TO_VIRTUAL = `
  push 0
  push 0
  push 0
  push 0
  push 0
  push 0x5000
  push 0x20002
  push ${CODE >> 4}
  push 0
  iretd`;
const program = (body: string) => `${START}\n${body}\n${HANDLERS}\n${TABLES}`;

const isVirtual = ({ cpu }: Pc) => (cpu.systemFlags & FLAG_VM) !== 0;
const MODES: [string, string, (pc: Pc) => boolean][] = [
  ["real mode", `bits 16\njmp ${CODE >> 4}:0`, ({ cpu }) => (cpu.cr0 & CR0_PE) === 0],
  [
    "16-bit protected mode",
    program("mov ax, 0x38\nmov ds, ax\nmov es, ax\njmp 0x30:0"),
    ({ cpu }) => (cpu.cr0 & CR0_PE) !== 0 && !cpu.wideCode && cpu.cpl === 0,
  ],
  ["32-bit ring 0", program(`jmp 8:${CODE}`), ({ cpu }) => cpu.flatCode && cpu.cpl === 0],
  [
    "32-bit ring 0 with paging",
    program(`${PAGING}\njmp 8:${CODE}`),
    ({ cpu }) => (cpu.cr0 & CR0_PG) !== 0 && cpu.cpl === 0,
  ],
  [
    "ring 3 with paging",
    program(`${PAGING}\n${TO_RING_3}`),
    ({ cpu }) => (cpu.cr0 & CR0_PG) !== 0 && cpu.cpl === 3 && cpu.wideCode,
  ],
  [
    "ring 3 with PAE",
    program(`${PAE}\n${TO_RING_3}`),
    ({ cpu }) => (cpu.cr4 & CR4_PAE) !== 0 && cpu.cpl === 3,
  ],
  ["virtual-8086 mode", program(TO_VIRTUAL), isVirtual],
  ["virtual-8086 mode with paging", program(`${PAGING}\n${TO_VIRTUAL}`), isVirtual],
];

/** One run of the bytes; its end and what memory and registers hold then. */
function execute(source: string, image: Uint8Array, entered: (pc: Pc) => boolean) {
  const { pc } = barePc(source);
  pc.memory.load(CODE, image);
  for (let i = 0; i < 10_000 && (pc.cpu.base[CS] + pc.cpu.r[11]) >>> 0 !== CODE; i++) pc.run(1);
  expect(entered(pc)).toBe(true);
  const end = pc.run(INSTRUCTIONS, pc.clock.now() + 1e9);
  const hash = createHash("sha256").update(pc.memory.bytes).update(new Uint8Array(pc.cpu.r.buffer));
  return { end, instructions: pc.cpu.instructions, digest: hash.digest("hex") };
}

test.each(MODES)(`%s (seed ${SEED})`, (_, source, entered) => {
  const random = new Random(SEED);
  let executed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const image = random.bytes(8192);
    const first = execute(source, image, entered);
    expect(STOPS, `round ${round}`).toContain(first.end.type);
    expect(execute(source, image, entered), `round ${round}`).toEqual(first);
    executed += first.instructions;
  }
  expect(executed).toBeGreaterThan(100 * ROUNDS);
});
