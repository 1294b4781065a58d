/** Guests that look for what is not theirs, or attack their monitor. */
import { describe, expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { assemble } from "../../emulator/core/assembler/assemble.ts";
import { RESULTS, type GuestProgram } from "../guest-kernel/guest-kernel.ts";
import { INSTRUCTION_LIMIT } from "./architectures.ts";
import { BinaryTranslation } from "./binary-translation.ts";
import { HardwareAssisted } from "./hardware-assisted.ts";
import { resultWord, type Monitor } from "./monitor.ts";
import { Paravirtual } from "./paravirtual.ts";
import { TrapAndEmulate } from "./trap-and-emulate.ts";

const SECRET = 0x5ec7e700;

function program(code: string): GuestProgram {
  const { bytes, problems } = assemble(`bits 32\norg 0x1000\nmov esp, 0xb000\n${code}`);
  if (problems.length > 0) throw new Error(`${problems[0].line}: ${problems[0].message}`);
  return { image: bytes, workload: 0, iterations: 0 };
}

/** Reads the first word of each page above the guest's memory, counts the secrets, and writes over everything. */
const SEARCH = program(`
        xor esi, esi
        mov ebx, 0x100000
next:   mov eax, [ebx]
        cmp eax, ${SECRET}
        jne other
        inc esi
other:  mov [ebx], ebx
        add ebx, 0x1000
        cmp ebx, 0x900000
        jb next
        mov [${RESULTS}], esi
        mov dword [${RESULTS + 4}], 1
        out 0xf4, al
`);

const FULL: readonly (readonly [string, (guest: GuestProgram) => Monitor])[] = [
  ["trap-and-emulate", (guest) => new TrapAndEmulate(guest)],
  ["binary translation", (guest) => new BinaryTranslation(guest)],
  ["SVM with shadow paging", (guest) => new HardwareAssisted(guest, "shadow")],
  ["SVM with nested paging", (guest) => new HardwareAssisted(guest, "nested")],
];

describe.each(FULL)("under %s", (_, create) => {
  test("a guest finds no secret in the host's memory, and does not change it", () => {
    const monitor = create(SEARCH);
    const { memory } = monitor.cpu;
    // Host memory behind the guest's, as far as no monitor has anything there.
    const places = Array.from({ length: 16 }, (__, i) => 0x2f0000 + i * 0x1000);
    for (const at of places) memory.write32(at, SECRET);
    expect(monitor.run(INSTRUCTION_LIMIT)).toEqual({ type: "finished" });
    expect([resultWord(monitor, RESULTS), resultWord(monitor, RESULTS + 4)]).toEqual([0, 1]);
    for (const at of places) expect(memory.read32(at)).toBe(SECRET);
  });

  test("a guest that loads an empty IDT and faults is at its end, and the host is not", () => {
    const end = create(program("lidt [empty]\nud2\nempty: dw 0\ndd 0")).run(INSTRUCTION_LIMIT);
    expect(end.type).toBe("triple-fault");
  });

  test("a guest that executes what the monitor does not emulate is refused or told, never a host's exception", () => {
    for (const code of [
      "rep insb",
      "mov eax, [0xfee00000]\nadd [0xfee00080], eax",
      "int 0xf1",
      "mov cr4, eax",
      "db 0x0f, 0xff",
    ]) {
      expect(() => create(program(code)).run(100_000), code).not.toThrow();
    }
  });
});

/** Hypercalls from hostile hands; the answers are added up bit by bit: a 1 is a refusal. */
function askHypervisor(calls: readonly (readonly [number, number, number])[]): {
  answers: boolean[];
  end: string;
} {
  const code = calls
    .map(
      ([number, first, second], i) => `
        mov ebx, ${first}
        mov ecx, ${second}
        mov eax, ${number}
        int 0x82
        mov [${RESULTS + 16} + ${i} * 4], eax`,
    )
    .join("\n");
  const monitor = new Paravirtual(program(`${code}\nmov eax, 11\nint 0x82\noffset: dd 0`), 0xe00);
  const end = monitor.run(INSTRUCTION_LIMIT);
  return { answers: calls.map((_, i) => resultWord(monitor, RESULTS + 16 + i * 4) === -1), end: end.type };
}

describe("a hypervisor's domain", () => {
  const BASE = 0x100000;
  const TABLE = BASE + 0xf1000;
  const DIRECTORY = BASE + 0xf0000;
  const HYPERVISOR = 0x400000;
  const DOMAIN_0 = 0x200000;

  test.each([
    ["maps memory of the hypervisor", 1, TABLE + 4 * 0x50, HYPERVISOR | 3],
    ["maps memory of domain 0", 1, TABLE + 4 * 0x50, DOMAIN_0 | 3],
    ["makes its own page table writable", 1, TABLE + 4 * 0xf1, TABLE | 3],
    ["takes the hypervisor's slot", 1, DIRECTORY + 4 * 1023, 0],
    ["writes what is no page table", 1, BASE + 0x9000, 3],
    ["pins a page that is mapped writable", 6, BASE + 0x20000, 0],
    ["pins memory of domain 0", 6, DOMAIN_0, 0],
    ["loads a directory that is not pinned", 5, BASE + 0x20000, 0],
    ["unpins the directory in use", 7, DIRECTORY, 0],
    ["asks for a hypercall that there is not", 999, 0, 0],
  ])("that %s is refused", (_, number, first, second) => {
    expect(askHypervisor([[number, first, second]])).toEqual({ answers: [true], end: "finished" });
  });

  test("that maps a page of its own is allowed", () => {
    expect(askHypervisor([[1, TABLE + 4 * 0x50, (BASE + 0x50000) | 3]]).answers).toEqual([false]);
  });

  test("that writes its page table directly faults", () => {
    const monitor = new Paravirtual(program("mov dword [0xf1000], 7\nhlt"), 0xe00);
    expect(monitor.run(INSTRUCTION_LIMIT).type).toBe("triple-fault");
    expect(monitor.events.of("trap #PF true")).toBe(1);
  });
});

describe("guests of random bytes", () => {
  const ALL = [
    ...FULL,
    ["a paravirtual hypervisor", (guest: GuestProgram) => new Paravirtual(guest, 0xe00)] as const,
  ];

  test.each(ALL)("never bring an exception to the host under %s", (_, create) => {
    for (let seed = 1; seed <= 10; seed++) {
      const image = new Random(seed).bytes(2048);
      const monitor = create({ image, workload: 0, iterations: 0 });
      expect(() => monitor.run(20_000), `seed ${seed}`).not.toThrow();
    }
  });
});
