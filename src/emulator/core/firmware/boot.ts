/**
 * How a machine starts: what `Pc` puts into memory at each reset and where its processor then stands.
 */
import type { Cpu } from "../cpu/cpu.ts";
import { CR0_ET, CR0_PE, CS, DS, EAX, EBX, EDX, EIP, ES, ESI, ESP, FS, GS, SS } from "../cpu/registers.ts";
import { setRealSegment, setSegment } from "../cpu/segmentation.ts";
import type { PhysicalMemory } from "../memory/physical-memory.ts";
import { badField } from "../../kernel-image.ts";
import { loadLinux } from "./linux-boot.ts";
import { loadMultiboot } from "./multiboot.ts";

export type PcBoot =
  /** The firmware at the reset vector. */
  | { type: "firmware" }
  /** The firmware, which then starts a kernel that an option ROM of `load` has waiting in memory. */
  | { type: "linux-firmware"; optionRom: { name: string; data: Uint8Array }; load(memory: Uint8Array): void }
  /** The kernel's 32-bit entry point, without firmware. */
  | { type: "linux"; kernel: Uint8Array; initrd?: Uint8Array; commandLine: string }
  | { type: "multiboot"; image: Uint8Array; commandLine: string }
  /** Up to one sector at 7C00h, with DL = 80h, as a BIOS leaves it. */
  | { type: "boot-sector"; image: Uint8Array }
  /** Bytes at `address`, executed from `entry` on (default: its start) in real or flat 32-bit protected mode. */
  | { type: "flat"; image: Uint8Array; address: number; entry?: number; bits: 16 | 32 };

const GDT_ADDRESS = 0x800;
const FLAT_CODE = 0xc09b00;
const FLAT_DATA = 0xc09300;
const STACK_TOP = 0x7000;

/** Throws `KernelImageError` for an image that cannot be started. */
export function placeBoot(cpu: Cpu, memory: PhysicalMemory, boot: PcBoot): void {
  switch (boot.type) {
    case "firmware":
      return;
    case "linux-firmware":
      boot.load(memory.bytes.subarray(0, memory.ramBytes));
      return;
    case "linux": {
      const entry = loadLinux(memory, boot.kernel, boot.initrd, boot.commandLine);
      enterFlat(cpu, entry.eip, entry.codeSelector, entry.dataSelector);
      cpu.gdtrBase = entry.gdtBase;
      cpu.gdtrLimit = entry.gdtLimit;
      cpu.r[ESI] = entry.esi;
      cpu.r[ESP] = entry.esp;
      return;
    }
    case "multiboot": {
      const entry = loadMultiboot(memory, boot.image, boot.commandLine);
      placeFlatTable(cpu, memory);
      enterFlat(cpu, entry.eip, 0x08, 0x10);
      cpu.r[EAX] = entry.eax;
      cpu.r[EBX] = entry.ebx;
      cpu.r[ESP] = STACK_TOP;
      return;
    }
    case "boot-sector":
      if (boot.image.length === 0 || boot.image.length > 0x10000) {
        throw badField("no-kernel", "its length", `${boot.image.length} bytes`, "1 to 65536");
      }
      memory.load(0x7c00, boot.image);
      enterReal(cpu, 0x7c00);
      cpu.r[EDX] = 0x80;
      return;
    case "flat": {
      const { image, address, bits } = boot;
      if (image.length === 0 || address + image.length > memory.ramBytes) {
        throw badField(
          "too-large",
          "its place",
          `${image.length} bytes at ${address.toString(16)}h`,
          `within the machine's ${memory.ramBytes} bytes`,
        );
      }
      memory.load(address, image);
      const entry = boot.entry ?? address;
      if (bits === 16) enterReal(cpu, entry);
      else {
        placeFlatTable(cpu, memory);
        enterFlat(cpu, entry, 0x08, 0x10);
        cpu.r[ESP] = STACK_TOP;
      }
      return;
    }
    default:
      boot satisfies never;
  }
}

/** Entries 08h (code) and 10h (data), both 4 GiB from 0. */
function placeFlatTable(cpu: Cpu, memory: PhysicalMemory): void {
  const table = new DataView(new ArrayBuffer(24));
  table.setBigUint64(8, 0x00cf9b000000ffffn, true);
  table.setBigUint64(16, 0x00cf93000000ffffn, true);
  memory.load(GDT_ADDRESS, new Uint8Array(table.buffer));
  cpu.gdtrBase = GDT_ADDRESS;
  cpu.gdtrLimit = 23;
}

function enterFlat(cpu: Cpu, eip: number, code: number, data: number): void {
  cpu.cr0 = CR0_ET | CR0_PE;
  setSegment(cpu, CS, code, 0, 0xffffffff, FLAT_CODE);
  for (const segment of [ES, SS, DS, FS, GS]) setSegment(cpu, segment, data, 0, 0xffffffff, FLAT_DATA);
  cpu.r[EIP] = eip;
}

function enterReal(cpu: Cpu, linear: number): void {
  const segment = linear < 0x10000 ? 0 : (linear >>> 4) & 0xf000;
  for (const other of [ES, SS, DS, FS, GS]) setRealSegment(cpu, other, 0);
  setRealSegment(cpu, CS, segment);
  cpu.r[ESP] = STACK_TOP;
  cpu.r[EIP] = linear - (segment << 4);
}
