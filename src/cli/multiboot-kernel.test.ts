/** Multiboot test kernels, made by our assembler: COM1, port F4h, and how they end. */
import { expect, test } from "vitest";
import { assemble } from "../emulator/core/assembler/assemble.ts";
import { runMultibootKernel } from "./multiboot-kernel.ts";
import { UsageError } from "./options.ts";

const kernel = (body: string): Uint8Array => {
  const { bytes, problems } = assemble(`bits 32
org 0x100000
header: dd 0x1badb002, 0x10003, -(0x1badb002 + 0x10003), header, header, end, end, start
start:
${body}
end:`);
  expect(problems).toEqual([]);
  return bytes;
};

async function run(image: Uint8Array) {
  let text = "";
  const ended = await runMultibootKernel(image, "", 16, (bytes) => (text += new TextDecoder().decode(bytes)));
  return { ...ended, text };
}

test("what it writes to COM1 comes out, and port F4h gives the status", async () => {
  const { text, status } = await run(
    kernel(`cmp eax, 0x2badb002
jne bad
mov esi, message
next: lodsb
test al, al
jz done
mov dx, 0x3f8
out dx, al
jmp next
done: mov al, 21
out 0xf4, al
bad: hlt
message: db "booted", 10, 0`),
  );
  expect([text, status]).toEqual(["booted\n", 43]);
});

test.each([
  ["cli\nhlt", 0, /halted/],
  ["lidt [zero]\nint3\nzero: dq 0", 1, /triple fault/],
  ["xor eax, eax\nout 0xf4, al", 1, /port F4h with 0/],
  ["mov al, 0xfe\nout 0x64, al\njmp $", 1, /resets the machine again and again/],
])("%j ends with %i", async (body, status, line) => {
  const ended = await run(kernel(body));
  expect(ended.status).toBe(status);
  expect(ended.line).toMatch(line);
});

/** What stands at a multiple of 8, for LIDT. */
const table = (limit: number, gates: string) =>
  `times (8 - ($ - $$) % 8) % 8 db 0\nidt: ${gates}\ntable: dw ${limit}\ndd idt`;

test.each([
  [
    "no vector for an invalid opcode",
    `lidt [table]\nud2\n${table(0, "dq 0")}`,
    /^triple fault at 0008:[0-9A-F]{8}: invalid opcode, then general protection fault \(error 0033h\), then general protection fault \(error 006Bh\), then double fault \(error 0000h\), then general protection fault \(error 0043h\)/,
  ],
  [
    "a jump into nothing",
    `lidt [table]\nmov eax, 0xa0000000\njmp eax\n${table(0, "dq 0")}`,
    /^triple fault at 0008:A0000000, where there is no memory: invalid opcode/,
  ],
  [
    "a page fault handler that is not mapped",
    `mov dword [0x200000], 0x83
mov eax, cr4
or eax, 0x10
mov cr4, eax
lidt [table]
mov eax, 0x200000
mov cr3, eax
mov eax, cr0
or eax, 0x80000000
mov cr0, eax
mov eax, [0x12345678]
${table(0xfff, "").replace("dd idt", "dd 0xe0000000")}`,
    /: page fault \(error 0000h, address E0000040h\), then page fault .*, then double fault \(error 0000h\), then page fault/,
  ],
])("a triple fault is named: %s", async (_, body, line) => {
  expect((await run(kernel(body))).line).toMatch(line);
});

test("an entry point outside of memory is a jump into nothing", async () => {
  const image = kernel("hlt");
  new DataView(image.buffer, image.byteOffset).setUint32(28, 0x70000000, true);
  expect((await run(image)).line).toMatch(/^triple fault at 0008:70000000, where there is no memory/);
});

test("what is no kernel is refused by name", async () => {
  await expect(runMultibootKernel(new Uint8Array(5000), "")).rejects.toThrow(UsageError);
});
