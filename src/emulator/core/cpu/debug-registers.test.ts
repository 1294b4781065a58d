/** Debug registers, trap flag and resume flag, by programs that count their #DB in memory (SDM volume 3 §17). */
import { describe, expect, test } from "vitest";
import { barePc } from "../debug/bare-pc.ts";

/** Flat 32-bit program with a #DB handler that adds DR6 to a list at 9000h and clears it. EDI ends behind the list. */
const FRAME = (body: string, handler = "") => `
bits 32
  mov edi, 0x9000
  lidt [idtr]
  xor eax, eax
  mov dr6, eax
${body}
done:
  mov al, 0
  out 0xf4, al
debug:
  push eax
  mov eax, dr6
  stosd
  mov eax, [esp + 4]
  stosd
  mov eax, [esp + 12]
  stosd
  xor eax, eax
  mov dr6, eax
${handler}
  pop eax
  iretd
align 8
idt: dq 0
  dw debug, 8, 0x8e00, 0
idtr: dw $ - idt - 1
  dd idt
align 4
data: dd 0, 0
`;

interface Hit {
  dr6: number;
  eip: number;
  flags: number;
}

function hits(source: string): { found: Hit[]; label: (name: string) => number } {
  const { pc, program } = barePc(source);
  expect(pc.run(10_000)).toEqual({ type: "exit", code: 0 });
  const found: Hit[] = [];
  for (let at = 0x9000; at < pc.cpu.r[7]; at += 12) {
    const word = (offset: number) => pc.memory.read32(at + offset) >>> 0;
    found.push({ dr6: word(0) & 0xe00f, eip: word(4), flags: word(8) });
  }
  return { found, label: (name) => program.labels.get(name)! };
}

const RF = 0x10000;

describe("debug registers", () => {
  test("an instruction breakpoint faults in front of it, once, with RF in the saved flags", () => {
    const { found, label } = hits(
      FRAME("mov eax, here\n mov dr0, eax\n mov eax, 1\n mov dr7, eax\n nop\nhere: inc edx\n nop"),
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ dr6: 1, eip: label("here") });
    expect(found[0].flags & RF).toBe(RF);
  });

  test("it stops each time round a loop", () => {
    const { found } = hits(
      FRAME("mov eax, here\n mov dr3, eax\n mov eax, 0x40\n mov dr7, eax\n mov ecx, 3\nhere: loop here"),
    );
    expect(found.map(({ dr6 }) => dr6)).toEqual([8, 8, 8]);
  });

  test("a write breakpoint traps behind the instruction and does not see reads", () => {
    const { found, label } = hits(
      FRAME(
        "mov eax, data\n mov dr1, eax\n mov eax, 0xd00004\n mov dr7, eax\n mov eax, [data]\n mov byte [data + 3], 1\nbehind: mov byte [data + 4], 1",
      ),
    );
    expect(found).toEqual([{ dr6: 2, eip: label("behind"), flags: expect.any(Number) as number }]);
    expect(found[0].flags & RF).toBe(0);
  });

  test("a read or write breakpoint sees both, of the length it has", () => {
    const { found } = hits(
      FRAME(
        "mov eax, data\n mov dr0, eax\n mov eax, 0x70001\n mov dr7, eax\n mov al, [data + 1]\n mov [data], eax\n mov al, [data + 2]\n push dword [data - 2]",
      ),
    );
    expect(found.map(({ dr6 }) => dr6)).toEqual([1, 1, 1]);
  });

  test("a port breakpoint needs CR4.DE", () => {
    const body = (de: string) =>
      FRAME(
        `${de}\n mov eax, 0x80\n mov dr2, eax\n mov eax, 0x02000010\n mov dr7, eax\n out 0x80, al\n out 0x81, al`,
      );
    expect(hits(body("mov eax, 8\n mov cr4, eax")).found.map(({ dr6 }) => dr6)).toEqual([4]);
    expect(hits(body("")).found).toEqual([]);
  });

  test("a disabled breakpoint does nothing", () => {
    const { found } = hits(FRAME("mov eax, here\n mov dr0, eax\n mov eax, 0\n mov dr7, eax\nhere: nop"));
    expect(found).toEqual([]);
  });

  test("general detect faults in front of a move to a debug register", () => {
    const { found, label } = hits(
      FRAME("mov eax, 0x2000\n mov dr7, eax\nhere: mov eax, dr0\n mov eax, dr0", ""),
    );
    expect(found.map(({ dr6, eip }) => [dr6, eip])).toEqual([[0x2000, label("here")]]);
  });

  test("the trap flag traps behind each instruction, until it is cleared", () => {
    const { found, label } = hits(
      FRAME(
        "pushfd\n or dword [esp], 0x100\n popfd\n nop\na: inc edx\nb: pushfd\nc: and dword [esp], ~0x100\nd: popfd\ne: nop",
      ),
    );
    expect(found.map(({ eip }) => eip)).toEqual(["a", "b", "c", "d", "e"].map(label));
    expect(found.every(({ dr6 }) => dr6 === 0x4000)).toBe(true);
  });

  test("RF lasts for one instruction after IRET, not longer", () => {
    const { found, label } = hits(
      FRAME(
        "mov eax, here\n mov dr0, eax\n mov eax, 1\n mov dr7, eax\n pushfd\n or dword [esp], 0x10000\n push cs\n push before\n iretd\nbefore: nop\nhere: nop",
      ),
    );
    expect(found.map(({ eip }) => eip)).toEqual([label("here")]);
  });
});
