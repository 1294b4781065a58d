/**
 * The library: every machine the user has, as documents in the store, with who runs each of them. Definitions that this
 * version cannot read are listed as such and never touched. All pages that share the store see the same library.
 */
import type { Random } from "../../common/random.ts";
import { ConflictError } from "../storage/errors.ts";
import { dropInterruptedImports } from "../storage/import-hold.ts";
import { joinChanges } from "../storage/join-changes.ts";
import type { IdleDisks } from "../storage/layer-references.ts";
import {
  linkedClones,
  readTree,
  SNAPSHOT_TREES,
  type LinkedClone,
  type SnapshotTree,
} from "../storage/snapshots.ts";
import type { Change, Store } from "../storage/store.ts";
import {
  duplicateOf,
  nameRefusal,
  newDefinition,
  parseDefinition,
  type DiskDefinition,
  type MachineChoices,
  type MachineDefinition,
  type Taken,
} from "./definition.ts";
import type { LibraryPeers } from "./library-peers.ts";
import { RefusedActionError } from "./lifecycle.ts";
import {
  changePower,
  FIRST_POWER_RECORD,
  newPowerRecord,
  powerDocument,
  powerChange,
  readPowerRecords,
  type PowerRecord,
  type PowerState,
} from "./power-record.ts";
import { describeProblem, type Problem } from "./reasons.ts";
import { TaskLog } from "./task-log.ts";

export const MACHINE_COLLECTION = "machines";
export const FOLDER_COLLECTION = "folders";

export type LibraryEntry =
  | {
      type: "machine";
      definition: MachineDefinition;
      power: PowerState;
      isTemplate: boolean;
      /** The snapshot that a linked clone stands on. */
      clonedFrom?: { machine: string; snapshot: string };
    }
  /** Written by a newer version, or damaged. */
  | { type: "unreadable"; id: string; name: string; problems: Problem[] };

export interface LibraryFolder {
  id: string;
  name: string;
  /** The folder it is in; `null` is the top. */
  parent: string | null;
}

/** What a machine's definition only names: its disks' contents and the state it was suspended in. */
export interface MachineContents {
  createDisk(disk: DiskDefinition): Promise<void>;
  /** What copies the disks `from` under the ids `to`. */
  copyOfDisks(from: readonly string[], to: readonly string[]): Promise<Change>;
  deleteDisk(id: string): Promise<void>;
  /** Nothing when there is none. */
  deleteSavedState(machine: string): Promise<void>;
  /** What deletes a machine's disks, snapshots and saved states. */
  deletionOf(machine: string, disks: readonly string[]): Promise<Change>;
  /** Frees what nothing refers to any more. */
  tidy(idle: IdleDisks): Promise<void>;
}

export interface LibraryOptions {
  store: Store;
  contents: MachineContents;
  peers: LibraryPeers;
  random: Random;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** A definition or a name that was refused. Nothing has been changed. */
export class BadDefinitionError extends Error {
  override name = "BadDefinitionError";
  readonly problems: Problem[];
  constructor(problems: Problem[]) {
    super(problems.map(describeProblem).join("; "));
    this.problems = problems;
  }
}

export class NoSuchMachineError extends Error {
  override name = "NoSuchMachineError";
  constructor(id: string) {
    super(`no machine has the id ${id}`);
  }
}

export class MachineLibrary {
  readonly tasks: TaskLog;
  readonly #store: Store;
  readonly #contents: MachineContents;
  readonly #peers: LibraryPeers;
  readonly #random: Random;
  readonly #now: () => number;
  readonly #listeners = new Set<() => void>();
  #entries = new Map<string, LibraryEntry>();
  #records = new Map<string, PowerRecord>();
  #templates = new Set<string>();
  #clones: LinkedClone[] = [];
  #folders: LibraryFolder[] = [];

  static async open(options: LibraryOptions): Promise<MachineLibrary> {
    const library = new MachineLibrary(options);
    await library.refresh();
    await library.#noticeInterrupted();
    options.peers.onChange(() => void library.refresh().then(() => library.#notify()));
    return library;
  }

  private constructor({ store, contents, peers, random, now }: LibraryOptions) {
    this.#store = store;
    this.#contents = contents;
    this.#peers = peers;
    this.#random = random;
    this.#now = now;
    this.tasks = new TaskLog(store, peers, now, () => this.#notify());
  }

  /** Names this page in the marks it leaves in the store. */
  get owner(): string {
    return this.#peers.self;
  }

  /** By name. */
  get entries(): LibraryEntry[] {
    return [...this.#entries.values()].sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  }

  get folders(): readonly LibraryFolder[] {
    return this.#folders;
  }

  /** `undefined` when there is none or it cannot be read. */
  find(id: string): MachineDefinition | undefined {
    const entry = this.#entries.get(id);
    return entry?.type === "machine" ? entry.definition : undefined;
  }

  findByName(name: string): MachineDefinition | undefined {
    const entry = this.entries.find((entry) => nameOf(entry) === name);
    return entry?.type === "machine" ? entry.definition : undefined;
  }

  power(id: string): PowerState {
    const entry = this.#entries.get(id);
    return entry?.type === "machine" ? entry.power : { state: "off" };
  }

  isTemplate(id: string): boolean {
    return this.#templates.has(id);
  }

  /** The linked clones that stand on a machine's snapshots, by name. */
  clonesOf(id: string): { id: string; name: string; snapshot: string }[] {
    return this.#clones
      .filter(({ machine }) => machine === id)
      .map(({ clone, snapshot }) => ({ id: clone, name: this.nameOf(clone), snapshot }));
  }

  /** The machine on whose snapshot a linked clone stands. */
  parentOf(id: string): string | undefined {
    return this.#clones.find(({ clone }) => clone === id)?.machine;
  }

  /** The id itself where there is no such machine. */
  nameOf(id: string): string {
    const entry = this.#entries.get(id);
    return entry === undefined ? id : nameOf(entry);
  }

  /** Whether another page or program runs this machine. */
  isElsewhere(id: string): boolean {
    const power = this.power(id);
    return power.state === "running" && power.owner !== this.#peers.self;
  }

  /** Called after each change, this page's or another's; returns the function that ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What a new name or address must differ from; without the machine itself when it is renamed. */
  taken(except?: string): Taken {
    const others = [...this.#entries].filter(([id]) => id !== except).map(([, entry]) => entry);
    return {
      names: others.map(nameOf),
      macs: others.flatMap((entry) =>
        entry.type === "machine" ? entry.definition.nics.map(({ mac }) => mac) : [],
      ),
    };
  }

  async create(choices: MachineChoices): Promise<MachineDefinition> {
    const definition = newDefinition(choices, this.#random, this.#now(), this.taken());
    this.#check(definition);
    for (const disk of definition.disks) await this.#contents.createDisk(disk);
    await this.#add(definition);
    await this.tasks.note("create", { id: definition.id, name: definition.name });
    return definition;
  }

  /**
   * Changes a machine's settings. Disks that are added are made, those that are gone are deleted. Of a template only what
   * is said of it changes, not what it is.
   */
  async update(id: string, change: Partial<Omit<MachineDefinition, "id" | "version">>): Promise<void> {
    const old = this.#readable(id, "edit-hardware");
    const said = ["description", "console", "folder"];
    if (this.isTemplate(id) && Object.keys(change).some((field) => !said.includes(field)))
      throw new RefusedActionError(old.name, "edit-hardware", { key: "template" });
    const definition: MachineDefinition = { ...old, ...change, id, version: old.version };
    this.#check(definition);
    const had = new Set(old.disks.map((disk) => disk.id));
    for (const disk of definition.disks) if (!had.delete(disk.id)) await this.#contents.createDisk(disk);
    await this.#put(definition);
    for (const disk of had) await this.#contents.deleteDisk(disk);
  }

  async rename(id: string, name: string): Promise<void> {
    const old = this.#readable(id, "rename");
    const reason = nameRefusal(name, this.taken(id).names);
    if (reason !== undefined) throw new BadDefinitionError([{ path: "name", reason }]);
    const trimmed = name.trim();
    await this.#put({ ...old, name: trimmed });
    await this.tasks.note("rename", { id, name: trimmed }, { from: old.name });
  }

  async duplicate(id: string): Promise<MachineDefinition> {
    const original = this.#readable(id, "duplicate");
    const copy = duplicateOf(original, this.#random, this.#now(), this.taken());
    const ids = ({ disks }: MachineDefinition) => disks.map((disk) => disk.id);
    await this.tasks.during("duplicate", { id, name: original.name }, { as: copy.name }, async () =>
      this.#add(copy, await this.#contents.copyOfDisks(ids(original), ids(copy))),
    );
    return copy;
  }

  /** Adds a machine that is made of another one, with what its disks need, in one commit. */
  async addMade(
    choices: MachineChoices,
    storage: (definition: MachineDefinition) => Promise<Change>,
  ): Promise<MachineDefinition> {
    const definition = newDefinition(choices, this.#random, this.#now(), this.taken());
    this.#check(definition);
    await this.#add(definition, await storage(definition));
    return definition;
  }

  /**
   * What changes a machine's settings and its power mark: to be committed with what changes in its storage. The settings
   * are checked; when another page has changed the mark meanwhile the commit fails with ConflictError.
   */
  changeOf(id: string, settings: Partial<MachineDefinition>, power: PowerState): Change {
    const old = this.#readable(id, "revert");
    const definition: MachineDefinition = { ...old, ...settings, id, version: old.version };
    this.#check(definition);
    const document = { collection: MACHINE_COLLECTION, key: id };
    const record = this.#records.get(id) ?? FIRST_POWER_RECORD;
    const put = [{ ...document, value: definition }];
    return joinChanges({ require: [document], put }, powerChange(id, record, power));
  }

  /** Commits changes of several parts at once. */
  async commit(...changes: Change[]): Promise<void> {
    await this.#commit(joinChanges(...changes));
  }

  /** The machine, its saved state, its snapshots and its disks. */
  async delete(id: string): Promise<void> {
    const { name, disks } = this.#readable(id, "delete");
    const clones = this.clonesOf(id);
    if (clones.length > 0) {
      const names = clones.map((clone) => clone.name).join(", ");
      throw new RefusedActionError(name, "delete", { key: "has-clones", clones: names });
    }
    const storage = await this.#contents.deletionOf(
      id,
      disks.map((disk) => disk.id),
    );
    const record = this.#records.get(id) ?? FIRST_POWER_RECORD;
    const own = { delete: [{ collection: MACHINE_COLLECTION, key: id }, powerDocument(id, record)] };
    await this.#commit(joinChanges(own, storage));
    await this.#contents.tidy(this.idleDisks());
    await this.tasks.note("delete", { id, name });
  }

  /** The disks that no machine has open (see `consolidateLayers`). */
  idleDisks(): IdleDisks {
    const idle = new Map<string, { collection: string; key: string } | null>();
    for (const entry of this.#entries.values()) {
      if (entry.type === "unreadable" || entry.power.state === "running") continue;
      const { id, disks } = entry.definition;
      const mark = powerDocument(id, this.#records.get(id) ?? FIRST_POWER_RECORD);
      for (const disk of disks) idle.set(disk.id, mark);
    }
    return idle;
  }

  /** Marks the machine as run by this page. Refused when another page that is still there runs it. */
  async claim(id: string): Promise<void> {
    const definition = this.#readable(id, "power-on");
    const refused = new RefusedActionError(definition.name, "power-on", { key: "elsewhere" });
    const seen = (await readPowerRecords(this.#store, id)).get(id) ?? FIRST_POWER_RECORD;
    // Read after the mark: who makes it a template renews the mark.
    if ((await readTree(this.#store, id)).isTemplate)
      throw new RefusedActionError(definition.name, "power-on", { key: "template" });
    if (seen.power.state === "running" && seen.power.owner !== this.#peers.self) {
      if (await this.#peers.isAlive(seen.power.owner)) throw refused;
    }
    const since = this.#now();
    const power: PowerState = { state: "running", owner: this.#peers.self, since };
    const value: MachineDefinition = { ...definition, lastStartedAt: since };
    if (!(await this.#setPower(id, seen, power, [{ collection: MACHINE_COLLECTION, key: id, value }])))
      throw refused;
  }

  /** The machine that this page ran has ended. */
  async release(id: string, state: "off" | "suspended"): Promise<void> {
    if (!this.#entries.has(id) || this.isElsewhere(id)) return;
    const seen = this.#records.get(id) ?? FIRST_POWER_RECORD;
    await this.#setPower(id, seen, state === "off" ? { state } : { state, since: this.#now() });
  }

  /** Throws the state of a suspended machine away, or takes note that its page was closed. */
  async discard(id: string): Promise<void> {
    this.#readable(id, "power-off");
    await this.release(id, "off");
    await this.#contents.deleteSavedState(id);
  }

  async createFolder(name: string, parent: string | null = null): Promise<LibraryFolder> {
    const folder: LibraryFolder = { id: this.#random.uuid(), name: folderName(name), parent };
    await this.#commit({ put: [{ collection: FOLDER_COLLECTION, key: folder.id, value: folder }] });
    return folder;
  }

  async renameFolder(id: string, name: string): Promise<void> {
    const folder = this.#folders.find((folder) => folder.id === id);
    if (folder === undefined) return;
    const value: LibraryFolder = { ...folder, name: folderName(name) };
    await this.#commit({ put: [{ collection: FOLDER_COLLECTION, key: id, value }] });
  }

  /** What is in it moves to where it was. */
  async deleteFolder(id: string): Promise<void> {
    const folder = this.#folders.find((folder) => folder.id === id);
    if (folder === undefined) return;
    const put: Change["put"] = this.#folders
      .filter(({ parent }) => parent === id)
      .map((inner) => ({
        collection: FOLDER_COLLECTION,
        key: inner.id,
        value: { ...inner, parent: folder.parent },
      }));
    for (const entry of this.#entries.values()) {
      if (entry.type !== "machine" || entry.definition.folder !== id) continue;
      const value = { ...entry.definition, folder: folder.parent };
      put.push({ collection: MACHINE_COLLECTION, key: value.id, value });
    }
    await this.#commit({ put, delete: [{ collection: FOLDER_COLLECTION, key: id }] });
  }

  async moveToFolder(id: string, folder: string | null): Promise<void> {
    await this.#put({ ...this.#readable(id, "rename"), folder });
  }

  /** Reads everything from the store again. */
  async refresh(): Promise<void> {
    const [machines, records, folders, trees, clones] = await Promise.all([
      this.#store.list(MACHINE_COLLECTION),
      readPowerRecords(this.#store),
      this.#store.list(FOLDER_COLLECTION),
      this.#store.list(SNAPSHOT_TREES),
      linkedClones(this.#store),
      this.tasks.read(),
    ]);
    this.#records = records;
    this.#templates = new Set(
      trees.filter(({ value }) => (value as SnapshotTree).isTemplate).map(({ key }) => key),
    );
    this.#clones = clones;
    this.#entries = new Map(machines.map(({ key, value }) => [key, this.#entryOf(key, value)]));
    this.#folders = folders.map(({ value }) => value as LibraryFolder);
  }

  /** Frees what was left when a page was closed, or a program ended, in the middle of something. For some time after opening. */
  async tidyUp(): Promise<void> {
    const isAlive = (owner: string) => this.#peers.isAlive(owner);
    await dropInterruptedImports(this.#store, isAlive)
      .then(() => this.#contents.tidy(this.idleDisks()))
      .catch(() => undefined); // the next start does it
  }

  /** To be called after a commit that went past the library. */
  async changed(): Promise<void> {
    await this.refresh();
    this.#peers.announceChange();
    this.#notify();
  }

  close(): void {
    this.#peers.close();
  }

  #entryOf(id: string, document: unknown): LibraryEntry {
    const checked = parseDefinition(document);
    if (checked.type === "ok") {
      const { power } = this.#records.get(id) ?? FIRST_POWER_RECORD;
      const clone = this.#clones.find((link) => link.clone === id);
      const clonedFrom = clone && { machine: clone.machine, snapshot: clone.snapshot };
      return {
        type: "machine",
        definition: checked.value,
        power,
        isTemplate: this.isTemplate(id),
        ...(clonedFrom === undefined ? {} : { clonedFrom }),
      };
    }
    const name = (document as { name?: unknown } | null)?.name;
    return {
      type: "unreadable",
      id,
      name: typeof name === "string" ? name : id,
      problems: checked.problems,
    };
  }

  /** Marks of pages that are gone. */
  async #noticeInterrupted(): Promise<void> {
    for (const [id, seen] of this.#records) {
      const { power } = seen;
      if (power.state !== "running" || (await this.#peers.isAlive(power.owner))) continue;
      const definition = this.find(id);
      if (definition === undefined) continue;
      if (await this.#setPower(id, seen, { state: "interrupted", since: power.since })) {
        await this.tasks.note("interrupted", { id, name: definition.name });
      }
    }
  }

  #readable(id: string, action: RefusedActionError["action"]): MachineDefinition {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new NoSuchMachineError(id);
    if (entry.type === "unreadable") throw new RefusedActionError(entry.name, action, { key: "unreadable" });
    if (this.isElsewhere(id) && action !== "power-on" && action !== "rename") {
      throw new RefusedActionError(entry.definition.name, action, { key: "elsewhere" });
    }
    return entry.definition;
  }

  #check(definition: MachineDefinition): void {
    const checked = parseDefinition(definition);
    const problems = checked.type === "refused" ? checked.problems : [];
    const taken = this.taken(definition.id);
    const reason = nameRefusal(definition.name, taken.names);
    if (reason?.key === "name-taken") problems.push({ path: "name", reason });
    for (const [i, { mac }] of definition.nics.entries()) {
      if (!taken.macs.includes(mac)) continue;
      problems.push({
        path: `nics[${i}].mac`,
        reason: { key: "duplicate", value: mac, first: this.#machineWithMac(mac) },
      });
    }
    if (problems.length > 0) throw new BadDefinitionError(problems);
  }

  #machineWithMac(mac: string): string {
    const owner = this.entries.find(
      (entry) => entry.type === "machine" && entry.definition.nics.some((nic) => nic.mac === mac),
    );
    return owner === undefined ? "another machine" : nameOf(owner);
  }

  async #add(definition: MachineDefinition, storage?: Change): Promise<void> {
    const { id } = definition;
    const own = { put: [{ collection: MACHINE_COLLECTION, key: id, value: definition }, newPowerRecord(id)] };
    await this.#commit(joinChanges(own, storage));
  }

  /** Changes a machine that must still be there: another page may have deleted it. */
  async #put(definition: MachineDefinition): Promise<void> {
    const document = { collection: MACHINE_COLLECTION, key: definition.id };
    try {
      await this.#commit({ require: [document], put: [{ ...document, value: definition }] });
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      await this.refresh();
      this.#notify();
      throw new NoSuchMachineError(definition.id);
    }
  }

  async #setPower(id: string, seen: PowerRecord, power: PowerState, put?: Change["put"]): Promise<boolean> {
    const record = await changePower(this.#store, id, seen, power, put);
    await this.changed();
    return record !== undefined;
  }

  async #commit(change: Change): Promise<void> {
    await this.#store.commit(change);
    await this.changed();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

function nameOf(entry: LibraryEntry): string {
  return entry.type === "machine" ? entry.definition.name : entry.name;
}

function folderName(name: string): string {
  const reason = nameRefusal(name, []);
  if (reason !== undefined) throw new BadDefinitionError([{ path: "name", reason }]);
  return name.trim();
}
