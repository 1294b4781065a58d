/**
 * The body of a machine's Worker: builds the engine with its drives and network cards and passes bytes between it and the
 * ports. It runs in a browser's Worker and in a worker thread of Node; only how the first message arrives differs.
 */
import { expose, transfer } from "comlink";
import type { CoreMachine } from "../../emulator/core/core-machine.ts";
import type { DriveName, Machine, MachineEvents, MachineOptions } from "../../emulator/machine.ts";
import { checkStateFits } from "../../emulator/machine-state.ts";
import { realNow } from "../../emulator/real-time.ts";
import { loadV86 } from "../../emulator/v86/load-v86.ts";
import { V86Machine } from "../../emulator/v86/v86-machine.ts";
import { RefusedError } from "../storage/errors.ts";
import { openIndexedDbStore } from "../storage/indexeddb-store.ts";
import { loadState } from "../storage/saved-state.ts";
import { revertChange, takeSnapshot, type SnapshotDocument } from "../storage/snapshots.ts";
import { connectStore } from "../storage/store-port.ts";
import type { BlockId, Store } from "../storage/store.ts";
import { Turn } from "../storage/turn.ts";
import type { DebugTarget } from "./bare-pc-protocol.ts";
import { openMedium, StoredDisk } from "./machine-worker-media.ts";
import { keepErrorFields } from "./thrown-errors.ts";
import {
  buffersOf,
  type FromWorker,
  type LiveSnapshot,
  type MachineControl,
  type StartingPoint,
  type TakenSnapshot,
  type ToWorker,
  type WorkerMedium,
  type WorkerPreparation,
  type WorkerStart,
} from "./machine-worker-protocol.ts";
import { MediumError } from "./memory-media.ts";
import { StoredFloppy } from "./stored-floppy.ts";
import type { OnProgress } from "../storage/stoppable.ts";

const MAX_WAITING_FRAMES = 256;

class MachineHolder implements MachineControl {
  readonly #start: WorkerStart;
  readonly #nicPorts: (MessagePort | undefined)[];
  #machine: Machine | undefined;
  #store: Store | undefined;
  #disks: StoredDisk[] = [];
  #floppy: StoredFloppy | undefined;
  #running = false;
  /** Stands still for a moment by our own doing: nobody is told, and frames still arrive. */
  #standsStill = false;
  /** Frames that came while it stood still. */
  readonly #waiting: { nic: number; frame: Uint8Array }[] = [];
  #watched = false;
  /** Snapshots and reverts one after another. */
  readonly #turn = new Turn();
  /** Blocks of the last snapshot: most of any other's are the same, and need not be read for a revert. */
  #lastState: ReadonlyMap<BlockId, Uint8Array> = new Map();

  constructor(start: WorkerStart) {
    this.#start = start;
    this.#nicPorts = start.nics.map(() => undefined);
    start.stream.onmessage = (event: MessageEvent<ToWorker>) => this.#take(event.data);
  }

  async build(): Promise<void> {
    const { setup, store } = this.#start;
    if (setup.store?.type === "indexeddb") this.#store = await indexedDbStore(setup.store.name);
    else if (store !== undefined) this.#store = await connectStore(store);
    const drives: MachineOptions["drives"] = {};
    for (const [drive, medium] of Object.entries(setup.drives) as [DriveName, WorkerMedium][]) {
      drives[drive] = await this.#open(medium);
    }
    this.#machine = await createMachine(setup, {
      hardware: setup.hardware,
      firmware: setup.firmware,
      boot: setup.boot,
      drives,
      seed: setup.seed,
      startTime: Date.now(),
      events: this.#events(),
    });
  }

  async start({ state, stateIsLent, kernel }: StartingPoint): Promise<void> {
    const { setup, nics } = this.#start;
    const machine = this.#built();
    if (kernel !== undefined) machine.provideKernel?.(kernel);
    if (state !== undefined) {
      await machine.restore(state);
      if (stateIsLent) this.#post({ type: "state-back", state }, buffersOf(state));
    }
    setup.links.forEach((up, nic) => machine.setLink(nic, up));
    nics.forEach((port, nic) => this.#connect(nic, port));
    if (!setup.paused) await machine.run();
  }

  async #open(medium: WorkerMedium) {
    const device = await openMedium(medium, this.#store, ({ name, message }) =>
      this.#post({ type: "disk-error", name, message }),
    );
    if (device instanceof StoredDisk) this.#disks.push(device);
    if (device instanceof StoredFloppy) this.#floppy = device;
    return device;
  }

  #post(message: FromWorker, buffers: ArrayBufferLike[] = []): void {
    this.#start.stream.postMessage(message, buffers as ArrayBuffer[]);
  }

  #events(): MachineEvents {
    return {
      status: (status) => {
        if (this.#standsStill && (status.type === "paused" || status.type === "running")) return;
        this.#running = status.type === "running";
        if (this.#running)
          for (const { nic, frame } of this.#waiting.splice(0)) this.#machine?.receive(nic, frame);
        this.#post({ type: "status", status });
      },
      serial: (port, bytes) => this.#post({ type: "serial", port, bytes }, [bytes.buffer]),
      transmit: (nic, frame) => this.#nicPorts[nic]?.postMessage(frame, [frame.buffer as ArrayBuffer]),
      screen: (update) => {
        if (this.#watched) this.#post({ type: "screen", update });
      },
      reset: (fault) => this.#post({ type: "reset", fault }),
      kernelWanted: () => this.#post({ type: "kernel-wanted" }),
      drive: (drive, operation, bytes) => this.#post({ type: "drive", drive, operation, bytes }),
    };
  }

  #connect(nic: number, port: MessagePort | undefined): void {
    this.#nicPorts[nic]?.close();
    this.#nicPorts[nic] = port;
    if (port === undefined) return;
    port.onmessage = (event: MessageEvent<Uint8Array>) => {
      if (this.#nicPorts[nic] !== port) return;
      // A stopped machine hears them when it goes on.
      if (!this.#running) this.#waiting.push({ nic, frame: event.data });
      else this.#machine?.receive(nic, event.data);
      if (this.#waiting.length > MAX_WAITING_FRAMES) this.#waiting.shift();
    };
  }

  #take(message: ToWorker): void {
    switch (message.type) {
      case "serial":
        this.#machine?.sendSerial(message.port, message.bytes);
        break;
      case "scancodes":
        this.#machine?.sendScancodes(message.codes);
        break;
      case "pointer":
        this.#machine?.movePointer(message.input);
        break;
      case "watch-screen":
        this.#watched = message.watch;
        if (message.watch) this.#machine?.refreshScreen();
        break;
      case "link":
        this.#machine?.setLink(message.nic, message.up);
        break;
      case "kernel":
        this.#machine?.provideKernel?.(message.bytes);
        break;
      case "nic-port":
        this.#connect(message.nic, message.port);
        break;
      case "ping":
        this.#post({ type: "pong", number: message.number });
        break;
      default:
        message satisfies never;
    }
  }

  #built(): Machine {
    if (this.#machine === undefined) throw new Error("the machine has not been built");
    return this.#machine;
  }

  run(): Promise<void> {
    return this.#built().run();
  }

  pause(): Promise<void> {
    return this.#built().pause();
  }

  reset(): Promise<void> {
    return this.#built().reset();
  }

  async save() {
    for (const { disk } of this.#disks) await disk.flush();
    await this.#floppy?.flush();
    const state = await this.#built().save();
    return transfer(state, buffersOf(state));
  }

  /** Stops the guest for the time of `act`; it goes on if it ran before. Gives the milliseconds that it stood still. */
  async #still(act: (machine: Machine) => Promise<void>): Promise<number> {
    const machine = this.#built();
    const wasRunning = this.#running;
    const from = realNow();
    this.#standsStill = true;
    try {
      if (wasRunning) await machine.pause();
      await act(machine);
    } finally {
      if (wasRunning) await machine.run();
      this.#standsStill = false;
    }
    return realNow() - from;
  }

  #ownStore(): Store {
    const volatile = (["hda", "hdb"] as const).find((drive) => {
      const medium = this.#start.setup.drives[drive];
      return medium !== undefined && medium.type !== "disk";
    });
    if (this.#store === undefined || volatile !== undefined) {
      throw new RefusedError(
        "what this guest writes to its disk is not in the store, so it cannot be kept by a snapshot",
        volatile ?? "no store",
        "disks in the store",
        { key: "disk-not-stored" },
      );
    }
    return this.#store;
  }

  takeSnapshot(snapshot: LiveSnapshot, onProgress: OnProgress): Promise<TakenSnapshot> {
    return this.#turn.run(() => this.#takeSnapshot(snapshot, onProgress));
  }

  revert(machine: string, snapshot: string): Promise<number> {
    return this.#turn.run(() => this.#revert(machine, snapshot));
  }

  async #takeSnapshot({ memory, ...snapshot }: LiveSnapshot, onProgress: OnProgress): Promise<TakenSnapshot> {
    const store = this.#ownStore();
    const disks = this.#disks.map(({ disk }) => disk);
    let taken: Promise<SnapshotDocument> | undefined;
    const stoodStill = await this.#still(async (machine) => {
      const state = memory ? await machine.save() : undefined;
      taken = takeSnapshot(store, {
        ...snapshot,
        disks,
        ...(state === undefined ? {} : { state }),
        onProgress,
        onStored: (blocks) => (this.#lastState = blocks),
      });
      taken.catch(() => undefined);
    });
    return { snapshot: await taken!, stoodStill };
  }

  async #revert(machineId: string, snapshotId: string): Promise<number> {
    const from = realNow();
    const store = this.#ownStore();
    const { setup } = this.#start;
    const { snapshot, change } = await revertChange(store, machineId, snapshotId);
    if (snapshot.state === null)
      throw new RefusedError("the snapshot has no memory to go on from", snapshot.name, "one with memory", {
        key: "snapshot-without-memory",
        snapshot: snapshot.name,
      });
    const state = await loadState(store, snapshot.state, this.#lastState);
    const { engine, engineVersion } = this.#built();
    checkStateFits(state, engine, engineVersion, setup.hardware);
    await this.#still(async (machine) => {
      // Nothing is lost if the commit fails, and nothing of the state that is given up is saved after it.
      for (const { disk } of this.#disks) await disk.flush();
      await store.commit(change);
      for (const disk of this.#disks) await disk.reopen();
      await machine.restore(state);
    });
    return realNow() - from;
  }

  async close(): Promise<void> {
    const machine = this.#machine;
    this.#running = false;
    if (machine !== undefined) await machine.destroy();
    for (const { disk } of this.#disks) await disk.close();
    await this.#floppy?.close();
    await this.#store?.close();
  }

  async insertMedium(drive: "cdrom" | "floppy", medium: WorkerMedium | undefined): Promise<void> {
    if (medium?.type === "disk") throw new MediumError(`a disk cannot go into the ${drive} drive`);
    const machine = this.#built();
    if (drive === "floppy") {
      await machine.insertMedium("floppy", undefined);
      await this.#floppy?.close();
      this.#floppy = undefined;
    }
    await machine.insertMedium(drive, medium === undefined ? undefined : await this.#open(medium));
  }

  async statistics() {
    return this.#built().statistics();
  }

  async readMemory(address: number, length: number) {
    const bytes = this.#built().readMemory(address, length);
    return transfer(bytes, [bytes.buffer as ArrayBuffer]);
  }

  async openDebugger(port: MessagePort, symbols: Uint8Array | undefined): Promise<void> {
    const machine = this.#built();
    if (!isCore(machine)) throw new Error("only a machine on the core can be debugged");
    const { DebugSession } = await import("../../emulator/core/debug/session.ts");
    const { parseSystemMap, Symbols } = await import("../../emulator/core/debug/symbols.ts");
    const labels = symbols === undefined ? Symbols.none : parseSystemMap(new TextDecoder().decode(symbols));
    const session = new DebugSession(await machine.attachDebugger(labels));
    const target: DebugTarget = {
      view: async (request) => session.view(request),
      command: (command) => session.command(command),
    };
    expose(target, port);
  }

  async closeDebugger(): Promise<void> {
    const machine = this.#built();
    if (isCore(machine)) machine.detachDebugger();
  }
}

const isCore = (machine: Machine): machine is CoreMachine => machine.engine === "core";

/** Either engine is loaded by the machine that needs it. */
async function createMachine(
  { engine, module }: WorkerStart["setup"],
  options: MachineOptions,
): Promise<Machine> {
  switch (engine) {
    case "core": {
      const { CoreMachine } = await import("../../emulator/core/core-machine.ts");
      return CoreMachine.create(options);
    }
    case "v86":
      if (module === undefined) throw new Error("the engine's WebAssembly module is missing");
      return V86Machine.create(module, options);
    default:
      return engine satisfies never;
  }
}

/** The store that was opened before there was a machine. */
let prepared: { name: string; store: Promise<Store> } | undefined;

function prepare({ store: name }: WorkerPreparation): void {
  loadV86().catch(() => undefined);
  prepared = { name, store: openIndexedDbStore(name) };
  prepared.store.catch(() => undefined);
}

function indexedDbStore(name: string): Promise<Store> {
  const open = () => openIndexedDbStore(name);
  return prepared?.name === name ? prepared.store.catch(open) : open();
}

function begin(start: WorkerStart): void {
  keepErrorFields();
  expose(new MachineHolder(start), start.control);
}

/** Not a literal, so that the page's bundle does not look for it. */
const NODE_THREADS = "node:worker_threads";

if (typeof WorkerGlobalScope === "undefined") {
  const { parentPort } = await import(/* @vite-ignore */ NODE_THREADS);
  parentPort.once("message", begin);
} else {
  addEventListener("message", function take(event: MessageEvent<WorkerPreparation | WorkerStart>) {
    if ("type" in event.data) {
      prepare(event.data);
      return;
    }
    removeEventListener("message", take);
    begin(event.data);
  });
}
