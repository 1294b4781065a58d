/** What the guest agent offers to the host: the interface of `AgentClient` and the data it returns. */

export interface AgentNic {
  name: string;
  mac: string;
  up: boolean;
  /** `192.168.10.130/24`, `fe80::1/64`, … */
  addresses: string[];
}

/** The agent's own report, sent at start and whenever `stage` or `ready` changes. */
export interface AgentStatus {
  version: number;
  /** `wait`: the boot stands still until the host says go; `run`: the guest is up. */
  stage: "wait" | "run";
  /** The guest's start-up scripts, networking included, have finished. */
  ready: boolean;
  hostname: string;
  bootId: string;
  kernel: string;
  /** Where / keeps its changes: the system disk, or memory only. */
  root: "disk" | "memory";
  /** Why a system disk could not be used. */
  error?: string;
  nics: AgentNic[];
}

export interface RunOptions {
  /** After this many milliseconds the command's process group is killed and `AgentTimeoutError` is thrown. */
  timeoutMs?: number;
  /** Output as it arrives. It must not throw. */
  onOutput?: (stream: "stdout" | "stderr", bytes: Uint8Array) => void;
  /** Aborting kills the command's process group. */
  signal?: AbortSignal;
  /** Bytes kept of each stream (16 MiB unless given); what is over is counted in `droppedBytes`, not kept. */
  outputLimit?: number;
}

export interface RunResult {
  /** Exit status as the shell reports it: 128 + signal for a killed command. */
  exit: number;
  stdout: Uint8Array;
  stderr: Uint8Array;
  droppedBytes: number;
}

/** What the guest is told at the start of a boot, or again after its state was restored or cloned. */
export interface GuestIdentity {
  hostname?: string;
  /** Milliseconds since 1970. */
  time?: number;
  timezone?: string;
  /** Bytes for the kernel's random pool. */
  seed?: Uint8Array;
  /** 32 hexadecimal digits. */
  machineId?: string;
  /** In the order of the machine's NICs. */
  macs?: string[];
  columns?: number;
  rows?: number;
}

/** The guest did not answer, or the machine was reset or ended, while a request was pending. */
export class AgentLostError extends Error {
  override name = "AgentLostError";
}
/** The request took longer than its time limit. */
export class AgentTimeoutError extends Error {
  override name = "AgentTimeoutError";
}
/** The guest refused the request: its errno and its own words. */
export class AgentRequestError extends Error {
  override name = "AgentRequestError";
  readonly errno: number;
  constructor(errno: number, text: string) {
    super(text);
    this.errno = errno;
  }
}

export interface Agent {
  /** The last status heard, if any since the last reset. */
  readonly status: AgentStatus | undefined;
  /** Called for every status heard; returns the function that ends it. */
  onStatus(listener: (status: AgentStatus) => void): () => void;
  /** Asks for the status now. */
  hello(options?: { timeoutMs?: number }): Promise<AgentStatus>;
  /** Runs `sh -c command` in the guest. */
  run(command: string, options?: RunOptions): Promise<RunResult>;
  readFile(
    path: string,
    options?: { timeoutMs?: number; limit?: number; signal?: AbortSignal },
  ): Promise<Uint8Array>;
  /** Replaces the file as a whole: other processes see the old one or the new one. */
  writeFile(
    path: string,
    bytes: Uint8Array,
    options?: { mode?: number; timeoutMs?: number; signal?: AbortSignal },
  ): Promise<void>;
  /** Tells the guest's console its size. */
  resize(columns: number, rows: number): Promise<void>;
  /** Lets a boot that stands at stage `wait` go on. */
  go(identity: GuestIdentity): Promise<void>;
  /** Gives a running guest a new identity and the time of day. */
  setIdentity(identity: GuestIdentity): Promise<void>;
}
