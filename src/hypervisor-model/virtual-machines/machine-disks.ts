/** Disks of the library: made, put into machines and taken out, enlarged, looked into, and from and to image files. */
import { findBreak, modifyParent, moveParent, repairChain } from "../storage/chain-repair.ts";
import {
  createDisk,
  listDisks,
  LARGEST_DISK_MIB,
  readDisk,
  resizeChange,
  type DiskDocument,
} from "../storage/disk-document.ts";
import { diskFiles, importDisk, type DiskFormat, type OutputFile } from "../storage/disk-files.ts";
import { openDisk } from "../storage/disk.ts";
import { RefusedError } from "../storage/errors.ts";
import type { FileFinder } from "../storage/formats/image.ts";
import { topmostImage } from "../storage/formats/open-image.ts";
import { qcow2HeaderText } from "../storage/formats/qcow2.ts";
import { serialiseVmdkDescriptor, splitExtents } from "../storage/formats/vmdk-descriptor.ts";
import { readChain, readLayerMap, type LayerDocument } from "../storage/layer.ts";
import { MergedMap } from "../storage/merged-map.ts";
import { listSnapshots } from "../storage/snapshots.ts";
import { BLOCK_SIZE } from "../storage/store.ts";
import {
  freeName,
  MAX_DISKS,
  nameRefusal,
  type DiskDefinition,
  type MachineDefinition,
} from "./definition.ts";
import { NoSuchMachineError } from "./library.ts";
import { RefusedActionError } from "./lifecycle.ts";
import type { OnProgress, StorageWorld } from "./machine-storage.ts";

const MIB = 2 ** 20;

export interface DiskSummary {
  id: string;
  name: string;
  sizeMiB: number;
  provisioning: "thin" | "full";
  split: boolean;
  /** The machine that it is in; a disk may be in none. */
  machine?: { id: string; name: string };
}

export interface LayerView {
  id: string;
  /** As VMware would name its file: `data.vmdk`, above it `data-000001.vmdk`. */
  file: string;
  /** Blocks of 4 KiB that this layer has itself. */
  blocks: number;
  /** Written to now: "you are here". */
  isLive: boolean;
  /** On purpose, so that its children do not find it. */
  isMoved: boolean;
  cid: string;
  parentCid: string;
  /** Snapshots of the disk's machine that froze it. */
  snapshots: { id: string; name: string }[];
  /** The descriptor that VMware would write for it. */
  descriptor: string;
  /** The header that QEMU would write for it. */
  qcow2Header: string;
}

export interface DiskChain {
  disk: DiskSummary;
  /** Lowest first. */
  layers: LayerView[];
  /** Where the chain is broken: ParentModifiedError or NotFoundError. */
  problem?: Error;
  /** Index in `layers` of the layer that a block is read from; -1: none has it, it reads as zeros. */
  layerOf(block: number): number;
  /** The same of every layer that has the block, topmost first. */
  layersWith(block: number): number[];
  /** Every block that some layer has, ascending, with the index of the layer it is read from. */
  blocks(): Iterable<{ block: number; owner: number }>;
}

export interface NewDiskChoices {
  name: string;
  sizeMiB: number;
  provisioning?: "thin" | "full";
  split?: boolean;
}

export class MachineDisks {
  readonly #world: StorageWorld;

  constructor(world: StorageWorld) {
    this.#world = world;
  }

  async list(): Promise<DiskSummary[]> {
    return (await listDisks(this.#world.store)).map((disk) => this.#summaryOf(disk));
  }

  #summaryOf({ id, name, sizeBytes, provisioning, split }: DiskDocument): DiskSummary {
    const machine = this.#machineOf(id);
    return {
      id,
      name: machine?.disks.find((disk) => disk.id === id)?.name ?? name,
      sizeMiB: sizeBytes / MIB,
      provisioning,
      split,
      ...(machine === undefined ? {} : { machine: { id: machine.id, name: machine.name } }),
    };
  }

  /** A blank disk that is in no machine yet. */
  async create(choices: NewDiskChoices): Promise<DiskSummary> {
    const { id } = await createDisk(this.#world.store, { ...choices, id: this.#world.random.uuid() });
    await this.#world.library.changed();
    return this.#summary(id);
  }

  /** Puts a disk that is in no machine into one that is off. */
  async attach(machine: string, disk: string): Promise<void> {
    const definition = this.#unused(machine);
    const owner = this.#machineOf(disk);
    const { name, sizeBytes } = await readDisk(this.#world.store, disk);
    if (owner !== undefined)
      throw new RefusedError(`the disk ${name} is in the machine ${owner.name}`, owner.name, "a free disk", {
        key: "disk-in-machine",
        machine: owner.name,
      });
    if (definition.disks.length >= MAX_DISKS - (definition.image.type === "disk" ? 1 : 0))
      throw new RefusedError(
        `a machine has at most ${MAX_DISKS} disks`,
        `${MAX_DISKS} disks`,
        "a free place",
        { key: "disk-count", maximum: MAX_DISKS },
      );
    // An image file may have any name.
    const allowed = nameRefusal(name, []) === undefined ? name.trim() : freeName(name, []);
    const attached: DiskDefinition = { id: disk, name: allowed, sizeMiB: sizeBytes / MIB };
    await this.#change(definition, [...definition.disks, attached]);
  }

  /** Takes a disk out of a machine that is off. It is kept. */
  async detach(machine: string, disk: string): Promise<void> {
    const definition = this.#unused(machine);
    await this.#change(
      definition,
      definition.disks.filter(({ id }) => id !== disk),
    );
  }

  /** Deletes a disk that is in no machine. Layers that snapshots or clones stand on stay. */
  async delete(disk: string): Promise<void> {
    const owner = this.#machineOf(disk);
    if (owner !== undefined) {
      const message = `the disk is in the machine ${owner.name}: take it out first`;
      throw new RefusedError(message, owner.name, "a free disk", {
        key: "disk-in-machine",
        machine: owner.name,
      });
    }
    await this.#world.contents.deleteDisk(disk);
    await this.#world.library.changed();
  }

  /** Makes a disk larger; the guest's partitions and file systems stay as they are. A disk is never made smaller. */
  async resize(disk: string, sizeMiB: number): Promise<void> {
    const { store, library } = this.#world;
    const { sizeBytes, name } = await readDisk(store, disk);
    const size = `${sizeBytes / MIB} MiB`;
    if (!Number.isInteger(sizeMiB) || sizeMiB * MIB <= sizeBytes || sizeMiB > LARGEST_DISK_MIB) {
      const message = `the disk ${name} of ${size} cannot be made ${sizeMiB} MiB large: it can only grow`;
      throw new RefusedError(
        message,
        `${sizeMiB} MiB`,
        `more than ${size}, at most ${LARGEST_DISK_MIB} MiB`,
        {
          key: "disk-size",
          disk: name,
          sizeMiB: Math.floor(sizeBytes / MIB),
          maximumMiB: LARGEST_DISK_MIB,
        },
      );
    }
    const owner = this.#machineOf(disk);
    const change = await resizeChange(store, disk, sizeMiB * MIB);
    if (owner === undefined) {
      await library.commit(change);
      return;
    }
    const definition = this.#unused(owner.id);
    const disks = definition.disks.map((old) => (old.id === disk ? { ...old, sizeMiB } : old));
    await library.commit(change, library.changeOf(owner.id, { disks }, library.power(owner.id)));
    await this.#note(definition);
  }

  /** The layers of a disk as they are in the store. */
  async chain(disk: string): Promise<DiskChain> {
    const { store } = this.#world;
    const summary = await this.#summary(disk);
    const { layer: top, sizeBytes } = await readDisk(store, disk);
    const chain = await readChain(store, top, true);
    const maps = await Promise.all(chain.map(({ id }) => readLayerMap(store, id)));
    const merged = new MergedMap();
    for (const [owner, map] of maps.entries()) merged.lay(map, owner);
    const snapshots = summary.machine ? await listSnapshots(store, summary.machine.id) : [];
    const layers = chain.map((layer, at): LayerView => {
      let blocks = 0;
      for (const entries of maps[at].values()) blocks += entries.size;
      return {
        id: layer.id,
        file: fileOf(summary.name, at),
        blocks,
        isLive: at === chain.length - 1,
        isMoved: layer.movedAway === true,
        cid: layer.cid,
        parentCid: layer.parentCid,
        snapshots: snapshots
          .filter(({ disks }) => disks.some((one) => one.id === disk && one.layer === layer.id))
          .map(({ id, name }) => ({ id, name })),
        descriptor: descriptorOf(layer, at, summary),
        qcow2Header: qcow2HeaderText(sizeBytes, at === 0 ? undefined : qcow2FileOf(summary.name, at - 1)),
      };
    });
    const problem = await findBreak(store, disk);
    const has = (at: number, block: number) =>
      maps[at].get(Math.floor(block / 256))?.has(block % 256) === true;
    return {
      disk: summary,
      layers,
      ...(problem === undefined ? {} : { problem }),
      layerOf: (block) => merged.ownerOf(block) ?? -1,
      layersWith: (block) => [...layers.keys()].filter((at) => has(at, block)).reverse(),
      blocks: () => merged.entries(),
    };
  }

  /** Edits a layer behind its child's back, or moves it away, so that the chain is broken as VMware's would be. */
  async breakChain(disk: string, layer: string, how: "edit" | "move" = "edit"): Promise<void> {
    this.#refuseInUse(disk);
    await (how === "edit" ? modifyParent : moveParent)(this.#world.store, layer);
    await this.#world.library.changed();
  }

  /** Gives the number of layers that were changed. */
  async repairChain(disk: string): Promise<number> {
    this.#refuseInUse(disk);
    const changed = await repairChain(this.#world.store, disk);
    await this.#world.library.changed();
    return changed;
  }

  /** The 4 KiB of a block as the disk has them now in the store. */
  async readBlock(disk: string, block: number): Promise<Uint8Array> {
    const open = await openDisk(this.#world.store, disk, { readOnly: true });
    return open.read(block * BLOCK_SIZE, BLOCK_SIZE);
  }

  /**
   * Makes a disk, in no machine yet, of an image file (raw, qcow2, VMDK) and those it stands on; of several names the one
   * that no other file names is meant. Throws FormatError or UnsupportedFormatError that say what was found.
   */
  async import(
    names: string | readonly string[],
    find: FileFinder,
    onProgress?: OnProgress,
  ): Promise<DiskSummary> {
    const { store, random, library } = this.#world;
    const name = typeof names === "string" ? names : await topmostImage(names, find);
    const { id } = await importDisk(store, name, find, {
      id: random.uuid(),
      owner: library.owner,
      ...(onProgress && { onProgress }),
    });
    await library.changed();
    return this.#summary(id);
  }

  /** The files of an image of the disk, to be written one after another: one, or more for a split VMDK. */
  async export(disk: string, format: DiskFormat, onProgress?: OnProgress): Promise<OutputFile[]> {
    this.#refuseInUse(disk);
    const { name } = await this.#summary(disk);
    const open = await openDisk(this.#world.store, disk, { readOnly: true });
    return diskFiles(open, name, format, onProgress);
  }

  async #summary(disk: string): Promise<DiskSummary> {
    return this.#summaryOf(await readDisk(this.#world.store, disk));
  }

  #machineOf(disk: string): MachineDefinition | undefined {
    const entry = this.#world.library.entries.find(
      (entry) => entry.type === "machine" && entry.definition.disks.some(({ id }) => id === disk),
    );
    return entry?.type === "machine" ? entry.definition : undefined;
  }

  #refuseInUse(disk: string): void {
    const machine = this.#machineOf(disk);
    if (machine !== undefined) this.#unused(machine.id, false);
  }

  /** The machine, if its disks may change: it is off and no template. */
  #unused(machine: string, toChange = true): MachineDefinition {
    const { library } = this.#world;
    const definition = library.find(machine);
    if (definition === undefined) throw new NoSuchMachineError(machine);
    const { state } = library.power(machine);
    const refuse = (key: "elsewhere" | "running" | "suspended" | "template") => {
      throw new RefusedActionError(definition.name, "edit-hardware", { key });
    };
    if (library.isElsewhere(machine)) refuse("elsewhere");
    if (state === "running") refuse("running");
    if (toChange && state === "suspended") refuse("suspended");
    if (toChange && library.isTemplate(machine)) refuse("template");
    return definition;
  }

  async #change(definition: MachineDefinition, disks: DiskDefinition[]): Promise<void> {
    const { library } = this.#world;
    await library.commit(library.changeOf(definition.id, { disks }, library.power(definition.id)));
    await this.#note(definition);
  }

  async #note({ id, name }: MachineDefinition): Promise<void> {
    await this.#world.library.tasks.note("edit", { id, name });
  }
}

/** VMware's names: deltas are numbered from 000001 on. */
function fileOf(name: string, at: number): string {
  return at === 0 ? `${name}.vmdk` : `${name}-${String(at).padStart(6, "0")}.vmdk`;
}

/** QEMU has no rule for the names of overlays: ours are numbered alike. */
function qcow2FileOf(name: string, at: number): string {
  return fileOf(name, at).replace(/\.vmdk$/, ".qcow2");
}

/** A base of a pre-allocated disk is flat, as VMware makes it; deltas are always sparse. */
function descriptorOf(
  { cid, parentCid, sizeBytes }: LayerDocument,
  at: number,
  { name, split, provisioning }: DiskSummary,
): string {
  const file = fileOf(name, at);
  const sectors = sizeBytes / 512;
  const isFlat = at === 0 && provisioning === "full";
  const one = { sectors, name: isFlat ? file.replace(/\.vmdk$/, "-flat.vmdk") : file };
  return serialiseVmdkDescriptor({
    createType: isFlat
      ? split
        ? "twoGbMaxExtentFlat"
        : "monolithicFlat"
      : split
        ? "twoGbMaxExtentSparse"
        : "monolithicSparse",
    cid,
    parentCid,
    ...(at === 0 ? {} : { parentFileNameHint: fileOf(name, at - 1) }),
    extents: split ? splitExtents(sectors, file, isFlat ? "f" : "s") : [one],
  });
}
