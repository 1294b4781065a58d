/** What passes between a machine's Worker and the thread that owns the machine. */
import type {
  BootSource,
  DriveName,
  EngineName,
  Firmware,
  HardwareConfig,
  MachineState,
  MachineStatistics,
  MachineStatus,
  PointerInput,
  Scancodes,
  ScreenUpdate,
  SerialPort,
} from "../../emulator/machine.ts";
import type { TripleFault } from "../../emulator/triple-fault.ts";
import type { NewSnapshot, SnapshotDocument } from "../storage/snapshots.ts";
import type { Medium } from "./running-machine-types.ts";
import type { OnProgress } from "../storage/stoppable.ts";

/** A medium whose bytes the owner has already fetched where they come from an image. */
export type WorkerMedium = Exclude<Medium, { type: "image-file" }>;

/** Told to a Worker that has no machine yet: it loads its engine and opens the IndexedDB database of this name. */
export interface WorkerPreparation {
  type: "prepare";
  store: string;
}

export interface WorkerSetup {
  engine: EngineName;
  /** v86.wasm, compiled. */
  module?: WebAssembly.Module;
  hardware: HardwareConfig;
  firmware: Firmware;
  boot: BootSource;
  drives: Partial<Record<DriveName, WorkerMedium>>;
  links: boolean[];
  seed: number;
  store?: { type: "indexeddb"; name: string } | { type: "port" };
  paused: boolean;
}

/** What a machine that has been built starts from. */
export interface StartingPoint {
  state?: MachineState;
  /** The state's memory was transferred and is to be given back. */
  stateIsLent: boolean;
  /** Of a machine that was built without. */
  kernel?: Uint8Array;
}

/** The first message, with its ports. Everything later goes through these. */
export interface WorkerStart {
  setup: WorkerSetup;
  /** Comlink: `MachineControl`. */
  control: MessagePort;
  /** `ToWorker` and `FromWorker`, as they come. */
  stream: MessagePort;
  nics: (MessagePort | undefined)[];
  store?: MessagePort;
}

/** The memory behind a state, to be transferred with it. */
export function buffersOf({ devices, pageNumbers, pages }: MachineState): ArrayBuffer[] {
  return [...new Set([devices, pageNumbers, pages].map((array) => array.buffer as ArrayBuffer))];
}

export interface MachineControl {
  /** Builds the machine; it stands at its reset vector. */
  build(): Promise<void>;
  /** Lets the machine run that has been built, unless it is to stay paused. */
  start(from: StartingPoint): Promise<void>;
  run(): Promise<void>;
  pause(): Promise<void>;
  reset(): Promise<void>;
  save(): Promise<MachineState>;
  /**
   * A snapshot of the running or paused machine. It stands still while its state is copied and goes on while that is
   * stored. `onProgress` is a Comlink proxy.
   */
  takeSnapshot(snapshot: LiveSnapshot, onProgress: OnProgress): Promise<TakenSnapshot>;
  /**
   * Goes on from a snapshot that has a state, in the same hardware. Gives the milliseconds until it ran again.
   */
  revert(machine: string, snapshot: string): Promise<number>;
  /** Ends when all that was written is in the store. */
  close(): Promise<void>;
  insertMedium(drive: "cdrom" | "floppy", medium: WorkerMedium | undefined): Promise<void>;
  statistics(): Promise<MachineStatistics>;
  readMemory(address: number, length: number): Promise<Uint8Array>;
  /** The port speaks `DebugTarget` (bare-pc-protocol.ts) by Comlink. Only a core machine can be debugged. */
  /** `symbols` is the text of a System.map of the kernel that runs. */
  openDebugger(port: MessagePort, symbols: Uint8Array | undefined): Promise<void>;
  closeDebugger(): Promise<void>;
}

/** `memory`: with the state, to be gone on from. */
export type LiveSnapshot = Omit<NewSnapshot, "disks" | "state" | "onProgress" | "onStored"> & {
  memory: boolean;
};

export interface TakenSnapshot {
  snapshot: SnapshotDocument;
  /** Milliseconds that the guest stood still. */
  stoodStill: number;
}

export type ToWorker =
  | { type: "serial"; port: SerialPort; bytes: Uint8Array }
  | { type: "scancodes"; codes: Scancodes }
  | { type: "pointer"; input: PointerInput }
  /** Somebody looks at the screen, or nobody does. */
  | { type: "watch-screen"; watch: boolean }
  | { type: "link"; nic: number; up: boolean }
  /** Answers `kernel-wanted`. */
  | { type: "kernel"; bytes: Uint8Array }
  | { type: "nic-port"; nic: number; port: MessagePort | undefined }
  | { type: "ping"; number: number };

export type FromWorker =
  | { type: "status"; status: MachineStatus }
  | { type: "serial"; port: SerialPort; bytes: Uint8Array }
  | { type: "screen"; update: ScreenUpdate }
  | { type: "drive"; drive: DriveName; operation: "read" | "write"; bytes: number }
  /** A disk could not be written to the store. */
  | { type: "disk-error"; name: string; message: string }
  /** The state that was lent to the Worker, with its memory. */
  | { type: "state-back"; state: MachineState }
  /** The machine was reset, by the guest itself or by its owner, or because its processor shut down. */
  | { type: "reset"; fault?: TripleFault }
  /** A reset waits for the kernel. */
  | { type: "kernel-wanted" }
  | { type: "pong"; number: number };
