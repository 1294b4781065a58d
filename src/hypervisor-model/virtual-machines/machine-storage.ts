/**
 * What a user does with a machine's storage, for the page and the command line alike: snapshots, clones and templates,
 * disks, and files that take all of it elsewhere. It stands on the library (which machines there are and who runs them),
 * the store, and whoever starts and ends machines.
 *
 *     const storage = new MachineStorage({ store, library, contents, power, random, now });
 *     const { id } = await storage.snapshots.take(machine, { name: "clean" });
 *     await storage.snapshots.revert(machine, id);
 *
 * Each method logs its task in the library's task log. What takes longer than half a second calls `onProgress` with the
 * part that is done, 0 to 1. With `stoppable(signal, onProgress)` in its place it ends early when the signal is aborted,
 * and everything is as it was before.
 */
import type { Random } from "../../common/random.ts";
import type { Store } from "../storage/store.ts";
import { GuestFiles } from "./guest-files.ts";
import type { MachineLibrary } from "./library.ts";
import { MachineBundles } from "./machine-bundles.ts";
import { MachineClones } from "./machine-clones.ts";
import type { StoreContents } from "./machine-contents.ts";
import { MachineDisks } from "./machine-disks.ts";
import { MachineSnapshots } from "./machine-snapshots.ts";
import type { RunningMachine } from "./running-machine-types.ts";

/** Starts and ends machines: the page, or the player of a scenario. */
export interface MachinePower {
  /** The machine, if it runs here. */
  running(id: string): RunningMachine | undefined;
  /** Pulls the plug; resolves when the library has the machine as off. */
  powerOff(id: string): Promise<void>;
  /** Starts a machine that the library has as suspended from its saved state; resolves when it runs. */
  resume(id: string): Promise<void>;
}

export interface StorageWorld {
  store: Store;
  library: MachineLibrary;
  contents: StoreContents;
  power: MachinePower;
  random: Random;
  /** Milliseconds since 1970. */
  now(): number;
}

export type { OnProgress } from "../storage/stoppable.ts";

export class MachineStorage {
  readonly snapshots: MachineSnapshots;
  readonly clones: MachineClones;
  readonly disks: MachineDisks;
  readonly bundles: MachineBundles;
  readonly files: GuestFiles;

  constructor(world: StorageWorld) {
    this.snapshots = new MachineSnapshots(world);
    this.clones = new MachineClones(world, this.snapshots);
    this.disks = new MachineDisks(world);
    this.bundles = new MachineBundles(world);
    this.files = new GuestFiles(world);
  }
}
