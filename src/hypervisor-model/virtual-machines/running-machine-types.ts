/**
 * What the page and the command line give to start a machine and what they get: the types of `startMachine` in
 * running-machine.ts.
 */
import type { DebugTarget } from "./bare-pc-protocol.ts";
import type { TripleFault } from "../../emulator/triple-fault.ts";
import type { Agent, AgentStatus } from "../../emulator/agent/agent-types.ts";
import type { Store } from "../storage/store.ts";
import type { LiveSnapshot, TakenSnapshot } from "./machine-worker-protocol.ts";
import type { ImageLoader } from "./images.ts";
import type { Unpack } from "./warm-start.ts";
import type {
  BootDevice,
  EngineName,
  MachineState,
  MachineStatistics,
  NicModel,
  PointerInput,
  Scancodes,
  ScreenUpdate,
  Virtualization,
} from "../../emulator/machine.ts";
import type { OnProgress } from "../storage/stoppable.ts";

export interface NicSpec {
  model: NicModel;
  mac: string;
  /** The cable is in. */
  connected: boolean;
  /** The switch's end of the cable: one message is one frame, a `Uint8Array` without FCS. Without a port the NIC is alone. */
  port?: MessagePort;
}

/** Where the bytes of a disk, CD or floppy are. */
export type Medium =
  /** In memory; lost with the machine. The bytes are the machine's from then on. */
  | { type: "bytes"; bytes: Uint8Array; readOnly: boolean }
  /** Zeros in memory; lost with the machine. */
  | { type: "blank"; byteLength: number }
  /** A file the user picked; read only. */
  | { type: "blob"; blob: Blob }
  /** A disk in the store, by its id. */
  | { type: "disk"; disk: string }
  /** A floppy of the user's own media in the store, by its id; what the guest writes is kept there. */
  | { type: "floppy"; medium: string }
  /** A file that an image's manifest lists; read only. */
  | { type: "image-file"; image: string; file: string };

/** What the machine boots. */
export type GuestSoftware =
  /** A folder of images/ : its kernel with its command line, or its bootable medium. */
  | { type: "image"; image: string }
  /** The firmware alone, which looks at the drives in the order of `bootOrder`. */
  | { type: "firmware" }
  | { type: "linux"; kernel: Uint8Array; initrd?: Uint8Array; commandLine: string }
  | { type: "multiboot"; kernel: Uint8Array; commandLine: string };

export interface MachineSpec {
  /** The machine's own id (a UUID); its machine-id is made from it. */
  id: string;
  /** The guest's host name where it has none of its own. */
  name: string;
  engine: EngineName;
  memoryMiB: number;
  virtualization?: Virtualization;
  /** At most two. */
  nics: NicSpec[];
  /** At most two: /dev/sda, /dev/sdb. */
  disks: Medium[];
  /** `null` is an empty drive, `undefined` no drive. */
  cdrom?: Medium | null;
  floppy?: Medium | null;
  bootOrder?: BootDevice[];
  software: GuestSoftware;
  timezone?: string;
  console?: { columns: number; rows: number };
}

/** The thread a machine runs in, made by `createMachineWorker` of machine-worker-browser.ts or machine-worker-node.ts. */
export interface WorkerHandle {
  postMessage(message: unknown, transfer: Transferable[]): void;
  /** Called once, when the thread has died by itself or failed; `detail` is for the log. */
  onFailure(listener: (detail: string) => void): void;
  terminate(): void;
}

/** What a page or a command line shares among its machines. */
export interface MachineHost {
  /** `createMachineWorker` and `compileEngine` of machine-worker-browser.ts or machine-worker-node.ts. */
  createWorker(): WorkerHandle;
  compileEngine(): Promise<WebAssembly.Module>;
  /** `prepareMachineWorker` of the same files: called when a machine has started, for the next one. */
  prepareWorker?(): void;
  /** Unpacks warm states beside the thread that starts machines. */
  unpack?: Unpack;
  images: ImageLoader;
  /** Holds disks and warm states. A machine's Worker opens IndexedDB itself, other stores it reaches through a port. */
  store?: Store;
  /** Name of the IndexedDB database, where it is not the usual one. */
  databaseName?: string;
}

export interface StartOptions {
  /** `warm` (the default) takes a saved state of the booted image where there is one that fits; `cold` runs the firmware. */
  mode?: "warm" | "cold";
  /** A state saved from this very machine: it goes on from there. The guest gets the time of day anew. */
  resume?: MachineState;
  /** With `resume`: a clone gets a new identity (MACs, host name, machine-id, random seed) instead of only the time. */
  newIdentity?: boolean;
  /** Leaves the machine paused where it starts. */
  paused?: boolean;
  /** The machine is built meanwhile and does not run before; when it rejects, the start fails with that reason. */
  after?: Promise<void>;
}

/** Why a machine is not running any more. */
export type EndReason =
  /** `powerOff` was called. */
  | { type: "power-off" }
  /** The guest shut itself down (`poweroff`): CLI and HLT. The machine has been ended. */
  | { type: "halted" }
  /** The guest's kernel gave up; `line` is its own message. The machine has been ended. */
  | { type: "panicked"; line: string }
  /** `suspend` was called. */
  | { type: "suspended" }
  /** A machine that started from a saved state was reset, and its image's kernel could not be loaded. */
  | { type: "no-kernel"; error: Error }
  /** The engine or its thread failed; `detail` is for the log. */
  | { type: "crashed"; detail: string };

export type RunningStatus =
  { type: "starting" } | { type: "running" } | { type: "paused" } | { type: "ended"; reason: EndReason };

/** COM1 of the machine. Bytes are kept in a bounded ring from power-on, so that a terminal can be attached later. */
export interface Console {
  /** The last bytes the guest wrote, at most 256 KiB. */
  scrollback(): Uint8Array;
  /** Called with what the guest writes from now on; returns the function that ends it. */
  onOutput(listener: (bytes: Uint8Array) => void): () => void;
  write(bytes: Uint8Array): void;
  /** Size of the terminal that shows the console; the guest's programs follow. */
  resize(columns: number, rows: number): void;
}

/** The machine's screen, keyboard and mouse. */
export interface Display {
  /** Called with each change from now on, at most about 30 times a second; draws the whole screen first. */
  onUpdate(listener: (update: ScreenUpdate) => void): () => void;
  sendScancodes(codes: Scancodes): void;
  movePointer(input: PointerInput): void;
}

export interface DriveActivity {
  readBytes: number;
  writtenBytes: number;
}

export interface RunningMachine {
  readonly id: string;
  readonly spec: MachineSpec;
  /** How it started; known when `started` resolves. */
  readonly startedBy: "warm" | "cold" | "resume" | undefined;
  readonly status: RunningStatus;
  /** Called with each change, and after a reset: the agent has no status then until it speaks again. */
  onStatus(listener: (status: RunningStatus) => void): () => void;
  /** Called when the guest's processor shut down, which resets the machine; the core tells it, v86 does not. */
  onTripleFault(listener: (fault: TripleFault) => void): () => void;
  /** All that it needs has been loaded and given to its thread. Never rejects. */
  readonly loaded: Promise<void>;
  /** The machine has been built and runs. Rejects with a named error when it cannot be. */
  readonly started: Promise<void>;
  /** The agent's first answer after the boot went on (stage `run`). Rejects when the machine ends before, or has no agent. */
  readonly ready: Promise<AgentStatus>;
  /** Resolves, never rejects, when the machine is not running any more. */
  readonly ended: Promise<EndReason>;
  /** A disk's contents could not be put into the store; they are kept in memory and tried again. */
  readonly diskError: { name: string; message: string } | undefined;
  readonly agent: Agent;
  readonly console: Console;
  readonly display: Display;
  pause(): Promise<void>;
  /** The guest gets the time of day anew, unless its clock shall go on from where it stood. */
  run(options?: { keepClock?: boolean }): Promise<void>;
  reset(): Promise<void>;
  /** Pulls the plug. Resolves when all that the guest had written to its disks is in the store. */
  powerOff(): Promise<void>;
  /** Asks the guest to shut down through the agent; resolves when it has ended, rejects after the time limit. */
  shutDown(options?: { timeoutMs?: number }): Promise<void>;
  /** The state of the machine at this moment. It runs on (or stays paused) afterwards. */
  save(): Promise<MachineState>;
  /** Saves the state and ends the machine. */
  suspend(): Promise<MachineState>;
  /** Puts a snapshot of the machine into the store; it stands still only while its state is copied. */
  takeSnapshot(snapshot: LiveSnapshot, onProgress?: OnProgress): Promise<TakenSnapshot>;
  /** Goes on from a snapshot of this very machine that has memory, in the same hardware. Gives the milliseconds until it ran again. */
  revert(snapshot: string): Promise<number>;
  insertMedium(drive: "cdrom" | "floppy", medium: Medium | null): Promise<void>;
  setLink(nic: number, up: boolean): void;
  /** Replaces the cable of a NIC. */
  connectNic(nic: number, port: MessagePort | undefined): void;
  statistics(): Promise<MachineStatistics>;
  driveActivity(): { disks: DriveActivity[]; cdrom: DriveActivity; floppy: DriveActivity };
  readMemory(address: number, length: number): Promise<Uint8Array>;
  /** Opens a core machine for a debugger, until `close`. Rejects for any other engine. */
  openDebugger(): Promise<{ target: DebugTarget; close(): void }>;
}
