/**
 * The presenter of the page: holds the library and the machines that run here, and is the only bridge between them and
 * the screen. Views read its signals and call its methods; every failure ends as one sentence in `notices`.
 */
import { Random, freshSeed } from "../../common/random.ts";
import { StateMismatchError, type MachineState as SavedMachine } from "../../emulator/machine.ts";
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
import type { ImageProgress } from "../../hypervisor-model/virtual-machines/images.ts";
import { StoreContents } from "../../hypervisor-model/virtual-machines/machine-contents.ts";
import { floppyOf, machineSpecOf } from "../../hypervisor-model/virtual-machines/machine-spec.ts";
import type {
  MachineStorage,
  StorageWorld,
} from "../../hypervisor-model/virtual-machines/machine-storage.ts";
import { ChannelPeers, NoPeers } from "../../hypervisor-model/virtual-machines/library-peers.ts";
import { MachineLibrary, type LibraryEntry } from "../../hypervisor-model/virtual-machines/library.ts";
import { nextState, type MachineEvent } from "../../hypervisor-model/virtual-machines/lifecycle.ts";
import type { EndReason, Medium } from "../../hypervisor-model/virtual-machines/running-machine-types.ts";
import { startMachine } from "../../hypervisor-model/virtual-machines/running-machine.ts";
import type { TaskEntry, TaskName } from "../../hypervisor-model/virtual-machines/task-log.ts";
import { budgetRefusal, isOverBudget } from "./availability.ts";
import {
  closeTab,
  findMachine,
  folders,
  machines,
  openTab,
  type Ending,
  type MachineView,
  type Session,
} from "./machines.ts";
import { machineHost } from "./machine-host.ts";
import { tellLosses } from "./lost-machines.ts";
import { MediaStore } from "./media-store.ts";
import { sourceOf } from "./own-media.ts";
import { PageNetworks } from "./networks.ts";
import { FigureWatch } from "./live-figures.ts";
import { catalogues } from "../i18n/messages.ts";
import { sentenceFor } from "./failure.ts";
import { dismissOf, notify, tellEnd, tellEntries, tellFailure, tellTripleFault } from "./notices.ts";
import { route } from "./route.ts";
import { GUEST_ANSWERS, MACHINE_STARTS } from "./start-marks.ts";
import { CANCELLED } from "./task-text.ts";
import { signal } from "./signals.ts";

export type StoredMedium = MediumReference;

/** The user gave up waiting: a line in the log, no notice. */
class StartCancelledError extends Error {
  override name = "StartCancelledError";
}

class Laboratory {
  readonly machines = machines;
  readonly tasks = signal<readonly TaskEntry[]>([]);
  readonly opened = signal(false);
  readonly storage = signal<Store["kind"]>("indexeddb");
  readonly storedBytes = signal(0);
  /** The guest image that is being loaded, with amounts; undefined when none is. */
  readonly imageProgress = signal<ImageProgress | undefined>(undefined);

  #firstLoaded: () => void = () => undefined;
  /** Resolves when a machine of this page has got all it needs for its start. */
  readonly firstLoaded = new Promise<void>((resolve) => (this.#firstLoaded = resolve));

  readonly #figures = new FigureWatch(
    (id) => this.#networks.frames(id),
    () => {
      const at = route.get();
      return at.type === "machine" ? at.id : undefined;
    },
  );
  readonly #starting = new Set<string>();
  /**
   * Snapshots, clones, templates, disks and bundles; loaded when first asked for. It logs its own tasks, its errors are for
   * `sentenceFor`.
   */
  machineStorage!: () => Promise<MachineStorage>;
  #library!: MachineLibrary;
  #contents!: StoreContents;
  #media!: MediaStore;
  readonly #networks = new PageNetworks((id, error) => tellFailure(this.find(id)?.name ?? "", 0, error, id));
  readonly #sessions = new Map<string, Session>();
  readonly #endings = new Map<string, Ending>();

  get networks(): PageNetworks {
    return this.#networks;
  }

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
    if (!(await this.#networks.open(store))) {
      notify(
        "warning",
        (m) => m.networks.unreadableTitle,
        (m) => m.networks.unreadable,
        { lasts: true },
      );
    }
    this.storage.set(store.kind);
    const { images } = machineHost;
    images.onProgress = (progress) =>
      this.imageProgress.set(progress.doneBytes < progress.totalBytes ? progress : undefined);
    machineHost.store = store;
    this.#contents = new StoreContents(store, images);
    const peers = store.kind === "indexeddb" ? new ChannelPeers("page", random.uuid()) : new NoPeers();
    this.#media = new MediaStore(store, peers.self);
    this.#library = await MachineLibrary.open({
      store,
      contents: this.#contents,
      peers,
      random,
      now: () => Date.now(),
    });
    this.#library.subscribe(() => this.#refresh());
    const world: StorageWorld = {
      store,
      library: this.#library,
      contents: this.#contents,
      power: {
        running: (id) => this.#sessions.get(id)?.machine,
        powerOff: (id) => this.#pullPlug(id),
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
    setTimeout(() => void this.#library.tidyUp(), 5000);
    this.#refresh();
    this.opened.set(true);
    if (typeof WebAssembly === "undefined") {
      notify(
        "danger",
        (m) => m.notice.noWasmTitle,
        (m) => m.notice.noWasm,
      );
    }
    tellEntries(this.#library.entries);
    if (store.kind !== "memory") void tellLosses(store, this.#library);
    void this.measure();
    setInterval(() => void this.measure(), 10_000);
    addEventListener("beforeunload", (event) => {
      if (this.#sessions.size === 0) return;
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
          run: () => void Promise.all([...this.#sessions.keys()].map((id) => this.suspend(id))),
        },
      },
    );
  }

  /** The very first visit: a running Linux with no other step. */
  get isEmpty(): boolean {
    return this.machines.get().length === 0 && this.tasks.get().length === 0;
  }

  readonly find = findMachine;

  get library(): MachineLibrary {
    return this.#library;
  }

  get takenNames(): readonly string[] {
    return this.machines.get().map(({ name }) => name);
  }

  async create(choices: MachineChoices, start = false): Promise<void> {
    await this.#try(choices.name ?? "Linux", choices.memoryMiB ?? 64, async () => {
      const { id } = await this.#library.create(choices).catch(async (error: unknown) => {
        // Disks that were imported for it belong to no machine.
        for (const disk of choices.disks ?? []) if (disk.id) await this.#contents.deleteDisk(disk.id);
        throw error;
      });
      openTab(id);
      if (start) await this.powerOn(id);
    });
  }

  async powerOn(id: string, mode: "warm" | "cold" = "warm"): Promise<void> {
    await this.#start(id, mode === "warm" ? "power-on" : "boot-cold");
  }

  async resume(id: string): Promise<void> {
    await this.#start(id, "resume");
  }

  async #start(id: string, action: "power-on" | "boot-cold" | "resume"): Promise<void> {
    const view = this.find(id);
    const { definition } = view ?? {};
    if (!view || !definition || this.#sessions.has(id) || this.#starting.has(id)) return;
    if (isOverBudget(definition.memoryMiB)) {
      notify(
        "warning",
        (m) => m.budget.title,
        (m) => budgetRefusal(m, definition.memoryMiB),
        { machine: id },
      );
      return;
    }
    dismissOf(id);
    this.#starting.add(id);
    await this.#task(view, action, async () => {
      const claimed = this.#library.claim(id);
      claimed.catch(() => undefined);
      let session: Session | undefined;
      try {
        const resume = action === "resume" ? await this.#savedState(id) : undefined;
        const spec = await machineSpecOf(definition, (medium) => this.#media.read(medium));
        spec.timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
        this.#networks.plugIn(spec, definition.nics);
        performance.mark(MACHINE_STARTS, { detail: id });
        const machine = startMachine(spec, machineHost, {
          mode: action === "boot-cold" ? "cold" : "warm",
          resume,
          after: claimed,
        });
        void machine.loaded.then(() => this.#firstLoaded());
        session = {
          machine,
          state: action === "resume" ? "resuming" : "starting",
          agentReady: false,
          resets: 0,
          cancelled: false,
        };
        this.#sessions.set(id, session);
        this.#endings.delete(id);
        this.#refresh();
        this.#follow(id, session);
        await machine.started;
        this.#event(id, session, action === "resume" ? "resumed" : "started");
        if (action === "resume") await this.#contents.deleteSavedState(id);
      } catch (error) {
        this.#networks.unplug(id);
        if (session) this.#sessions.delete(id);
        await this.#library.release(id, action === "resume" ? "suspended" : "off");
        this.#refresh();
        throw session?.cancelled ? new StartCancelledError() : error;
      }
    });
    this.#starting.delete(id);
    if (this.#starting.size === 0) this.imageProgress.set(undefined);
  }

  async #savedState(id: string): Promise<SavedMachine> {
    try {
      return await this.#contents.savedState(id);
    } catch (error) {
      const { name } = error as Error;
      if (!["NotFoundError", "DamagedError", "NewerVersionError"].includes(name)) throw error;
      throw new StateMismatchError("state", name, "a readable state");
    }
  }

  /** Gives up a start that has not got as far as a running machine. */
  async cancelStart(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    if (!session || !["starting", "resuming"].includes(session.state)) return;
    session.cancelled = true;
    await session.machine.powerOff();
  }

  /** Watches a machine to its end. */
  #follow(id: string, session: Session): void {
    const { machine } = session;
    this.#figures.watch(machine);
    void machine.ended.then(() => this.#figures.forget(machine));
    void this.#awaitAgent(session);
    // `ready` resolves once: later boots of the same machine are told by the agent itself.
    machine.agent.onStatus(({ stage }) => {
      session.agentReady = stage === "run";
      this.#refresh();
    });
    machine.onStatus((status) => {
      if (status.type === "paused") this.#event(id, session, "pause");
      if (status.type === "running" && session.state === "paused") this.#event(id, session, "continue");
      // After a reset of its own the guest cannot be asked until its agent speaks again.
      const agentReady = machine.agent.status?.stage === "run";
      if (agentReady === session.agentReady) return;
      session.agentReady = agentReady;
      this.#refresh();
    });
    machine.onTripleFault((fault) => tellTripleFault(fault, { id, name: this.find(id)?.name ?? "" }));
    void machine.ended.then((reason) => this.#ended(id, session, reason));
  }

  async #awaitAgent(session: Session): Promise<void> {
    try {
      await session.machine.ready;
      performance.mark(GUEST_ANSWERS, { detail: session.machine.id });
      session.agentReady = true;
      this.#refresh();
    } catch {
      // the guest has no agent, or ended before it answered
    }
  }

  async #ended(id: string, session: Session, reason: EndReason): Promise<void> {
    if (this.#sessions.get(id) === session) this.#networks.unplug(id);
    // `suspend` itself lets go, once the state is in the store.
    if (this.#sessions.get(id) !== session || reason.type === "suspended") return;
    this.#sessions.delete(id);
    this.#endings.set(id, { reason, machine: session.machine });
    const machine = { id, name: this.find(id)?.name ?? "" };
    await this.#library.release(id, "off");
    this.#refresh();
    await tellEnd(reason, machine, this.#library.tasks);
  }

  async suspend(id: string): Promise<void> {
    await this.#running(id, "suspend", async (session) => {
      this.#event(id, session, "suspend");
      const state = await session.machine.suspend().catch((error: unknown) => {
        this.#event(id, session, "suspend-failed");
        throw error;
      });
      let kept: "suspended" | "off" = "off";
      try {
        await this.#contents.keepState(id, state);
        kept = "suspended";
      } finally {
        this.#sessions.delete(id);
        await this.#library.release(id, kept);
      }
    });
  }

  async powerOff(id: string): Promise<void> {
    const view = this.find(id);
    if (view && !view.session) {
      await this.#task(view, "power-off", () => this.#library.discard(id));
      return;
    }
    await this.#running(id, "power-off", async (session) => {
      this.#event(id, session, "stop");
      await session.machine.powerOff();
    });
  }

  /** For a revert: without a line of its own in the log. */
  async #pullPlug(id: string): Promise<void> {
    const session = this.#sessions.get(id);
    if (!session) return;
    this.#sessions.delete(id);
    this.#networks.unplug(id);
    await session.machine.powerOff();
    await this.#library.release(id, "off");
    this.#refresh();
  }

  async shutDown(id: string): Promise<void> {
    await this.#running(id, "shut-down", (session) => session.machine.shutDown());
  }

  async reset(id: string): Promise<void> {
    await this.#running(id, "reset", async (session) => {
      session.agentReady = false;
      session.resets++;
      this.#refresh();
      await session.machine.reset();
    });
  }

  async pause(id: string): Promise<void> {
    await this.#running(id, "pause", ({ machine }) => machine.pause());
  }

  async continue(id: string): Promise<void> {
    await this.#running(id, "continue", ({ machine }) => machine.run());
  }

  /** Make codes of Ctrl, Alt and Del, then their break codes (PS/2 set 1). */
  async sendCtrlAltDel(id: string): Promise<void> {
    await this.#running(id, "send-keys", async ({ machine }) => {
      machine.display.sendScancodes([0x1d, 0x38, 0xe0, 0x53, 0xe0, 0xd3, 0xb8, 0x9d]);
    });
  }

  async rename(id: string, name: string): Promise<void> {
    await this.#try(name, 0, () => this.#library.rename(id, name));
  }

  async duplicate(id: string): Promise<void> {
    await this.#try(this.find(id)?.name ?? "", 0, async () => {
      const { id: copy } = await this.#library.duplicate(id);
      openTab(copy);
    });
  }

  async remove(id: string): Promise<void> {
    await this.#try(this.find(id)?.name ?? "", 0, async () => {
      const definition = this.#library.find(id);
      await this.#library.delete(id);
      if (definition) await this.#media.deleteUnused(definition, this.#definitions);
      this.#endings.delete(id);
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
    return this.#try(view.name, 0, async () => {
      const before = this.#library.find(id);
      await this.#library.update(id, change);
      const { machine } = view.session ?? {};
      if (machine) {
        if (change.cdrom) await machine.insertMedium("cdrom", await this.#cdFor(change.cdrom.medium));
        if (change.floppy) await machine.insertMedium("floppy", await this.#floppyFor(change.floppy.medium));
        if (change.nics) this.#networks.replug(machine, change.nics);
      }
      if (before) await this.#media.deleteUnused(before, this.#definitions);
      if (logged) await this.#library.tasks.note("edit", { id, name: view.name });
    });
  }

  keepMedium(file: File): Promise<StoredMedium> {
    return this.#media.keep(file);
  }

  /** Makes a disk of the user's disk image (raw, qcow2, VMDK), which the guest's writes stay in. */
  async importDisk(file: File): Promise<DiskDefinition> {
    const source = sourceOf(file);
    const find = (name: string) => (name === file.name ? source : undefined);
    const id = new Random(freshSeed()).uuid();
    const disk = await importDisk(machineHost.store!, file.name, find, { id, owner: this.#library.owner });
    return { id: disk.id, name: freeName(disk.name, []), sizeMiB: disk.sizeBytes / 2 ** 20 };
  }

  get #definitions(): MachineDefinition[] {
    return this.#library.entries.flatMap((entry) => (entry.type === "machine" ? [entry.definition] : []));
  }

  async #cdFor(medium: StoredMedium | null): Promise<Medium | null> {
    return medium && { type: "bytes", bytes: await this.#media.read(medium), readOnly: true };
  }

  async #floppyFor(medium: StoredMedium | null): Promise<Medium | null> {
    return medium && floppyOf(medium, (reference) => this.#media.read(reference));
  }

  /** Does something to the library; what fails becomes a notice. Gives whether it was done. */
  change(name: string, act: (library: MachineLibrary) => Promise<unknown>): Promise<boolean> {
    return this.#try(name, 0, () => act(this.#library));
  }

  async #running(id: string, task: TaskName, act: (session: Session) => Promise<void>): Promise<void> {
    const view = this.find(id);
    if (!view?.session) return;
    const { session } = view;
    await this.#task(view, task, () => act(session));
  }

  async #task(view: MachineView, task: TaskName, act: () => Promise<void>): Promise<void> {
    const { id, name } = view;
    const line = this.#library.tasks.begin(task, { id, name });
    line.catch(() => undefined);
    await this.#try(
      name,
      view.definition?.memoryMiB ?? 0,
      async () => {
        try {
          await act();
          await (await line).done();
        } catch (error) {
          const cancelled = error instanceof StartCancelledError;
          const words = error instanceof Error ? error.message : String(error);
          const sentence = sentenceFor(error, name, view.definition?.memoryMiB ?? 0);
          const told = { en: sentence(catalogues.en), "zh-CN": sentence(catalogues["zh-CN"]) };
          await (await line).failed({ error: cancelled ? CANCELLED : words, ...told });
          if (!cancelled) throw error;
        }
      },
      id,
    );
  }

  async #try(
    name: string,
    memoryMiB: number,
    act: () => Promise<unknown>,
    machine?: string,
  ): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      tellFailure(name, memoryMiB, error, machine);
      return false;
    } finally {
      this.#refresh();
    }
  }

  #event(id: string, session: Session, event: MachineEvent): void {
    const next = nextState(session.state, event);
    if (next && this.#sessions.get(id) === session) session.state = next;
    this.#refresh();
  }

  #refresh(): void {
    folders.set(this.#library.folders);
    this.machines.set(this.#library.entries.map((entry) => this.#viewOf(entry)));
    this.tasks.set([...this.#library.tasks.entries]);
  }

  #viewOf(entry: LibraryEntry): MachineView {
    if (entry.type === "unreadable")
      return { id: entry.id, name: entry.name, state: "off", elsewhere: false };
    const { definition, power } = entry;
    const session = this.#sessions.get(definition.id);
    const state = session?.state ?? (power.state === "suspended" ? "suspended" : "off");
    const elsewhere = this.#library.isElsewhere(definition.id);
    return {
      id: definition.id,
      name: definition.name,
      state,
      elsewhere,
      definition,
      session,
      ending: this.#endings.get(definition.id),
      isTemplate: this.#library.isTemplate(definition.id),
    };
  }
}

export const laboratory = new Laboratory();
