/**
 * Branches remember where they went (instructions/hot.ts). What they remember must not outlive the code there, the mapping of
 * its page, or the right to execute it. Each program goes the same way several times before something changes.
 */
import { expect, test } from "vitest";
import { barePc } from "../debug/bare-pc.ts";
import { EAX } from "./registers.ts";

const TABLE = 0x101000;

/** Paging with the first 4 MiB mapped to themselves; code is put at 200000h and 300000h, far from the program. */
function run(body: string): { eax: number; events: [number, number][]; code: number } {
  const { pc } = barePc(`
bits 32
  mov dword [0x100000], ${TABLE | 7}
  mov edi, ${TABLE}
  mov eax, 7
  mov ecx, 1024
pages: stosd
  add eax, 0x1000
  loop pages
  mov eax, 0x100000
  mov cr3, eax
  mov eax, cr0
  or eax, 0x80000000
  mov cr0, eax
  ; at 200000h: add eax, 1; ret. At 300000h: add eax, 100; ret
  mov dword [0x200000], 0xc301c083
  mov dword [0x300000], 0xc364c083
  mov esp, 0x5000
  xor eax, eax
${body}
  mov [0x9000], eax
  mov al, 0
  out 0xf4, al
`);
  const events: [number, number][] = [];
  pc.cpu.watcher.observe({
    seesInstruction: () => false,
    instruction: () => false,
    seesPage: () => false,
    memory: () => {},
    port: () => {},
    event: (vector, _, error) => events.push([vector, error]),
  });
  const end = pc.run(100_000);
  return { eax: pc.memory.read32(0x9000), events, code: end.type === "exit" ? pc.cpu.r[EAX] & 0xff : -1 };
}

/** Calls `target` five times in a loop, then does `change`, then calls it five times more. */
const twice = (target: string, change: string) => `
  mov ebx, 2
again: mov ecx, 5
next: mov edx, 0x200000
  call ${target}
  dec ecx
  jnz next
  dec ebx
  jz finish
${change}
  jmp again
finish:`;

test.each(["0x200000", "edx"])("call %s: another page is mapped there", (target) => {
  const change = `mov dword [${TABLE + 0x200 * 4}], 0x300007\ninvlpg [0x200000]`;
  expect(run(twice(target, change))).toEqual({ eax: 505, events: [], code: 0 });
});

test.each(["0x200000", "edx"])("call %s: the page is mapped nowhere", (target) => {
  const change = `mov dword [${TABLE + 0x200 * 4}], 0\ninvlpg [0x200000]`;
  // Without an interrupt table the page fault becomes a double fault.
  expect(run(twice(target, change)).events).toEqual([
    [14, 0],
    [8, 0],
  ]);
});

test.each(["0x200000", "edx"])("call %s: its code is written", (target) => {
  expect(run(twice(target, "mov byte [0x200002], 10"))).toEqual({ eax: 55, events: [], code: 0 });
});

test.each(["0x200000", "edx"])("call %s: its code is written through another page", (target) => {
  const change = `mov dword [${TABLE + 0x280 * 4}], 0x200007\ninvlpg [0x280000]\nmov byte [0x280002], 10`;
  expect(run(twice(target, change))).toEqual({ eax: 55, events: [], code: 0 });
});

test("a return goes where the stack says, however often it went elsewhere", () => {
  const body = `mov ecx, 10
next: call 0x200000
  call 0x200000
  test ecx, 1
  jz even
  call 0x300000
even: dec ecx
  jnz next`;
  expect(run(body)).toEqual({ eax: 520, events: [], code: 0 });
});

test("a run on from block to block sees that the code ahead has been written", () => {
  const nops = "nop\n".repeat(40);
  const body = `mov ecx, 3
next: ${nops}
here: add eax, 1
  ${nops}
  mov byte [here + 2], 10
  dec ecx
  jnz next`;
  expect(run(body)).toEqual({ eax: 21, events: [], code: 0 });
});
