/**
 * The presenter of the page: holds the library and, in machine-power.ts, the machines that run here; it is the only bridge
 * between them and the screen. Views read its signals and call its methods; every failure ends as one sentence in `notices`.
 */
import { Random, freshSeed } from "../../common/random.ts";
import { MemoryStore } from "../../hypervisor-model/storage/memory-store.ts";
import { StorageUnavailableError } from "../../hypervisor-model/storage/errors.ts";
import { openIndexedDbStore } from "../../hypervisor-model/storage/indexeddb-store.ts";
import type { Store } from "../../hypervisor-model/storage/store.ts";
import { importDisk } from "../../hypervisor-model/storage/disk-files.ts";
import {
  freeName,
  type DiskDefinition,
  type MachineChoices,
  type MachineDefinition,
  type MediumReference,
} from "../../hypervisor-model/virtual-machines/definition.ts";
import { StoreContents } from "../../hypervisor-model/virtual-machines/machine-contents.ts";
import { floppyOf } from "../../hypervisor-model/virtual-machines/machine-spec.ts";
import type {
  MachineStorage,
  StorageWorld,
} from "../../hypervisor-model/virtual-machines/machine-storage.ts";
import { ChannelPeers, NoPeers } from "../../hypervisor-model/virtual-machines/library-peers.ts";
import { MachineLibrary, type LibraryEntry } from "../../hypervisor-model/virtual-machines/library.ts";
import type { Medium } from "../../hypervisor-model/virtual-machines/running-machine-types.ts";
import type { TaskEntry } from "../../hypervisor-model/virtual-machines/task-log.ts";
import { closeTab, folders, machines, openTab, type MachineView } from "./machines.ts";
import { machineHost } from "./machine-host.ts";
import { tellLosses } from "./lost-machines.ts";
import { MediaStore } from "./media-store.ts";
import { sourceOf } from "./own-media.ts";
import { dismissOf, notify, isNewer, tellEntries } from "./notices.ts";
import { signal } from "./signals.ts";
import { MachinePower } from "./machine-power.ts";

export type StoredMedium = MediumReference;

class Laboratory extends MachinePower {
  readonly machines = machines;
  readonly tasks = signal<readonly TaskEntry[]>([]);
  readonly opened = signal(false);
  readonly storage = signal<Store["kind"]>("indexeddb");
  readonly storedBytes = signal(0);
  /**
   * Snapshots, clones, templates, disks and bundles; loaded when first asked for. It logs its own tasks, its errors are for
   * `sentenceFor`.
   */
  machineStorage!: () => Promise<MachineStorage>;
  library!: MachineLibrary;
  protected contents!: StoreContents;
  protected media!: MediaStore;

  async open(): Promise<void> {
    const random = new Random(freshSeed());
    let store: Store;
    try {
      store = await openIndexedDbStore();
    } catch (error) {
      store = new MemoryStore();
      if (error instanceof StorageUnavailableError) {
        notify(
          "warning",
          (m) => m.notice.memoryOnlyTitle,
          (m) => m.notice.memoryOnly,
          { lasts: true },
        );
      } else {
        notify(
          "danger",
          (m) => m.notice.damagedTitle,
          (m) => m.notice.damaged((error as Error).message),
          { lasts: true },
        );
      }
    }
    const networksAreRead = this.networks.open(store);
    this.storage.set(store.kind);
    const { images } = machineHost;
    images.onProgress = (progress) =>
      this.imageProgress.set(progress.doneBytes < progress.totalBytes ? progress : undefined);
    machineHost.store = store;
    this.contents = new StoreContents(store, images);
    const peers = store.kind === "indexeddb" ? new ChannelPeers("page", random.uuid()) : new NoPeers();
    this.media = new MediaStore(store, peers.self);
    this.library = await MachineLibrary.open({
      store,
      contents: this.contents,
      peers,
      random,
      now: () => Date.now(),
    });
    if (!(await networksAreRead)) {
      notify(
        "warning",
        (m) => m.networks.unreadableTitle,
        (m) => m.networks.unreadable,
        { lasts: true },
      );
    }
    this.library.subscribe(() => this.refresh());
    const world: StorageWorld = {
      store,
      library: this.library,
      contents: this.contents,
      power: {
        running: (id) => this.sessions.get(id)?.machine,
        powerOff: (id) => this.pullPlug(id),
        resume: (id) => this.resume(id),
      },
      random,
      now: () => Date.now(),
    };
    let loading: Promise<MachineStorage> | undefined;
    this.machineStorage = () =>
      (loading ??= import("../../hypervisor-model/virtual-machines/machine-storage.ts").then(
        ({ MachineStorage }) => new MachineStorage(world),
      ));
    setTimeout(() => void this.library.tidyUp(), 5000);
    this.refresh();
    this.opened.set(true);
    if (typeof WebAssembly === "undefined") {
      notify(
        "danger",
        (m) => m.notice.noWasmTitle,
        (m) => m.notice.noWasm,
      );
    }
    tellEntries(this.library.entries);
    if (store.kind !== "memory") void tellLosses(store, this.library);
    void this.measure();
    setInterval(() => void this.measure(), 10_000);
    addEventListener("beforeunload", (event) => {
      if (this.sessions.size === 0) return;
      event.preventDefault();
      // Runs only when the user stays.
      if (store.kind !== "memory") setTimeout(() => this.#offerToSuspend(), 500);
    });
  }

  /** Bytes that the store takes now. */
  async measure(): Promise<number> {
    const usage = await machineHost.store?.usage();
    if (usage) this.storedBytes.set(usage.storedBytes);
    return this.storedBytes.get();
  }

  #offerToSuspend(): void {
    notify(
      "warning",
      (m) => m.storage.closing.title,
      (m) => m.storage.closing.text,
      {
        act: {
          label: (m) => m.storage.closing.action,
          run: () => void this.suspendAll(),
        },
      },
    );
  }

  /** The very first visit: a running Linux with no other step. */
  get isEmpty(): boolean {
    return this.machines.get().length === 0 && this.tasks.get().length === 0;
  }

  get takenNames(): readonly string[] {
    return this.machines.get().map(({ name }) => name);
  }

  async create(choices: MachineChoices, start = false): Promise<void> {
    await this.attempt(choices.name ?? "Linux", choices.memoryMiB ?? 64, async () => {
      const { id } = await this.library.create(choices).catch(async (error: unknown) => {
        // Disks that were imported for it belong to no machine.
        for (const disk of choices.disks ?? []) if (disk.id) await this.contents.deleteDisk(disk.id);
        throw error;
      });
      openTab(id);
      if (start) await this.powerOn(id);
    });
  }

  async rename(id: string, name: string): Promise<void> {
    await this.attempt(name, 0, () => this.library.rename(id, name));
  }

  async duplicate(id: string): Promise<void> {
    await this.attempt(this.find(id)?.name ?? "", 0, async () => {
      const { id: copy } = await this.library.duplicate(id);
      openTab(copy);
    });
  }

  async remove(id: string): Promise<void> {
    await this.attempt(this.find(id)?.name ?? "", 0, async () => {
      const definition = this.library.find(id);
      await this.library.delete(id);
      if (definition) await this.media.deleteUnused(definition, this.#definitions);
      this.endings.delete(id);
      dismissOf(id);
      closeTab(id);
    });
  }

  /** Changes settings; a medium or a cable of a running machine is changed in the machine too. */
  async update(
    id: string,
    change: Partial<Omit<MachineDefinition, "id" | "version">>,
    logged = true,
  ): Promise<boolean> {
    const view = this.find(id);
    if (!view) return false;
    return this.attempt(view.name, 0, async () => {
      const before = this.library.find(id);
      await this.library.update(id, change);
      const { machine } = view.session ?? {};
      if (machine) {
        if (change.cdrom) await machine.insertMedium("cdrom", await this.#cdFor(change.cdrom.medium));
        if (change.floppy) await machine.insertMedium("floppy", await this.#floppyFor(change.floppy.medium));
        if (change.nics) this.networks.replug(machine, change.nics);
      }
      if (before) await this.media.deleteUnused(before, this.#definitions);
      if (logged) await this.library.tasks.note("edit", { id, name: view.name });
    });
  }

  keepMedium(file: File): Promise<StoredMedium> {
    return this.media.keep(file);
  }

  /** Makes a disk of the user's disk image (raw, qcow2, VMDK), which the guest's writes stay in. */
  async importDisk(file: File): Promise<DiskDefinition> {
    const source = sourceOf(file);
    const find = (name: string) => (name === file.name ? source : undefined);
    const id = new Random(freshSeed()).uuid();
    const disk = await importDisk(machineHost.store!, file.name, find, { id, owner: this.library.owner });
    return { id: disk.id, name: freeName(disk.name, []), sizeMiB: disk.sizeBytes / 2 ** 20 };
  }

  get #definitions(): MachineDefinition[] {
    return this.library.entries.flatMap((entry) => (entry.type === "machine" ? [entry.definition] : []));
  }

  async #cdFor(medium: StoredMedium | null): Promise<Medium | null> {
    return medium && { type: "bytes", bytes: await this.media.read(medium), readOnly: true };
  }

  async #floppyFor(medium: StoredMedium | null): Promise<Medium | null> {
    return medium && floppyOf(medium, (reference) => this.media.read(reference));
  }

  /** Does something to the library; what fails becomes a notice. Gives whether it was done. */
  change(name: string, act: (library: MachineLibrary) => Promise<unknown>): Promise<boolean> {
    return this.attempt(name, 0, () => act(this.library));
  }

  protected refresh(): void {
    folders.set(this.library.folders);
    this.machines.set(this.library.entries.map((entry) => this.#viewOf(entry)));
    this.tasks.set([...this.library.tasks.entries]);
  }

  #viewOf(entry: LibraryEntry): MachineView {
    if (entry.type === "unreadable")
      return { id: entry.id, name: entry.name, state: "off", elsewhere: false, isNewer: isNewer(entry) };
    const { definition, power } = entry;
    const session = this.sessions.get(definition.id);
    const state = session?.state ?? (power.state === "suspended" ? "suspended" : "off");
    const elsewhere = this.library.isElsewhere(definition.id);
    return {
      id: definition.id,
      name: definition.name,
      state,
      elsewhere,
      definition,
      session,
      ending: this.endings.get(definition.id),
      isTemplate: this.library.isTemplate(definition.id),
    };
  }
}

export const laboratory = new Laboratory();
