/**
 * Starts a machine in its own thread and drives it from the page or the command line.
 *
 *     const host = { createWorker: createMachineWorker, compileEngine, images: new ImageLoader(location), store };
 *     const machine = startMachine(spec, host);
 *     await machine.ready;
 *     const { exit, stdout } = await machine.agent.run("uname -a");
 */
import { proxy, transfer, wrap } from "comlink";
import { AgentClient } from "../../emulator/agent/agent-client.ts";
import type { AgentStatus, GuestIdentity } from "../../emulator/agent/agent-types.ts";
import { AGENT_PORT, CONSOLE_PORT, type MachineState, type ScreenUpdate } from "../../emulator/machine.ts";
import type { TripleFault } from "../../emulator/triple-fault.ts";
import type { DebugAnswer } from "../../emulator/core/debug/session.ts";
import type { DebugTarget } from "./bare-pc-protocol.ts";
import {
  buffersOf,
  type FromWorker,
  type LiveSnapshot,
  type TakenSnapshot,
  type WorkerMedium,
} from "./machine-worker-protocol.ts";
import { MachineOrigin } from "./machine-origin.ts";
import { prepareBoot } from "./running-machine-boot.ts";
import { ByteRing, PanicWatch } from "./running-machine-console.ts";
import { MachineThread, MachineThreadError } from "./running-machine-thread.ts";
import type {
  Console,
  Display,
  DriveActivity,
  EndReason,
  MachineHost,
  MachineSpec,
  Medium,
  RunningMachine,
  RunningStatus,
  StartOptions,
} from "./running-machine-types.ts";
import { gunzip } from "./warm-start-file.ts";
import { warmStatesOf } from "./warm-start.ts";
import type { OnProgress } from "../storage/stoppable.ts";

export type * from "./running-machine-types.ts";

/** A panicked guest does not answer; a program that forged the message is told apart by that. */
const PANIC_PROOF_MS = 3000;
const SHUT_DOWN_MS = 30_000;

/** What was asked of a machine cannot be done because it is not running any more. */
export class MachineEndedError extends Error {
  override name = "MachineEndedError";
}

/** Begins to start the machine and returns at once; `started` and `ready` say when. */
export function startMachine(
  spec: MachineSpec,
  host: MachineHost,
  options: StartOptions = {},
): RunningMachine {
  return new GuestMachine(spec, host, options);
}

/** A promise and its two ends. A rejection nobody waits for is no error. */
function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}

class GuestMachine implements RunningMachine {
  readonly spec: MachineSpec;
  readonly agent: AgentClient;
  readonly console: Console;
  readonly display: Display;
  readonly #host: MachineHost;
  readonly #options: StartOptions;
  readonly #loaded = deferred<void>();
  readonly #started = deferred<void>();
  readonly #ready = deferred<AgentStatus>();
  readonly #ended = deferred<EndReason>();
  readonly #statusListeners = new Set<(status: RunningStatus) => void>();
  readonly #faultListeners = new Set<(fault: TripleFault) => void>();
  readonly #outputListeners = new Set<(bytes: Uint8Array) => void>();
  readonly #screenListeners = new Set<(update: ScreenUpdate) => void>();
  readonly #scrollback = new ByteRing();
  readonly #panicWatch = new PanicWatch((line) => void this.#panicSeen(line));
  readonly #activity = { hda: idle(), hdb: idle(), cdrom: idle(), floppy: idle() };
  #thread: MachineThread | undefined;
  #status: RunningStatus = { type: "starting" };
  readonly #origin: MachineOrigin;
  #greeting = false;
  #hasAgent = false;
  #size: { columns: number; rows: number } | undefined;

  constructor(spec: MachineSpec, host: MachineHost, options: StartOptions) {
    this.spec = spec;
    this.#host = host;
    this.#options = options;
    this.#origin = new MachineOrigin(spec, host, options);
    this.#size = spec.console;
    this.agent = new AgentClient((bytes) => this.#serial(AGENT_PORT, bytes));
    this.agent.onStatus((status) => void this.#agentStatus(status));
    this.console = {
      scrollback: () => this.#scrollback.read(),
      onOutput: (listener) => subscribe(this.#outputListeners, listener),
      write: (bytes) => this.#serial(CONSOLE_PORT, bytes.slice()),
      resize: (columns, rows) => this.#resize(columns, rows),
    };
    this.display = {
      onUpdate: (listener) => this.#watchScreen(listener),
      sendScancodes: (codes) => this.#thread?.send({ type: "scancodes", codes }),
      movePointer: (input) => this.#thread?.send({ type: "pointer", input }),
    };
    this.#start().catch((error: unknown) => this.#startFailed(error));
  }

  get id() {
    return this.spec.id;
  }
  get status() {
    return this.#status;
  }
  get startedBy() {
    return this.#origin.startedBy;
  }
  get loaded() {
    return this.#loaded.promise;
  }
  get started() {
    return this.#started.promise;
  }
  get ready() {
    return this.#ready.promise;
  }
  get ended() {
    return this.#ended.promise;
  }

  async #start(): Promise<void> {
    const { spec } = this;
    const host = this.#host;
    const { paused = false, after } = this.#options;
    after?.catch(() => undefined);
    const compiling = host.compileEngine();
    compiling.catch(() => undefined);
    const prepared = await prepareBoot(spec, host);
    await this.#origin.beforeBuilding(prepared);
    const module = await compiling;
    if (this.#ended_()) return;
    const thread = (this.#thread = new MachineThread(
      host,
      {
        engine: spec.engine,
        module,
        hardware: prepared.hardware,
        firmware: prepared.firmware,
        boot: prepared.boot,
        drives: prepared.drives,
        links: spec.nics.map((nic) => nic.connected),
        seed: crypto.getRandomValues(new Uint32Array(1))[0],
        paused: paused || after !== undefined,
      },
      spec.nics.map((nic) => nic.port),
      (message) => this.#take(message),
      (detail) => this.#end({ type: "crashed", detail }),
    ));
    const built = thread.call((control) => control.build());
    built.catch(() => undefined);
    // The machine is built while its warm state is still being unpacked.
    const from = await this.#origin.find(prepared);
    if (this.#ended_()) {
      this.#origin.giveBack?.(from.state);
      return;
    }
    await built;
    const starting = thread.call((control) =>
      control.start(transfer(from, from.stateIsLent && from.state ? buffersOf(from.state) : [])),
    );
    this.#loaded.resolve();
    await starting;
    await after;
    if (this.#ended_()) return;
    if (after !== undefined && !paused) await this.#thread.call((control) => control.run());
    this.#thread.watch();
    if (this.#screenListeners.size > 0) this.#thread.send({ type: "watch-screen", watch: true });
    if (paused) this.#setStatus({ type: "paused" });
    this.#started.resolve();
    this.#hasAgent = prepared.hasAgent;
    if (!prepared.hasAgent) {
      this.#ready.reject(new MachineEndedError("this guest has no agent"));
    } else if (this.#origin.startedBy === "warm") {
      await this.#go();
    } else if (this.#origin.startedBy === "resume" && !paused) {
      await this.#wakeUp();
    }
  }

  #startFailed(error: unknown): void {
    const reason = error instanceof Error ? error : new Error(String(error));
    this.#started.reject(reason);
    this.#end({ type: "crashed", detail: `${reason.name}: ${reason.message}` });
  }

  #take(message: FromWorker): void {
    switch (message.type) {
      case "serial":
        if (message.port === AGENT_PORT) this.agent.receive(message.bytes);
        else this.#output(message.bytes);
        break;
      case "screen":
        for (const listener of this.#screenListeners) listener(message.update);
        break;
      case "drive": {
        const activity = this.#activity[message.drive];
        if (message.operation === "read") activity.readBytes += message.bytes;
        else activity.writtenBytes += message.bytes;
        break;
      }
      case "status":
        this.#engineStatus(message.status);
        break;
      case "disk-error":
        this.diskError = { name: message.name, message: message.message };
        this.#tell();
        break;
      case "state-back":
        this.#origin.giveBack?.(message.state);
        break;
      case "kernel-wanted":
        void this.#sendKernel();
        break;
      case "reset":
        // The guest has gone down: its agent's last status holds no more.
        this.agent.reset();
        if (message.fault !== undefined) for (const listener of this.#faultListeners) listener(message.fault);
        this.#tell();
        break;
      case "pong":
        break;
      default:
        message satisfies never;
    }
  }

  /** A disk's contents could not be saved; they are kept in memory and tried again. */
  diskError: { name: string; message: string } | undefined;

  #engineStatus(status: Extract<FromWorker, { type: "status" }>["status"]): void {
    switch (status.type) {
      case "running":
      case "paused":
        if (!this.#ended_() && !this.#capturing) this.#setStatus(status);
        break;
      case "halted":
        void this.#finish({ type: "halted" });
        break;
      case "crashed":
        this.#end({ type: "crashed", detail: status.detail });
        break;
      default:
        status satisfies never;
    }
  }

  #output(bytes: Uint8Array): void {
    this.#scrollback.push(bytes);
    this.#panicWatch.push(bytes);
    for (const listener of this.#outputListeners) listener(bytes);
  }

  async #panicSeen(line: string): Promise<void> {
    const heardFrom = await this.agent.hello({ timeoutMs: PANIC_PROOF_MS }).then(
      () => true,
      () => false,
    );
    if (!heardFrom && !this.#ended_()) await this.#finish({ type: "panicked", line });
  }

  #capturing = false;

  /** Stage `wait` comes at every boot, the guest's own restarts included; stage `run` when the boot has gone on. */
  async #agentStatus(status: AgentStatus): Promise<void> {
    if (status.stage === "run") {
      await this.#readPartitions();
      this.#ready.resolve(status);
      this.#host.prepareWorker?.();
      // So that a reset works without the network too.
      this.#origin.loadKernel?.().catch(() => undefined);
      return;
    }
    if (this.#greeting) return;
    this.#greeting = true;
    try {
      if (this.#origin.captureKey !== undefined) await this.#capture(this.#origin.captureKey);
      await this.#go();
    } catch (error) {
      if (!this.#ended_()) this.#ready.reject(error as Error);
    } finally {
      this.#greeting = false;
    }
  }

  /**
   * A warm guest knows the partitions of the disks its state was taken with. It reads those of a first disk again by
   * itself; a disk behind its system disk is read again from here.
   */
  async #readPartitions(): Promise<void> {
    if (this.#origin.startedBy !== "warm" || this.spec.disks.length < 2 || this.#partitionsRead) return;
    this.#partitionsRead = true;
    await this.agent.run("blockdev --rereadpt /dev/sdb", { timeoutMs: 10_000 }).catch(() => undefined);
  }
  #partitionsRead = false;

  /** Takes the warm state of this shape for the next machine. */
  async #capture(key: string): Promise<void> {
    this.#origin.captureKey = undefined;
    const thread = this.#live();
    this.#capturing = true;
    try {
      await thread.call((control) => control.pause());
      const state = await thread.call((control) => control.save());
      await thread.call((control) => control.run());
      void warmStatesOf(this.#host)
        .keep(key, state)
        .catch(() => undefined);
    } finally {
      this.#capturing = false;
    }
  }

  #identity(): GuestIdentity {
    const { name, id, timezone, nics } = this.spec;
    return {
      hostname: hostName(name),
      time: Date.now(),
      timezone,
      seed: crypto.getRandomValues(new Uint8Array(32)),
      machineId: id.replaceAll("-", ""),
      macs: nics.map((nic) => nic.mac),
      ...this.#size,
    };
  }

  async #go(): Promise<void> {
    await this.agent.go(this.#identity());
  }

  /** After a resume the guest's clock is behind; a clone also has another's names. */
  async #wakeUp(): Promise<void> {
    const identity = this.#identity();
    const { time, seed } = identity;
    try {
      await this.agent.setIdentity(this.#options.newIdentity ? identity : { time, seed });
      await this.agent.hello();
    } catch (error) {
      if (!this.#ended_()) this.#ready.reject(error as Error);
    }
  }

  #resize(columns: number, rows: number): void {
    this.#size = { columns, rows };
    if (this.agent.status?.stage === "run") this.agent.resize(columns, rows).catch(() => undefined);
  }

  #serial(port: 0 | 1, bytes: Uint8Array): void {
    this.#thread?.send({ type: "serial", port, bytes });
  }

  #watchScreen(listener: (update: ScreenUpdate) => void): () => void {
    this.#screenListeners.add(listener);
    this.#thread?.send({ type: "watch-screen", watch: true });
    return () => {
      this.#screenListeners.delete(listener);
      if (this.#screenListeners.size === 0) this.#thread?.send({ type: "watch-screen", watch: false });
    };
  }

  onStatus(listener: (status: RunningStatus) => void): () => void {
    return subscribe(this.#statusListeners, listener);
  }

  onTripleFault(listener: (fault: TripleFault) => void): () => void {
    return subscribe(this.#faultListeners, listener);
  }

  #setStatus(status: RunningStatus): void {
    if (this.#status.type === "ended") return;
    this.#status = status;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#statusListeners) listener(this.#status);
  }

  async #sendKernel(): Promise<void> {
    try {
      const kernel = await this.#origin.loadKernel?.();
      if (kernel !== undefined) this.#thread?.send({ type: "kernel", bytes: kernel });
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      await this.#finish({ type: "no-kernel", error: reason });
    }
  }

  #ended_(): boolean {
    return this.#status.type === "ended";
  }

  #live(): MachineThread {
    if (this.#thread === undefined || this.#ended_())
      throw new MachineEndedError("the machine is not running");
    return this.#thread;
  }

  async run({ keepClock = false } = {}): Promise<void> {
    await this.#live().call((control) => control.run());
    // The guest's clock stood still meanwhile.
    if (!keepClock && this.agent.status?.stage === "run")
      this.agent.setIdentity({ time: Date.now() }).catch(() => undefined);
  }

  async pause(): Promise<void> {
    await this.#live().call((control) => control.pause());
  }

  async reset(): Promise<void> {
    this.agent.reset();
    await this.#live().call((control) => control.reset());
  }

  async powerOff(): Promise<void> {
    if (this.#thread === undefined) this.#end({ type: "power-off" });
    else await this.#finish({ type: "power-off" });
  }

  /** Saves the disks and ends the thread. */
  #finishing: Promise<void> | undefined;
  #finish(reason: EndReason): Promise<void> {
    this.#finishing ??= this.#closeThread(reason);
    return this.#finishing;
  }

  async #closeThread(reason: EndReason): Promise<void> {
    if (this.#ended_()) return;
    try {
      await this.#thread?.call((control) => control.close());
      this.#end(reason);
    } catch (error) {
      if (error instanceof MachineThreadError) return;
      this.#end(reason);
      throw error;
    }
  }

  #end(reason: EndReason): void {
    if (this.#ended_()) return;
    this.#thread?.end();
    this.#origin.giveBack?.(undefined);
    this.#setStatus({ type: "ended", reason });
    const words = `the machine has ended (${reason.type})`;
    this.agent.close(words);
    this.#loaded.resolve();
    this.#started.reject(new MachineEndedError(words));
    this.#ready.reject(new MachineEndedError(words));
    this.#ended.resolve(reason);
  }

  async shutDown({ timeoutMs = SHUT_DOWN_MS }: { timeoutMs?: number } = {}): Promise<void> {
    this.#live();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new MachineEndedError(`the guest did not shut down within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
    });
    this.agent.run("poweroff", { timeoutMs }).catch(() => undefined);
    try {
      await Promise.race([this.ended, tooLong]);
    } finally {
      clearTimeout(timer);
    }
  }

  async save(): Promise<MachineState> {
    const thread = this.#live();
    const wasRunning = this.#status.type === "running";
    if (wasRunning) await thread.call((control) => control.pause());
    const state = await thread.call((control) => control.save());
    if (wasRunning) await thread.call((control) => control.run());
    return state;
  }

  async suspend(): Promise<MachineState> {
    const thread = this.#live();
    await thread.call((control) => control.pause());
    const state = await thread.call((control) => control.save());
    await this.#finish({ type: "suspended" });
    return state;
  }

  async takeSnapshot(
    snapshot: LiveSnapshot,
    onProgress: OnProgress = () => undefined,
  ): Promise<TakenSnapshot> {
    return this.#live().call((control) => control.takeSnapshot(snapshot, proxy(onProgress)));
  }

  async revert(snapshot: string): Promise<number> {
    const thread = this.#live();
    const milliseconds = await thread.call((control) => control.revert(this.id, snapshot));
    this.agent.reset("the machine has gone back to a snapshot");
    if (this.#hasAgent) await this.#wakeUp();
    return milliseconds;
  }

  async insertMedium(drive: "cdrom" | "floppy", medium: Medium | null): Promise<void> {
    let resolved: WorkerMedium | undefined;
    if (medium?.type === "image-file") {
      const bytes = await this.#host.images.readPath(medium.image, medium.file);
      resolved = { type: "bytes", bytes: bytes.slice(), readOnly: true };
    } else {
      resolved = medium ?? undefined;
    }
    await this.#live().call((control) => control.insertMedium(drive, resolved));
  }

  setLink(nic: number, up: boolean): void {
    this.#thread?.send({ type: "link", nic, up });
  }

  connectNic(nic: number, port: MessagePort | undefined): void {
    this.#thread?.send({ type: "nic-port", nic, port }, port === undefined ? [] : [port]);
  }

  async statistics() {
    return this.#live().call((control) => control.statistics());
  }

  driveActivity() {
    const { hda, hdb, cdrom, floppy } = this.#activity;
    return { disks: [{ ...hda }, { ...hdb }], cdrom: { ...cdrom }, floppy: { ...floppy } };
  }

  async readMemory(address: number, length: number): Promise<Uint8Array> {
    return this.#live().call((control) => control.readMemory(address, length));
  }

  /** Names of the kernel's addresses, where the image has them and they can be loaded: without them a debugger works too. */
  async #symbols(): Promise<Uint8Array | undefined> {
    const { software } = this.spec;
    if (software.type !== "image") return undefined;
    const { images } = this.#host;
    try {
      const file = await images.fileOfRole(software.image, "symbols");
      return file && (await gunzip(await images.read(software.image, file)));
    } catch {
      return undefined;
    }
  }

  async openDebugger(): Promise<{ target: DebugTarget; close(): void }> {
    const thread = this.#live();
    const symbols = await this.#symbols();
    const channel = new MessageChannel();
    await thread.call((control) => control.openDebugger(transfer(channel.port2, [channel.port2]), symbols));
    const remote = wrap<DebugTarget>(channel.port1);
    return {
      target: {
        view: (request) => thread.call(() => remote.view(request)),
        command: (command) => thread.call<DebugAnswer>(() => remote.command(command)),
      },
      close: () => {
        channel.port1.close();
        if (this.#thread === thread)
          void thread.call((control) => control.closeDebugger()).catch(() => undefined);
      },
    };
  }
}

function idle(): DriveActivity {
  return { readBytes: 0, writtenBytes: 0 };
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** RFC 1123: letters, digits and hyphens, at most 63. A name without any becomes `linux`. */
export function hostName(name: string): string {
  const label = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63)
    .replace(/-+$/, "");
  return label === "" ? "linux" : label;
}
