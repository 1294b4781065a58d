/** What programs seldom use of a 486 or a Pentium Pro, each by a small program (Intel SDM volumes 2 and 3). */
import { describe, expect, test } from "vitest";
import { barePc } from "../debug/bare-pc.ts";
import type { Pc, PcStop } from "../pc.ts";
import { EBX, ECX, EDI, EDX, ESI, FLAG_AC, FLAG_IF } from "./registers.ts";

const KERNEL_STACK = 0x6000;
/** Ring 3 with I/O privilege level 3. */
const USER_FLAGS = 0x3002;

/** `kernel` runs in ring 0 with tables and task register loaded, each exception ends the program with status 1. */
const frame = (kernel: string, user: string, flags: number, handlers: string) => `
bits 32
  lgdt [gdtr]
  lidt [idtr]
  mov eax, tss
  mov [gdt + 0x28 + 2], ax
  shr eax, 16
  mov [gdt + 0x28 + 4], al
  mov dword [tss + 4], ${KERNEL_STACK}
  mov dword [tss + 8], 0x10
  mov ax, 0x28
  ltr ax
  mov esp, 0x5800
${kernel}
  mov ax, 0x23
  mov ds, ax
  mov es, ax
  push 0x23
  push 0x5000
  push ${flags}
  push 0x1b
  push user
  iretd
user:
${user}
finish:
  mov al, 0
  out 0xf4, al
fault:
  mov al, 1
  out 0xf4, al
${handlers}
  align 8
data: dd 0x11223344, 0x55667788, 0x99aabbcc, 0xddeeff00
gdt:
  dq 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00cffa000000ffff, 0x00cff2000000ffff, 0x0000890000000067
  dq 0x0000890000000067
gdtr: dw $ - gdt - 1
  dd gdt
  align 8
idt:
  times 32 dw fault, 8, 0x8e00, 0
idtr: dw $ - idt - 1
  dd idt
  align 4
tss: times 102 db 0
  dw 104
`;

interface Ran {
  pc: Pc;
  r: Int32Array;
  end: PcStop;
  /** Vectors and error codes in order. */
  events: [number, number][];
  label(name: string): number;
}

function run(
  kernel: string,
  user = "",
  {
    flags = USER_FLAGS,
    handlers = "",
    during,
  }: { flags?: number; handlers?: string; during?: (pc: Pc) => void } = {},
): Ran {
  const { pc, program } = barePc(frame(kernel, user, flags, handlers));
  const events: [number, number][] = [];
  pc.cpu.watcher.observe({
    seesInstruction: () => false,
    instruction: () => false,
    seesPage: () => false,
    memory: () => {},
    port: () => {},
    event: (vector, _, error) => events.push([vector, error]),
  });
  during?.(pc);
  const end = pc.run(100_000);
  return { pc, r: pc.cpu.r, end, events, label: (name) => program.labels.get(name)! };
}

const DONE = { type: "exit", code: 0 };
const FAULTED = { type: "exit", code: 1 };

describe("alignment check", () => {
  const ON = "mov eax, cr0\nor eax, 0x40000\nmov cr0, eax";
  const AC = USER_FLAGS | FLAG_AC;
  test.each([
    ["a doubleword read", "mov eax, [data + 2]"],
    ["a word write", "mov [data + 1], ax"],
    ["a read and write", "add dword [data + 3], 1"],
    ["a push", "mov esp, 0x4ffe\npush eax"],
    ["a repeated move", "mov esi, data + 1\nmov edi, 0x9000\nmov ecx, 2\nrep movsd"],
    ["an access across pages", "mov eax, [0x8fff]"],
  ])("in ring 3 with CR0.AM and EFLAGS.AC %s that is not aligned is #AC(0)", (_, user) => {
    const { events, end } = run(ON, user, { flags: AC });
    expect([events, end]).toEqual([[[17, 0]], FAULTED]);
  });

  test("the write that faults changes nothing", () => {
    const { pc, label } = run(ON, "mov eax, -1\nmov [data + 1], eax", { flags: AC });
    expect(pc.memory.read32(label("data"))).toBe(0x11223344);
  });

  test.each([
    ["aligned accesses and bytes", ON, "mov eax, [data]\nmov al, [data + 3]\nmov ax, [data + 2]", AC],
    ["CR0.AM clear", "", "mov eax, [data + 2]", AC],
    ["EFLAGS.AC clear", ON, "mov eax, [data + 2]", USER_FLAGS],
    ["ring 0", `${ON}\npushfd\nor dword [esp], 0x40000\npopfd\nmov eax, [data + 2]`, "", USER_FLAGS],
  ])("%s: no fault", (_, kernel, user, flags) => {
    expect(run(kernel, user, { flags })).toMatchObject({ events: [], end: DONE });
  });
});

describe("CMPXCHG8B", () => {
  test("stores ECX:EBX and sets ZF where EDX:EAX is what memory holds", () => {
    const { pc, r, label } = run(
      "mov eax, 0x11223344\nmov edx, 0x55667788\nmov ebx, 1\nmov ecx, 2\nlock cmpxchg8b [data]\nsetz [data + 8]\njmp finish",
    );
    const at = label("data");
    expect([pc.memory.read32(at), pc.memory.read32(at + 4), pc.memory.read8(at + 8)]).toEqual([1, 2, 1]);
    expect([r[EBX], r[ECX]]).toEqual([1, 2]);
  });

  test("loads EDX:EAX and clears ZF where it is not", () => {
    const { pc, r, label } = run(
      "mov eax, 1\nmov edx, 0x55667788\ncmpxchg8b [data]\nsetz [data + 8]\nmov ebx, eax\njmp finish",
    );
    expect([r[EBX], r[EDX], pc.memory.read8(label("data") + 8)]).toEqual([0x11223344, 0x55667788, 0]);
  });

  test("of a register is #UD", () => {
    expect(run("db 0x0f, 0xc7, 0xc8").events).toEqual([[6, -1]]);
  });
});

describe("SYSENTER and SYSEXIT", () => {
  const MSRS = `mov ecx, 0x174
xor edx, edx
mov eax, 8
wrmsr
inc ecx
mov eax, 0x5700
wrmsr
inc ecx
mov eax, entry
wrmsr`;
  const handlers = "entry: mov ebp, cs\nmov edi, ss\nmov ebx, esp\nmov edx, back\nmov ecx, 0x4f00\nsysexit";

  test("go to the MSRs' segments, stack and entry in ring 0, and back to EDX and ECX in ring 3", () => {
    const { r, end, pc } = run(MSRS, "sysenter\nback: mov esi, cs\nmov eax, esp\nmov edx, ss", { handlers });
    expect(end).toEqual(DONE);
    expect([r[5], r[EDI], r[EBX]]).toEqual([0x08, 0x10, 0x5700]);
    expect([r[ESI], r[EDX]]).toEqual([0x1b, 0x23]);
    expect(pc.cpu.cpl).toBe(3);
  });

  test("SYSENTER clears IF", () => {
    const { pc } = run(MSRS, "sysenter", { flags: USER_FLAGS | FLAG_IF, handlers: "entry: jmp finish" });
    expect(pc.cpu.systemFlags & FLAG_IF).toBe(0);
  });

  test("with a null selector in the MSR SYSENTER is #GP(0)", () => {
    expect(run("", "sysenter").events).toEqual([[13, 0]]);
  });

  test("SYSEXIT in ring 3 is #GP(0)", () => {
    expect(run(MSRS, "sysexit", { handlers: "entry: jmp finish" }).events).toEqual([[13, 0]]);
  });
});

/** Page tables in 32-bit form: the first 4 MiB mapped to themselves for everyone, table at 101000h. */
const PAGES = `mov dword [0x100000], 0x101007
mov edi, 0x101000
mov eax, 7
mov ecx, 1024
pages: stosd
add eax, 0x1000
loop pages
mov eax, 0x100000
mov cr3, eax`;
const PAGING_ON = "mov eax, cr0\nor eax, 0x80010000\nmov cr0, eax";
const cr4 = (bits: number) => `mov eax, cr4\nor eax, ${bits}\nmov cr4, eax`;

describe("pages", () => {
  const entry = (page: number) => 0x101000 + page * 4;
  /** A translation is used, its table entry taken away, CR3 loaded, and the page read again. */
  const afterReload = (attributes: number, between = "mov eax, cr3\nmov cr3, eax") => `${PAGES}
${cr4(0x80)}
mov dword [${entry(0x200)}], 0x200000 + ${attributes}
${PAGING_ON}
mov eax, [0x200000]
mov dword [${entry(0x200)}], 0
${between}
mov eax, [0x200000]
jmp finish`;

  test("a global page stays in the TLB when CR3 is loaded, another does not", () => {
    expect(run(afterReload(0x103)).end).toEqual(DONE);
    expect(run(afterReload(0x003)).events).toEqual([[14, 0]]);
  });

  test("INVLPG and a change of CR4.PGE take a global page out of the TLB", () => {
    expect(run(afterReload(0x103, "invlpg [0x200000]")).events).toEqual([[14, 0]]);
    expect(run(afterReload(0x103, "mov eax, cr4\nxor eax, 0x80\nmov cr4, eax")).events).toEqual([[14, 0]]);
  });

  test("with CR4.PSE a directory entry maps 4 MiB, and sets its own accessed and dirty bits", () => {
    const { pc, end } = run(
      `${PAGES}\n${cr4(0x10)}\nmov dword [0x100004], 0x83\n${PAGING_ON}\nmov dword [0x400000 + 0x300008], 77\njmp finish`,
    );
    expect([end, pc.memory.read32(0x300008), pc.memory.read32(0x100004)]).toEqual([DONE, 77, 0xe3]);
  });

  test("a reserved bit in such an entry is #PF with the reserved bit's error code", () => {
    const { events, pc } = run(
      `${PAGES}\n${cr4(0x10)}\nmov dword [0x100004], 0x200083\n${PAGING_ON}\nmov eax, [0x400000]`,
    );
    expect([events, pc.cpu.cr2]).toEqual([[[14, 9]], 0x400000]);
  });

  /** PAE tables: pointer table 102000h, directory 103000h with 2 MiB pages. `high` is of the second page's entry. */
  const pae = (high: number, low = 0x200083) => `mov dword [0x102000], 0x103001
mov dword [0x103000], 0x83
mov dword [0x103008], ${low}
mov dword [0x10300c], ${high}
${cr4(0x20)}
mov eax, 0x102000
mov cr3, eax
mov ecx, 0xc0000080
rdmsr
or eax, 0x800
wrmsr
${PAGING_ON}`;

  test("with PAE, 2 MiB pages of 64-bit entries are used", () => {
    const { pc, end } = run(`${pae(0)}\nmov dword [0x200004], 99\njmp finish`);
    expect([end, pc.memory.read32(0x200004), pc.memory.read32(0x103008)]).toEqual([DONE, 99, 0x2000e3]);
  });

  test("a page with NX may be read but not executed: #PF with the fetch bit", () => {
    const { events, pc } = run(`${pae(0x80000000)}\nmov eax, [0x200000]\nmov eax, 0x200010\njmp eax`);
    expect([events, pc.cpu.cr2]).toEqual([[[14, 0x11]], 0x200010]);
  });

  test("address bits beyond 36 are reserved in a PAE entry", () => {
    expect(run(`${pae(0x100)}\nmov eax, [0x200000]`).events).toEqual([[14, 9]]);
  });

  test("a reserved bit in a PAE directory pointer is #GP when CR3 is loaded", () => {
    expect(run(`${pae(0)}\nmov dword [0x102008], 0x21\nmov eax, 0x102000\nmov cr3, eax`).events).toEqual([
      [13, 0],
    ]);
  });
});

describe("model-specific registers", () => {
  test.each([
    ["PAT", 0x277],
    ["MTRRphysBase0", 0x200],
    ["MTRRphysMask7", 0x20f],
    ["MTRRfix64K_00000", 0x250],
    ["MTRRdefType", 0x2ff],
  ])("%s holds what is written", (_, number) => {
    const { r } = run(`mov ecx, ${number}\nmov eax, 0x00070406\nmov edx, 0x06060606\nwrmsr
xor eax, eax\nxor edx, edx\nrdmsr\nmov ebx, eax\njmp finish`);
    expect([r[EBX], r[EDX]]).toEqual([0x00070406, 0x06060606]);
  });

  test.each([2, 3, 8])("memory type %i in the PAT is #GP(0)", (type) => {
    const body = `mov ecx, 0x277\nmov eax, 0x00070406\nmov edx, ${type} << 16\nwrmsr`;
    expect(run(body).events).toEqual([[13, 0]]);
  });

  test("MTRRcap names eight variable ranges, and the PAT begins as at reset", () => {
    const { r } = run("mov ecx, 0xfe\nrdmsr\nmov ebx, eax\nmov ecx, 0x277\nrdmsr\nmov esi, eax\njmp finish");
    expect([r[EBX] & 0xff, r[ESI], r[EDX]]).toEqual([8, 0x00070406, 0x00070406]);
  });

  test("an unknown one is #GP(0), as is any in ring 3", () => {
    expect(run("mov ecx, 0x12345\nrdmsr").events).toEqual([[13, 0]]);
    expect(run("", "mov ecx, 0x277\nrdmsr").events).toEqual([[13, 0]]);
  });

  test("reserved bits of CR4 are #GP(0)", () => {
    expect(run(cr4(0x8000)).events).toEqual([[13, 0]]);
  });
});

test("a switch to a task with the T bit is #DB with DR6.BT, in front of its first instruction", () => {
  const { events, pc, label } = run(
    `nop
mov eax, other
mov [gdt + 0x30 + 2], ax
shr eax, 16
mov [gdt + 0x30 + 4], al
jmp 0x30:0`,
    "",
    {
      handlers: `begin: jmp finish
  align 4
other: times 32 db 0
  dd begin, 2, 0, 0, 0, 0, 0x5000, 0, 0, 0, 0x10, 8, 0x10, 0x10, 0, 0, 0
  dw 1, 104`,
    },
  );
  expect(events).toEqual([[1, -1]]);
  expect(pc.cpu.dr[6] & 0x8000).toBe(0x8000);
  expect(pc.memory.read32(0x5000 - 12)).toBe(label("begin"));
});

test("a fault in the new task has that task's EIP: an entry beyond its code segment", () => {
  const { events, pc } = run(
    `mov word [gdt + 8], 0x7fff
mov byte [gdt + 14], 0x40
mov eax, other
mov [gdt + 0x30 + 2], ax
shr eax, 16
mov [gdt + 0x30 + 4], al
jmp 0x30:0`,
    "",
    {
      handlers: `  align 4
other: times 32 db 0
  dd 0x9000, 2, 0, 0, 0, 0, 0x5000, 0, 0, 0, 0x10, 8, 0x10, 0x10, 0, 0, 0
  dw 0, 104`,
    },
  );
  expect(events).toEqual([[13, 0]]);
  expect(pc.memory.read32(0x5000 - 12)).toBe(0x9000);
});

describe("NMI", () => {
  const COUNT = "nmi: inc ebx\ncmp ebx, 1\njne out\nmov ecx, 50\nwait: loop wait\nmov esi, ebx\nout: iretd";
  const VECTOR = "mov eax, nmi\nmov [idt + 16], ax\nxor ebx, ebx";

  test("is taken with IF clear, and another one waits for IRET", () => {
    const { r, end } = run(`${VECTOR}\nmov edx, 1\nagain: cmp ebx, 2\njne again\njmp finish`, "", {
      handlers: COUNT,
      during: (pc) => {
        pc.run(40);
        pc.cpu.raiseNmi();
        pc.run(20);
        expect(pc.cpu.r[EBX]).toBe(1);
        pc.cpu.raiseNmi();
        pc.run(10);
        expect(pc.cpu.r[EBX]).toBe(1);
      },
    });
    expect([end, r[EBX], r[ESI]]).toEqual([DONE, 2, 1]);
  });

  test("wakes HLT although interrupts are off", () => {
    const { end, r } = run(`${VECTOR}\ncli\nhlt\njmp finish`, "", {
      handlers: COUNT,
      during: (pc) => {
        expect(pc.run(1000)).toEqual({ type: "halted" });
        pc.cpu.raiseNmi();
      },
    });
    expect([end, r[EBX]]).toEqual([DONE, 1]);
  });
});

describe("the interrupt shadow", () => {
  /** An interrupt line that is always up: how many instructions behind `body` are executed before it is taken. */
  const taken = (body: string) => {
    const { r } = run(
      `mov eax, irq\nmov [idt + 8 * 13], ax\nmov bx, 0x10\nxor ecx, ecx\n${body}\ninc ecx\ninc ecx\ninc ecx\njmp finish`,
      "",
      {
        handlers: "irq: mov edx, ecx\njmp finish",
        during: ({ cpu }) => {
          cpu.interruptController = { acknowledge: () => 13 };
          cpu.raiseInterruptLine(true);
        },
      },
    );
    return r[EDX];
  };
  test("STI lets one more instruction pass", () => {
    expect(taken("sti")).toBe(1);
  });

  test("POPF lets none pass", () => {
    expect(taken("push 0x202\npopfd")).toBe(0);
  });

  test("MOV SS lets one more instruction pass", () => {
    expect(taken("push 0x202\nmov edx, 0x5600\npopfd")).toBe(0);
    expect(taken("sti\nmov ss, bx")).toBe(1);
  });

  test("STI behind STI makes it no longer", () => {
    expect(taken("sti\nsti")).toBe(0);
  });
});

test("a repeated move that faults in the middle goes on where it was", () => {
  const handlers = `absent: pushad
mov [0x9100], ecx
mov [0x9104], esi
mov [0x9108], edi
mov eax, [esp + 36]
mov [0x910c], eax
mov dword [0x101000 + 0x202 * 4], 0x202003
popad
add esp, 4
iretd`;
  const { pc, end, events, label } = run(
    `${PAGES}
mov eax, absent
mov [idt + 8 * 14], ax
mov dword [0x101000 + 0x202 * 4], 0
${PAGING_ON}
mov esi, 0x201000
mov edi, 0x300000
mov dword [0x201ffc], 0xaaaaaaaa
mov ecx, 2000
here: rep movsd
jmp finish`,
    "",
    { handlers },
  );
  expect([end, events]).toEqual([DONE, [[14, 0]]]);
  const saved = [0, 4, 8, 12].map((offset) => pc.memory.read32(0x9100 + offset));
  expect(saved).toEqual([2000 - 1024, 0x202000, 0x301000, label("here")]);
  expect([pc.cpu.r[ECX], pc.cpu.r[ESI], pc.cpu.r[EDI]]).toEqual([0, 0x201000 + 8000, 0x300000 + 8000]);
  expect(pc.memory.read32(0x300ffc) >>> 0).toBe(0xaaaaaaaa);
});
