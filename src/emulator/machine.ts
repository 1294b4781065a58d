/**
 * The contract that every live guest meets, whatever engine runs it.
 *
 * A `Machine` is one PC: it lives in one thread (a Worker in the page, a worker thread in Node) and is driven by
 * asynchronous commands from there. Everything that leaves the machine goes through one `MachineEvents` object given
 * when it is built; everything that enters goes through a method. Nothing here knows about networks, stores or screens
 * of the page: a NIC is `transmit(frame)` out and `receive(frame)` in.
 */

import type { TripleFault } from "./triple-fault.ts";

export type EngineName = "v86" | "core";
export type NicModel = "ne2000" | "virtio";
export type SerialPort = 0 | 1;
/** `hda` and `hdb` are the two IDE disks, seen by Linux as /dev/sda and /dev/sdb. */
export type DriveName = "hda" | "hdb" | "cdrom" | "floppy";
export type BootDevice = "disk" | "cdrom" | "floppy" | "network";

/** COM1, the console. */
export const CONSOLE_PORT: SerialPort = 0;
/** COM2, the guest agent. */
export const AGENT_PORT: SerialPort = 1;
export const PAGE_SIZE = 4096;

export interface NicConfig {
  model: NicModel;
  /** Six bytes in lower-case hexadecimal with colons. */
  mac: string;
}

/**
 * Hardware virtualization (AMD SVM) as the firmware setup of a core machine has it: not offered at all, switched off and
 * locked, on, or on with nested paging. v86 has none.
 */
export const VIRTUALIZATION = ["not-offered", "locked", "on", "nested-paging"] as const;
export type Virtualization = (typeof VIRTUALIZATION)[number];

/** The shape of a machine: what a saved state can only be restored into. */
export interface HardwareConfig {
  memoryMiB: number;
  nics: NicConfig[];
  /** Size in bytes of each fixed disk, in the order hda, hdb. */
  diskBytes: number[];
  hasCdrom: boolean;
  hasFloppy: boolean;
  bootOrder: BootDevice[];
  /** Left out, it is on where the engine has it. */
  virtualization?: Virtualization;
}

/** What runs first. Firmware (SeaBIOS) is always present. */
export type BootSource =
  | { type: "firmware" }
  /**
   * `kernel` may be empty where the machine starts from a state: `kernelWanted` asks for it when a reset needs it, and
   * `provideKernel` gives it. v86 alone.
   */
  | { type: "linux"; kernel: Uint8Array; initrd?: Uint8Array; commandLine: string }
  | { type: "multiboot"; image: Uint8Array; commandLine: string };

export interface Firmware {
  bios: Uint8Array;
  vgaBios: Uint8Array;
}

/**
 * A disk, CD or floppy as the machine sees it. Offsets and lengths are in bytes and multiples of 512. An answer may come
 * at once or later; later answers let the guest wait as it would for a real disk. A failure is reported to the guest as a
 * medium error, never thrown into the machine.
 */
export interface BlockDevice {
  readonly byteLength: number;
  readonly readOnly: boolean;
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
  write(offset: number, bytes: Uint8Array): void | Promise<void>;
  /** Answers when everything written so far is safe: the guest's FLUSH CACHE waits for it. */
  flush?(): Promise<void>;
}

export interface MachineOptions {
  hardware: HardwareConfig;
  firmware: Firmware;
  boot: BootSource;
  drives: Partial<Record<DriveName, BlockDevice>>;
  /** Seed of every random number the machine draws (MAC defaults, RDRAND). */
  seed: number;
  /** Wall-clock time the guest's RTC starts from, milliseconds since 1970. */
  startTime: number;
  events: MachineEvents;
}

/** `off` is never reported by a running machine: the owner ends it. */
export type MachineStatus =
  | { type: "running" }
  | { type: "paused" }
  /** CLI and HLT: the guest has shut itself down and only a reset wakes it. */
  | { type: "halted" }
  /** The engine itself failed; the machine cannot go on. `detail` is for the log, not for students. */
  | { type: "crashed"; detail: string };

/** What the guest's VGA shows. Text cells are code page 437 characters with VGA attributes. */
export type ScreenUpdate =
  | { type: "text-mode"; columns: number; rows: number }
  /** Cells of one row from `column` on: character codes and attribute pairs as 0xRRGGBB. */
  | {
      type: "text-row";
      row: number;
      characters: Uint8Array;
      foreground: Uint32Array;
      background: Uint32Array;
    }
  | { type: "cursor"; row: number; column: number; visible: boolean; firstLine: number; lastLine: number }
  | { type: "graphics-mode"; width: number; height: number; bitsPerPixel: number }
  /** RGBA pixels of a rectangle. */
  | { type: "pixels"; x: number; y: number; width: number; height: number; rgba: Uint8ClampedArray };

/** Callbacks out of the machine. They must return soon and must not throw; buffers given are the receiver's own. */
export interface MachineEvents {
  status(status: MachineStatus): void;
  serial(port: SerialPort, bytes: Uint8Array): void;
  /** A frame without FCS that the guest's NIC sent. Not called while the link is down. */
  transmit(nic: number, frame: Uint8Array): void;
  screen(update: ScreenUpdate): void;
  /** The machine has been reset, by the guest itself or by its owner, or because its processor shut down over `fault`. */
  reset?(fault?: TripleFault): void;
  /** A reset waits for the kernel that was not given at the start. */
  kernelWanted?(): void;
  /** One finished disk request. */
  drive(drive: DriveName, operation: "read" | "write", bytes: number): void;
}

/** Counters since power-on. */
export interface MachineStatistics {
  /** Guest instructions executed; exact on the core, v86's own count there. */
  instructions: number;
  /** Milliseconds of virtual time that have passed: stands still while paused. */
  virtualMilliseconds: number;
  /** Share of host time the guest was not idle since the last call, 0 to 1. */
  load: number;
  timerInterrupts: number;
  /** Bytes the engine has allocated, guest memory included. */
  memoryBytes: number;
  /** #VMEXITs of the guests that the guest itself runs, by AMD's name of the exit code; the core alone has them. */
  vmExits?: Readonly<Record<string, number>>;
}

/**
 * A stopped machine as plain data. Restoring needs the same engine, engine version and hardware; what differs is named
 * by `stateMismatch`. Disks are not inside: whoever saves keeps their contents.
 */
export interface MachineState {
  version: 1;
  engine: EngineName;
  engineVersion: string;
  hardware: HardwareConfig;
  /** Everything but guest memory, in the engine's own form. */
  devices: Uint8Array;
  /** Numbers of the 4 KiB pages of guest memory that are not all zero, ascending. */
  pageNumbers: Uint32Array;
  /** Those pages, one after another. */
  pages: Uint8Array;
}

export type Scancodes = readonly number[];

export interface PointerInput {
  deltaX: number;
  deltaY: number;
  wheel: number;
  buttons: { left: boolean; middle: boolean; right: boolean };
}

export interface Machine {
  readonly engine: EngineName;
  readonly engineVersion: string;
  /** Runs from where it stands: after building, from the reset vector or from a restored state. */
  run(): Promise<void>;
  /** Stops between two instructions; the machine's clock stands still until `run`. */
  pause(): Promise<void>;
  /** Hardware reset; the machine keeps running or paused as it was. */
  reset(): Promise<void>;
  /** Frees everything. No event is sent afterwards. */
  destroy(): Promise<void>;
  sendSerial(port: SerialPort, bytes: Uint8Array): void;
  /** PS/2 set 1 scan codes, make and break codes as given. */
  sendScancodes(codes: Scancodes): void;
  movePointer(input: PointerInput): void;
  /** A frame that arrives at the NIC. Dropped while the link is down. */
  receive(nic: number, frame: Uint8Array): void;
  /** Virtio shows carrier loss to the guest; NE2000 has no link sensing and only stops passing frames. */
  setLink(nic: number, up: boolean): void;
  /** Answers `kernelWanted`; the reset that waited for it is done. */
  provideKernel?(kernel: Uint8Array): void;
  /** Puts a medium in or takes it out (`undefined`). Only `cdrom` and `floppy`. */
  insertMedium(drive: "cdrom" | "floppy", medium: BlockDevice | undefined): Promise<void>;
  /** Draws the whole screen again through `events.screen`. */
  refreshScreen(): void;
  /** Only while paused. */
  save(): Promise<MachineState>;
  /** Only before the first `run` or while paused. Throws `StateMismatchError`. */
  restore(state: MachineState): Promise<void>;
  /** A copy of guest physical memory. Beyond its end there are no bytes: the result is shorter. */
  readMemory(address: number, length: number): Uint8Array;
  writeMemory(address: number, bytes: Uint8Array): void;
  statistics(): MachineStatistics;
}

/** The machine cannot be built as described. */
export class MachineConfigError extends Error {
  override name = "MachineConfigError";
}

export class StateMismatchError extends Error {
  override name = "StateMismatchError";
  readonly field: string;
  readonly found: string;
  readonly expected: string;
  constructor(field: string, found: string, expected: string) {
    super(`the saved state does not fit this machine: ${field} is ${found}, expected ${expected}`);
    this.field = field;
    this.found = found;
    this.expected = expected;
  }
}
