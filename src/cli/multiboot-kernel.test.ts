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
])("%j ends with %i", async (body, status, line) => {
  const ended = await run(kernel(body));
  expect(ended.status).toBe(status);
  expect(ended.line).toMatch(line);
});

test("what is no kernel is refused by name", async () => {
  await expect(runMultibootKernel(new Uint8Array(5000), "")).rejects.toThrow(UsageError);
});
