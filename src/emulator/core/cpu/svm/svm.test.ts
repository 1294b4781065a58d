/** SVM by small machine programs: a flat protected-mode host at 1000h enters a guest at 8000h. */
import { describe, expect, test } from "vitest";
import { INSTRUCTION_SET } from "../../instructions/instruction-set.ts";
import { Bus } from "../../memory/bus.ts";
import { PhysicalMemory } from "../../memory/physical-memory.ts";
import { Cpu, type StopReason } from "../cpu.ts";
import { DEFAULT_CPU_MODEL } from "../cpuid.ts";
import { CR0_PE, CS, DS, EAX, EBX, ECX, EDI, EFER_SVME, EIP, ES, ESP, FLAG_IF, SS } from "../registers.ts";
import { setSegment } from "../segmentation.ts";
import { SVM_NESTED_PAGING, SVM_NRIP_SAVE, SVM_OFFER } from "./features.ts";
import * as vmcb from "./vmcb.ts";

const VMCB = 0x10000;
const HOST_SAVE = 0x11000;
const IO_MAP = 0x12000;
const MSR_MAP = 0x15000;
const GUEST = 0x8000;
const HOST = 0x1000;
const NESTED_TABLES = 0x20000;

const hex = (text: string) => Uint8Array.from(text.trim().split(/\s+/), (byte) => Number.parseInt(byte, 16));

const FLAT_CODE = 0xc9b;
const FLAT_DATA = 0xc93;

interface Setup {
  /** The guest's code at 8000h: 32-bit flat, or 16-bit with base 0 where `real` is set. */
  guest: string;
  real?: boolean;
  features?: number;
  /** Exit codes below 100h whose intercept is on; VMRUN's always is. */
  intercepts?: number[];
  prepare?: (machine: Machine) => void;
  /** The host's code behind VMRUN. */
  host?: string;
}

class Machine {
  readonly memory = new PhysicalMemory(4 << 20);
  readonly cpu: Cpu;

  constructor(features: number) {
    const model = { ...DEFAULT_CPU_MODEL, svm: { ...SVM_OFFER, features } };
    this.cpu = new Cpu(new Bus(this.memory), INSTRUCTION_SET, model);
  }

  field(offset: number): number {
    return this.memory.read32(VMCB + offset);
  }

  set(offset: number, value: number): void {
    this.memory.write32(VMCB + offset, value);
  }

  intercept(code: number, on = true): void {
    const at = vmcb.VMCB_INTERCEPTS + 4 * (code >> 5);
    const bit = 1 << (code & 31);
    this.set(at, on ? this.field(at) | bit : this.field(at) & ~bit);
  }

  segment(offset: number, selector: number, attributes: number, limit = -1, base = 0): void {
    this.set(offset, selector | (attributes << 16));
    this.set(offset + 4, limit);
    this.set(offset + 8, base);
  }

  exit(): string {
    return vmcb.exitName(this.field(vmcb.VMCB_EXITCODE)).svm;
  }
}

/** Enters the guest once; what ends is the host's HLT behind VMRUN. */
function run({ guest, real = false, features = 0, intercepts = [], prepare, host = "f4" }: Setup) {
  const machine = new Machine(features);
  const { cpu, memory } = machine;
  cpu.cr0 |= CR0_PE;
  setSegment(cpu, CS, 8, 0, 0xffffffff, 0xc09b00);
  for (const segment of [SS, DS, ES]) setSegment(cpu, segment, 16, 0, 0xffffffff, 0xc09300);
  cpu.efer = EFER_SVME;
  cpu.svm.hostSave = HOST_SAVE;
  cpu.r[EAX] = VMCB;
  cpu.r[ESP] = 0x7000;
  cpu.r[EIP] = HOST;
  memory.load(HOST, hex(`0f 01 d8 ${host}`));
  memory.load(GUEST, hex(guest));
  for (const code of [vmcb.EXIT_VMRUN, ...intercepts]) machine.intercept(code);
  machine.set(vmcb.VMCB_IOPM_BASE, IO_MAP);
  machine.set(vmcb.VMCB_MSRPM_BASE, MSR_MAP);
  machine.set(vmcb.VMCB_ASID, 1);
  machine.set(vmcb.VMCB_EFER, EFER_SVME);
  machine.set(vmcb.VMCB_CR0, real ? 0x10 : 0x11);
  machine.set(vmcb.VMCB_DR7, 0x400);
  machine.set(vmcb.VMCB_DR6, 0xffff0ff0);
  machine.set(vmcb.VMCB_RFLAGS, 2);
  machine.set(vmcb.VMCB_RIP, GUEST);
  machine.set(vmcb.VMCB_RSP, 0x9000);
  machine.set(vmcb.VMCB_RAX, 0x1234);
  for (const offset of [0x400, 0x420, 0x430]) {
    if (real) machine.segment(offset, 0, 0x93, 0xffff);
    else machine.segment(offset, 16, FLAT_DATA);
  }
  if (real) machine.segment(0x410, 0, 0x9b, 0xffff);
  else machine.segment(0x410, 8, FLAT_CODE);
  machine.segment(vmcb.VMCB_GDTR, 0, 0, 0xffff);
  machine.segment(vmcb.VMCB_IDTR, 0, 0, 0x3ff);
  prepare?.(machine);
  const end: StopReason = cpu.run(20_000);
  return { machine, cpu, memory, end };
}

const { EXIT_HLT } = vmcb;

describe("VMRUN and #VMEXIT", () => {
  test("a guest runs until an intercepted instruction, with EIP in front of it", () => {
    // mov ebx, 55h; hlt
    const { machine, cpu, end } = run({ guest: "bb 55 00 00 00 f4", intercepts: [EXIT_HLT] });
    expect(end).toBe("halted");
    expect(machine.exit()).toBe("HLT");
    expect(machine.field(vmcb.VMCB_RIP)).toBe(GUEST + 5);
    expect(cpu.r[EBX]).toBe(0x55);
  });

  test("the host goes on behind VMRUN with its own registers", () => {
    const { cpu } = run({
      guest: "b8 99 00 00 00 bc 00 00 00 00 f4",
      intercepts: [EXIT_HLT],
      host: "90 90 f4",
    });
    expect(cpu.r[EIP]).toBe(HOST + 6);
    expect(cpu.r[EAX]).toBe(VMCB);
    expect(cpu.r[ESP]).toBe(0x7000);
    expect(cpu.guest).toBeNull();
  });

  test("the guest's RAX, RSP and flags are in its VMCB", () => {
    // xor ebx, ebx; mov eax, 99h; mov esp, 8888h; hlt
    const { machine } = run({ guest: "31 db b8 99 00 00 00 bc 88 88 00 00 f4", intercepts: [EXIT_HLT] });
    expect(machine.field(vmcb.VMCB_RAX)).toBe(0x99);
    expect(machine.field(vmcb.VMCB_RSP)).toBe(0x8888);
    expect(machine.field(vmcb.VMCB_RFLAGS)).toBe(0x46);
  });

  test("RF that the guest is entered with lasts for one instruction", () => {
    // nop; hlt
    const { machine } = run({
      guest: "90 f4",
      intercepts: [EXIT_HLT],
      prepare: (m) => m.set(vmcb.VMCB_RFLAGS, 0x10002),
    });
    expect(machine.field(vmcb.VMCB_RFLAGS)).toBe(2);
  });

  test("real mode with paging, which only VMRUN can enter, translates addresses", () => {
    // mov byte [9100h], 77h; hlt, with page 9 at 40000h
    const { memory, machine } = run({
      guest: "c6 06 00 91 77 f4",
      real: true,
      intercepts: [EXIT_HLT],
      prepare: (m) => {
        m.memory.write32(0x30000, 0x31007);
        for (let i = 0; i < 1024; i++) m.memory.write32(0x31000 + i * 4, (i << 12) | 7);
        m.memory.write32(0x31000 + 9 * 4, 0x40007);
        m.set(vmcb.VMCB_CR0, 0x80000010 | 0);
        m.set(vmcb.VMCB_CR3, 0x30000);
      },
    });
    expect(machine.exit()).toBe("HLT");
    expect(memory.read8(0x40100)).toBe(0x77);
  });

  test("a real-mode guest writes through CS", () => {
    // mov byte cs:[8100h], 77h; hlt
    const { memory } = run({ guest: "2e c6 06 00 81 77 f4", real: true, intercepts: [EXIT_HLT] });
    expect(memory.read8(0x8100)).toBe(0x77);
  });

  test("GIF is clear after an exit: an interrupt waits for STGI", () => {
    const { cpu } = run({
      guest: "f4",
      intercepts: [EXIT_HLT],
      prepare: ({ cpu: processor }) => {
        processor.systemFlags |= FLAG_IF;
        processor.interruptController = {
          acknowledge: () => {
            processor.raiseInterruptLine(false);
            return 0x40;
          },
        };
      },
      host: "90 f4",
    });
    expect(cpu.svm.globalInterruptFlag).toBe(false);
    cpu.raiseInterruptLine(true);
    expect(cpu.run(5)).toBe("halted");
  });

  test.each([
    ["HLT", "f4", vmcb.EXIT_HLT],
    ["CPUID", "0f a2", vmcb.EXIT_CPUID],
    ["RDTSC", "0f 31", vmcb.EXIT_RDTSC],
    ["RDPMC", "0f 33", vmcb.EXIT_RDPMC],
    ["PUSHF", "9c", vmcb.EXIT_PUSHF],
    ["POPF", "9d", vmcb.EXIT_POPF],
    ["IRET", "cf", vmcb.EXIT_IRET],
    ["SWINT", "cd 80", vmcb.EXIT_SWINT],
    ["INVD", "0f 08", vmcb.EXIT_INVD],
    ["WBINVD", "0f 09", vmcb.EXIT_WBINVD],
    ["PAUSE", "f3 90", vmcb.EXIT_PAUSE],
    ["INVLPG", "0f 01 38", vmcb.EXIT_INVLPG],
    ["INVLPGA", "0f 01 df", vmcb.EXIT_INVLPGA],
    ["ICEBP", "f1", vmcb.EXIT_ICEBP],
    ["VMRUN", "0f 01 d8", vmcb.EXIT_VMRUN],
    ["VMMCALL", "0f 01 d9", vmcb.EXIT_VMMCALL],
    ["VMLOAD", "0f 01 da", vmcb.EXIT_VMLOAD],
    ["VMSAVE", "0f 01 db", vmcb.EXIT_VMSAVE],
    ["STGI", "0f 01 dc", vmcb.EXIT_STGI],
    ["CLGI", "0f 01 dd", vmcb.EXIT_CLGI],
    ["SKINIT", "0f 01 de", vmcb.EXIT_SKINIT],
    ["GDTR_READ", "0f 01 05 00 90 00 00", vmcb.EXIT_GDTR_READ],
    ["IDTR_READ", "0f 01 0d 00 90 00 00", vmcb.EXIT_IDTR_READ],
    ["GDTR_WRITE", "0f 01 15 00 90 00 00", vmcb.EXIT_GDTR_WRITE],
    ["IDTR_WRITE", "0f 01 1d 00 90 00 00", vmcb.EXIT_IDTR_WRITE],
    ["LDTR_READ", "0f 00 c0", vmcb.EXIT_LDTR_READ],
    ["TR_READ", "0f 00 c8", vmcb.EXIT_TR_READ],
    ["LDTR_WRITE", "0f 00 d0", vmcb.EXIT_LDTR_WRITE],
    ["TR_WRITE", "0f 00 d8", vmcb.EXIT_TR_WRITE],
    ["CR0_READ", "0f 20 c0", vmcb.EXIT_CR_READ],
    ["CR3_READ", "0f 20 d8", vmcb.EXIT_CR_READ + 3],
    ["CR0_WRITE", "0f 22 c0", vmcb.EXIT_CR_WRITE],
    ["CR4_WRITE", "0f 22 e0", vmcb.EXIT_CR_WRITE + 4],
    ["CR0_WRITE", "0f 06", vmcb.EXIT_CR_WRITE],
    ["CR0_READ", "0f 01 e0", vmcb.EXIT_CR_READ],
    ["DR7_READ", "0f 21 f8", vmcb.EXIT_DR_READ + 7],
    ["DR0_WRITE", "0f 23 c0", vmcb.EXIT_DR_WRITE],
  ])("%s leaves the guest where it is intercepted (%s)", (name, code, intercept) => {
    const { machine } = run({ guest: code, intercepts: [intercept] });
    expect(machine.exit()).toBe(name);
    expect(machine.field(vmcb.VMCB_RIP)).toBe(GUEST);
  });

  test("CR0_SEL_WRITE is taken for what changes more than TS and MP", () => {
    // mov eax, cr0; or al, 8; mov cr0, eax; or eax, 10000h; mov cr0, eax
    const guest = "0f 20 c0 0c 08 0f 22 c0 0d 00 00 01 00 0f 22 c0";
    const { machine } = run({ guest, intercepts: [vmcb.EXIT_CR0_SEL_WRITE] });
    expect(machine.exit()).toBe("CR0_SEL_WRITE");
    expect(machine.field(vmcb.VMCB_RIP)).toBe(GUEST + 13);
    expect(machine.field(vmcb.VMCB_CR0) & 8).toBe(8);
  });

  test("NRIP names the next instruction where the processor offers it", () => {
    const setup = { guest: "0f a2", intercepts: [vmcb.EXIT_CPUID] };
    expect(run({ ...setup, features: SVM_NRIP_SAVE }).machine.field(vmcb.VMCB_NRIP)).toBe(GUEST + 2);
    expect(run(setup).machine.field(vmcb.VMCB_NRIP)).toBe(0);
  });
});

describe("an unfit VMCB", () => {
  test.each<[string, (machine: Machine) => void]>([
    ["EFER.SVME clear", (m) => m.set(vmcb.VMCB_EFER, 0)],
    ["a reserved bit of EFER", (m) => m.set(vmcb.VMCB_EFER, EFER_SVME | 2)],
    ["CR0.NW without CD", (m) => m.set(vmcb.VMCB_CR0, 0x20000011)],
    ["CR0 above 32 bits", (m) => m.set(vmcb.VMCB_CR0 + 4, 1)],
    ["a reserved bit of CR4", (m) => m.set(vmcb.VMCB_CR4, 1 << 20)],
    ["DR6 above 32 bits", (m) => m.set(vmcb.VMCB_DR6 + 4, 1)],
    ["DR7 above 32 bits", (m) => m.set(vmcb.VMCB_DR7 + 4, 1)],
    ["VMRUN not intercepted", (m) => m.intercept(vmcb.EXIT_VMRUN, false)],
    ["ASID 0", (m) => m.set(vmcb.VMCB_ASID, 0)],
    ["an ASID beyond those offered", (m) => m.set(vmcb.VMCB_ASID, SVM_OFFER.asids)],
    ["an I/O map beyond memory's end", (m) => m.set(vmcb.VMCB_IOPM_BASE, -1)],
    ["an MSR map above 4 GiB", (m) => m.set(vmcb.VMCB_MSRPM_BASE + 4, 1)],
    ["an event of a reserved type", (m) => m.set(vmcb.VMCB_EVENTINJ, vmcb.EVENT_VALID | (1 << 8))],
    ["an exception with vector 2", (m) => m.set(vmcb.VMCB_EVENTINJ, vmcb.EVENT_VALID | (3 << 8) | 2)],
    [
      "every bit set",
      (m) => {
        for (let at = 0; at < 4096; at += 4) m.set(at, -1);
      },
    ],
  ])("%s: INVALID, and the guest runs no instruction", (_, prepare) => {
    const { machine, end } = run({ guest: "c6 05 00 81 00 00 01 f4", prepare });
    expect(end).toBe("halted");
    expect(machine.exit()).toBe("INVALID");
    expect(machine.memory.read8(0x8100)).toBe(0);
  });
});

describe("exceptions and events", () => {
  test("an intercepted exception leaves with its error code", () => {
    // mov ax, 0f8h; mov ds, ax: beyond the table's limit
    const { machine } = run({
      guest: "66 b8 f8 00 8e d8",
      intercepts: [vmcb.EXIT_EXCEPTION + 13],
      prepare: (m) => m.segment(vmcb.VMCB_GDTR, 0, 0, 0x2f, 0x3000),
    });
    expect(machine.exit()).toBe("EXCP13");
    expect(machine.field(vmcb.VMCB_EXITINFO1)).toBe(0xf8);
    expect(machine.field(vmcb.VMCB_RIP)).toBe(GUEST + 4);
  });

  test("an intercepted page fault tells its address and leaves CR2 alone", () => {
    const { machine } = run({
      guest: "a1 00 50 40 00",
      intercepts: [vmcb.EXIT_EXCEPTION + 14],
      prepare: (m) => {
        m.memory.write32(0x30000, 0x31007);
        for (let i = 0; i < 1024; i++) m.memory.write32(0x31000 + i * 4, (i << 12) | 7);
        m.set(vmcb.VMCB_CR0, 0x80000011 | 0);
        m.set(vmcb.VMCB_CR3, 0x30000);
        m.set(vmcb.VMCB_CR2, 0x77);
      },
    });
    expect(machine.exit()).toBe("EXCP14");
    expect(machine.field(vmcb.VMCB_EXITINFO2)).toBe(0x405000);
    expect(machine.field(vmcb.VMCB_CR2)).toBe(0x77);
  });

  test("an injected interrupt is delivered before the first instruction", () => {
    const { machine } = run({
      guest: "b3 01 f4",
      real: true,
      intercepts: [EXIT_HLT],
      prepare: (m) => {
        m.set(vmcb.VMCB_EVENTINJ, vmcb.EVENT_VALID | 0x21);
        m.memory.write32(0x21 * 4, 0x8200);
        m.memory.load(0x8200, hex("f4"));
      },
    });
    expect(machine.field(vmcb.VMCB_RIP)).toBe(0x8200);
    expect(machine.field(vmcb.VMCB_EVENTINJ)).toBe(0x21);
  });

  test("a fault of the delivery tells the event in EXITINTINFO", () => {
    const { machine } = run({
      guest: "f4",
      intercepts: [vmcb.EXIT_EXCEPTION + 13],
      prepare: (m) => {
        m.set(vmcb.VMCB_EVENTINJ, vmcb.EVENT_VALID | 0x21);
        m.segment(vmcb.VMCB_IDTR, 0, 0, 7);
      },
    });
    expect(machine.exit()).toBe("EXCP13");
    expect(machine.field(vmcb.VMCB_EXITINTINFO)).toBe(vmcb.EVENT_VALID | 0x21);
  });

  test("a physical interrupt leaves the guest where INTR is intercepted, by the host's flag under V_INTR_MASKING", () => {
    const { machine } = run({
      guest: "eb fe",
      intercepts: [0x60],
      prepare: (m) => {
        m.set(vmcb.VMCB_VINTR, vmcb.V_INTR_MASKING);
        m.cpu.systemFlags |= FLAG_IF;
        m.cpu.attend(0);
        m.cpu.run(0);
        // The line rises once the guest runs.
        const { enter } = m.cpu.svm;
        m.cpu.svm.enter = (...where) => {
          enter.apply(m.cpu.svm, where);
          m.cpu.raiseInterruptLine(true);
        };
      },
    });
    expect(machine.exit()).toBe("INTR");
    expect(machine.field(vmcb.VMCB_RIP)).toBe(GUEST);
  });

  test("a virtual interrupt is taken when the guest sets IF", () => {
    const { machine } = run({
      guest: "90 90 fb 90 90 eb fe",
      real: true,
      intercepts: [EXIT_HLT],
      prepare: (m) => {
        m.set(vmcb.VMCB_VINTR, vmcb.V_IRQ | vmcb.V_IGN_TPR);
        m.set(vmcb.VMCB_VINTR_VECTOR, 0x30);
        m.memory.write32(0x30 * 4, 0x8200);
        m.memory.load(0x8200, hex("f4"));
      },
    });
    expect(machine.field(vmcb.VMCB_RIP)).toBe(0x8200);
    expect(machine.field(vmcb.VMCB_VINTR) & vmcb.V_IRQ).toBe(0);
    // The handler's frame: STI's shadow covers the NOP behind it.
    expect(machine.memory.read16(0x8ffa)).toBe(GUEST + 4);
  });

  test("VINTR opens a window for the monitor instead", () => {
    const { machine } = run({
      guest: "fb 90 90 eb fe",
      real: true,
      intercepts: [vmcb.EXIT_VINTR],
      prepare: (m) => {
        m.set(vmcb.VMCB_VINTR, vmcb.V_IRQ | vmcb.V_IGN_TPR);
        m.set(vmcb.VMCB_VINTR_VECTOR, 0x30);
      },
    });
    expect(machine.exit()).toBe("VINTR");
    expect(machine.field(vmcb.VMCB_VINTR) & vmcb.V_IRQ).toBe(vmcb.V_IRQ);
  });

  test("a triple fault leaves with SHUTDOWN", () => {
    const { machine } = run({
      guest: "0f 0b",
      intercepts: [vmcb.EXIT_SHUTDOWN],
      prepare: (m) => m.segment(vmcb.VMCB_IDTR, 0, 0, 0),
    });
    expect(machine.exit()).toBe("SHUTDOWN");
  });
});

describe("ports and model-specific registers", () => {
  const withPort = (port: number) => (m: Machine) => m.memory.write8(IO_MAP + (port >> 3), 1 << (port & 7));

  test("a port whose bit is set leaves with direction, size, port and the next instruction", () => {
    // mov dx, 3f8h; out dx, al
    const { machine } = run({
      guest: "66 ba f8 03 ee",
      intercepts: [vmcb.EXIT_IOIO],
      prepare: withPort(0x3f8),
    });
    expect(machine.exit()).toBe("IOIO");
    expect(machine.field(vmcb.VMCB_EXITINFO1)).toBe((0x3f8 << 16) | 0x100 | 0x10);
    expect(machine.field(vmcb.VMCB_EXITINFO2)).toBe(GUEST + 5);
  });

  test("an access that only touches the port's bit with its last byte leaves too", () => {
    // mov dx, 3f5h; in eax, dx
    const { machine } = run({
      guest: "66 ba f5 03 ed",
      intercepts: [vmcb.EXIT_IOIO],
      prepare: withPort(0x3f8),
    });
    expect(machine.field(vmcb.VMCB_EXITINFO1)).toBe((0x3f5 << 16) | 0x100 | 0x40 | 1);
  });

  test("REP OUTSB says that it is a repeated string", () => {
    const { machine } = run({
      guest: "b9 05 00 00 00 66 ba f8 03 f3 6e",
      intercepts: [vmcb.EXIT_IOIO],
      prepare: withPort(0x3f8),
    });
    expect(machine.field(vmcb.VMCB_EXITINFO1)).toBe((0x3f8 << 16) | 0x100 | 0x10 | 8 | 4);
  });

  test("a port whose bit is clear is reached", () => {
    const { machine } = run({ guest: "66 ba f8 03 ee f4", intercepts: [vmcb.EXIT_IOIO, EXIT_HLT] });
    expect(machine.exit()).toBe("HLT");
  });

  test.each([
    ["b9 74 01 00 00 0f 30", 0x174, 1],
    ["b9 80 00 00 c0 0f 32", 0xc0000080, 0],
    ["b9 14 01 01 c0 0f 32", 0xc0010114, 0],
  ])("%s leaves by the bit of the MSR map", (guest, msr, write) => {
    const range = msr < 0x2000 ? 0 : msr < 0xc0010000 ? 1 : 2;
    const bit = (msr & 0x1fff) * 2 + write;
    const at = MSR_MAP + range * 0x800 + (bit >> 3);
    const { machine } = run({
      guest,
      intercepts: [vmcb.EXIT_MSR],
      prepare: (m) => m.memory.write8(at, 1 << (bit & 7)),
    });
    expect(machine.exit()).toBe("MSR");
    expect(machine.field(vmcb.VMCB_EXITINFO1)).toBe(write);
  });

  test("a register outside the map's ranges always leaves", () => {
    const { machine } = run({ guest: "b9 00 00 00 40 0f 32", intercepts: [vmcb.EXIT_MSR] });
    expect(machine.exit()).toBe("MSR");
  });
});

describe("nested paging", () => {
  /** 32-bit host tables that map the first 4 MiB one to one but for what `change` does to the entries. */
  const nested =
    (change: (m: Machine) => void = () => {}) =>
    (m: Machine) => {
      m.memory.write32(NESTED_TABLES, (NESTED_TABLES + 0x1000) | 7);
      for (let i = 0; i < 1024; i++) m.memory.write32(NESTED_TABLES + 0x1000 + i * 4, (i << 12) | 7);
      m.set(vmcb.VMCB_NP_ENABLE, 1);
      m.set(vmcb.VMCB_NCR3, NESTED_TABLES);
      change(m);
    };
  const entry = (page: number) => NESTED_TABLES + 0x1000 + page * 4;
  const setup = { features: SVM_NESTED_PAGING, intercepts: [EXIT_HLT] };

  test("a guest-physical address is translated once more", () => {
    // mov byte [40000h], 66h; hlt, with guest page 40h at 50000h
    const { memory } = run({
      ...setup,
      guest: "c6 05 00 00 04 00 66 f4",
      prepare: nested((m) => m.memory.write32(entry(0x40), 0x50007)),
    });
    expect(memory.read8(0x50000)).toBe(0x66);
    expect(memory.read8(0x40000)).toBe(0);
    expect(memory.read32(entry(0x40)) & 0x60).toBe(0x60);
  });

  test("a page that is not there leaves with NPF, the address and the final walk's bit", () => {
    const { machine } = run({
      ...setup,
      guest: "c6 05 34 02 04 00 66 f4",
      prepare: nested((m) => m.memory.write32(entry(0x40), 0)),
    });
    expect(machine.exit()).toBe("NPF");
    expect(machine.field(vmcb.VMCB_EXITINFO1)).toBe(6);
    expect(machine.field(vmcb.VMCB_EXITINFO1 + 4)).toBe(1);
    expect(machine.field(vmcb.VMCB_EXITINFO2)).toBe(0x40234);
    expect(machine.field(vmcb.VMCB_RIP)).toBe(GUEST);
  });

  test("a page read first and written then leaves at the write where it is read-only", () => {
    // mov al, [40000h]; mov [40000h], al
    const { machine } = run({
      ...setup,
      guest: "a0 00 00 04 00 a2 00 00 04 00 f4",
      prepare: nested((m) => m.memory.write32(entry(0x40), 0x40005)),
    });
    expect(machine.exit()).toBe("NPF");
    expect(machine.field(vmcb.VMCB_EXITINFO1)).toBe(7);
    expect(machine.field(vmcb.VMCB_RIP)).toBe(GUEST + 5);
  });

  test("a guest page table that is not there is told apart", () => {
    const { machine } = run({
      ...setup,
      guest: "f4",
      prepare: nested((m) => {
        m.set(vmcb.VMCB_CR0, 0x80000011 | 0);
        m.set(vmcb.VMCB_CR3, 0x60000);
        m.memory.write32(entry(0x60), 0);
      }),
    });
    expect(machine.exit()).toBe("NPF");
    expect(machine.field(vmcb.VMCB_EXITINFO1 + 4)).toBe(2);
    expect(machine.field(vmcb.VMCB_EXITINFO2)).toBe(0x60000 + 0);
  });

  test("tables that point at themselves end in NPF or in an ordinary run, never in the host", () => {
    const { machine, end } = run({
      ...setup,
      guest: "f4",
      prepare: nested((m) => {
        for (let i = 0; i < 1024; i++) m.memory.write32(NESTED_TABLES + i * 4, NESTED_TABLES | 7);
      }),
    });
    expect(end).toBe("halted");
    expect(["NPF", "HLT", "SHUTDOWN"]).toContain(machine.exit());
  });

  test("without the feature the bit means nothing", () => {
    const { machine } = run({
      ...setup,
      features: 0,
      guest: "f4",
      prepare: nested((m) => m.memory.write32(entry(8), 0)),
    });
    expect(machine.exit()).toBe("HLT");
  });
});

describe("switching SVM on", () => {
  const program = (code: string, svm: typeof SVM_OFFER | undefined) => {
    const memory = new PhysicalMemory(1 << 20);
    const cpu = new Cpu(new Bus(memory), INSTRUCTION_SET, { ...DEFAULT_CPU_MODEL, svm });
    cpu.cr0 |= CR0_PE;
    setSegment(cpu, CS, 8, 0, 0xffffffff, 0xc09b00);
    for (const segment of [SS, DS, ES]) setSegment(cpu, segment, 16, 0, 0xffffffff, 0xc09300);
    memory.load(0x1000, hex(`${code} f4`));
    cpu.r[EIP] = 0x1000;
    return { cpu, end: cpu.run(100) };
  };
  // mov ecx, c0000080h; rdmsr; or ah, 10h; wrmsr
  const ENABLE = "b9 80 00 00 c0 0f 32 80 cc 10 0f 30";
  // mov eax, 80000001h; cpuid
  const LEAF = "b8 01 00 00 80 0f a2";

  test("EFER.SVME is set where SVM is offered", () => {
    expect(program(ENABLE, SVM_OFFER).cpu.efer).toBe(EFER_SVME);
  });

  test("locked by the firmware: CPUID still offers it, EFER refuses it", () => {
    const locked = { ...SVM_OFFER, lockedByFirmware: true };
    expect(program(LEAF, locked).cpu.r[ECX] & 4).toBe(4);
    expect(program(ENABLE, locked)).toMatchObject({ end: "shutdown", cpu: { efer: 0 } });
  });

  test("not offered at all: CPUID says so and EFER refuses it", () => {
    expect(program(LEAF, undefined).cpu.r[ECX] & 4).toBe(0);
    expect(program(ENABLE, undefined).end).toBe("shutdown");
  });

  test("leaf 8000000Ah tells the ASIDs and features", () => {
    const { cpu } = program("b8 0a 00 00 80 0f a2", { ...SVM_OFFER, features: SVM_NESTED_PAGING });
    expect(cpu.r[EBX]).toBe(SVM_OFFER.asids);
    expect(cpu.r[2]).toBe(SVM_NESTED_PAGING);
  });

  test("VMRUN without EFER.SVME is no instruction", () => {
    expect(program("0f 01 d8", SVM_OFFER).end).toBe("shutdown");
  });
});

test("a guest cannot write its VMCB's host: VMRUN after an attack still comes back", () => {
  // The guest fills its own VMCB and the host's save area with its own bytes, then halts.
  const { end } = run({ guest: "b9 00 08 00 00 bf 00 00 01 00 f3 ab f4", intercepts: [EXIT_HLT] });
  expect(["halted", "shutdown", "limit"]).toContain(end);
});

test("a thousand round trips count a thousand exits", () => {
  const { cpu } = run({
    // vmmcall; jmp back
    guest: "0f 01 d9 eb fb",
    intercepts: [vmcb.EXIT_VMMCALL],
    prepare: ({ cpu: processor }) => {
      processor.r[EDI] = 1000;
    },
    // add dword [RIP of the VMCB], 3; dec edi; jnz back to VMRUN; hlt
    host: "83 05 78 05 01 00 03 4f 75 f3 f4",
  });
  expect(cpu.svm.exits.get(vmcb.EXIT_VMMCALL)).toBe(1000);
});
