/**
 * What the documents of a bundle must be before any of them is kept: a bundle comes from anywhere, and its digests only say
 * that it is whole. Every field, every number and every reference is checked here, once.
 */
import * as v from "valibot";
import { CLONES, SNAPSHOT_TREES } from "../storage/snapshots.ts";
import { LARGEST_DISK_MIB } from "../storage/disk-document.ts";
import { FormatError } from "../storage/errors.ts";
import { DISKS, LAYER_MAPS, LAYERS, SEGMENT_BLOCKS, SNAPSHOTS, blocksIn } from "../storage/layer.ts";
import { STATES } from "../storage/saved-state.ts";
import { BLOCK_SIZE, type Change } from "../storage/store.ts";
import { MEMORY_MIB, NAME_LIMIT, nameSchema, parseDefinition, uuidSchema } from "./definition.ts";
import { checkDocument, fields } from "./document-check.ts";
import { FOLDER_COLLECTION, MACHINE_COLLECTION } from "./library.ts";
import { VIRTUALIZATION } from "../../emulator/machine.ts";
import { MEDIA, type MediumDocument } from "./machine-media.ts";
import { describeProblem } from "./reasons.ts";

type Document = NonNullable<Change["put"]>[number];

const MIB = 2 ** 20;
const id = v.pipe(v.string(), v.regex(/^(template-)?[0-9a-f-]{32,36}$/));
const cid = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}$/));
const whole = (maximum: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(maximum));
const text = v.pipe(v.string(), v.maxLength(100_000));
const bytes = v.instance(Uint8Array);
const sizeBytes = whole(LARGEST_DISK_MIB * MIB);
const disk = fields({
  version: v.literal(1),
  id,
  name: v.pipe(v.string(), v.maxLength(255)),
  sizeBytes,
  layer: id,
  provisioning: v.picklist(["thin", "full"]),
  split: v.boolean(),
});
const hardware = fields({
  memoryMiB: whole(MEMORY_MIB.maximum),
  nics: v.pipe(v.array(fields({ model: v.picklist(["ne2000", "virtio"]), mac: text })), v.maxLength(8)),
  diskBytes: v.pipe(v.array(sizeBytes), v.maxLength(4)),
  hasCdrom: v.boolean(),
  hasFloppy: v.boolean(),
  bootOrder: v.pipe(v.array(v.picklist(["disk", "cdrom", "floppy", "network"])), v.maxLength(4)),
  virtualization: v.optional(v.picklist(VIRTUALIZATION)),
});

const SCHEMAS = {
  [FOLDER_COLLECTION]: fields({ id: uuidSchema, name: nameSchema, parent: v.nullable(uuidSchema) }),
  [MEDIA]: v.union([fields({ byteLength: whole(LARGEST_DISK_MIB * MIB), blocks: bytes }), fields({ bytes })]),
  [DISKS]: disk,
  [LAYERS]: fields({ version: v.literal(1), id, parent: v.nullable(id), sizeBytes, cid, parentCid: cid }),
  [LAYER_MAPS]: fields({ places: bytes, blocks: bytes }),
  [STATES]: fields({
    version: v.literal(1),
    engine: v.picklist(["v86", "core"]),
    engineVersion: v.pipe(v.string(), v.maxLength(100)),
    hardware,
    pageNumbers: v.instance(Uint32Array),
    deviceBytes: whole(256 * MIB),
    blocks: bytes,
    digest: text,
  }),
  [SNAPSHOT_TREES]: fields({ version: v.literal(1), current: v.nullable(id), isTemplate: v.boolean() }),
  [SNAPSHOTS]: fields({
    version: v.literal(1),
    id,
    machine: uuidSchema,
    parent: v.nullable(id),
    name: v.pipe(v.string(), v.maxLength(NAME_LIMIT * 4)),
    description: text,
    createdAt: v.pipe(v.number(), v.minValue(0)),
    thumbnail: v.optional(bytes),
    definition: v.unknown(),
    disks: v.pipe(v.array(disk), v.maxLength(4)),
    power: v.picklist(["off", "running", "suspended"]),
    state: v.nullable(id),
  }),
  [CLONES]: fields({ machine: uuidSchema, snapshot: id }),
};

/** Collections that a bundle may have documents of, in the order in which they are written. */
export const BUNDLED = [MACHINE_COLLECTION, ...Object.keys(SCHEMAS)] as const;

/** The checked documents of a bundle by collection and key. Throws FormatError with the document and the field. */
export class BundledDocuments {
  readonly #byCollection = new Map<string, Map<string, unknown>>();

  constructor(documents: readonly Document[]) {
    for (const document of documents) this.#add(document);
    this.#checkChains(LAYERS, "a chain of layers");
    this.#checkChains(FOLDER_COLLECTION, "folders");
    for (const [key, map] of this.of<SegmentValue>(LAYER_MAPS)) this.#checkMap(key, map);
    for (const [key, { layer }] of this.of<{ layer: string }>(DISKS)) this.#refer(DISKS, key, LAYERS, layer);
    for (const [key, medium] of this.of<MediumDocument>(MEDIA)) checkMedium(key, medium);
    for (const [key, snapshot] of this.of<SnapshotValue>(SNAPSHOTS)) this.#checkSnapshot(key, snapshot);
    for (const [key, state] of this.of<StateValue>(STATES)) this.#checkState(key, state);
    for (const [key, { current }] of this.of<{ current: string | null }>(SNAPSHOT_TREES)) {
      this.#refer(SNAPSHOT_TREES, key, MACHINE_COLLECTION, key);
      if (current !== null) this.#refer(SNAPSHOT_TREES, key, SNAPSHOTS, `${key}/${current}`);
    }
    for (const [key, { machine, snapshot }] of this.of<{ machine: string; snapshot: string }>(CLONES)) {
      this.#refer(CLONES, key, MACHINE_COLLECTION, key);
      this.#refer(CLONES, key, SNAPSHOTS, `${machine}/${snapshot}`);
    }
    for (const [key, { disks }] of this.of<{ disks: { id: string }[] }>(MACHINE_COLLECTION))
      for (const one of disks) this.#refer(MACHINE_COLLECTION, key, DISKS, one.id);
  }

  of<T>(collection: string): ReadonlyMap<string, T> {
    return (this.#byCollection.get(collection) ?? new Map()) as Map<string, T>;
  }

  *all(): Generator<Document> {
    for (const [collection, documents] of this.#byCollection)
      for (const [key, value] of documents) yield { collection, key, value };
  }

  #add({ collection, key, value }: Document): void {
    const checked =
      collection === MACHINE_COLLECTION
        ? parseDefinition(value)
        : checkDocument(SCHEMAS[collection as keyof typeof SCHEMAS] as v.GenericSchema, value);
    if (checked.type === "refused") {
      const problems = checked.problems.map(describeProblem).join("; ");
      throw refused(collection, key, problems, "a document of this version");
    }
    const own = checked.value as { id?: string; machine?: string };
    const named = collection === SNAPSHOTS ? `${own.machine}/${own.id}` : (own.id ?? key);
    if (named !== key) throw refused(collection, key, `the id ${named}`, "the id that its key says");
    let documents = this.#byCollection.get(collection);
    if (documents === undefined) this.#byCollection.set(collection, (documents = new Map()));
    if (documents.has(key)) throw refused(collection, key, "a second one", "each document once");
    documents.set(key, checked.value);
  }

  #refer(collection: string, key: string, to: string, id: string): void {
    if (!this.of(to).has(id)) throw refused(collection, key, `nothing`, `${to} ${id} in the bundle`);
  }

  /** From each document `parent` leads to null. */
  #checkChains(collection: string, what: string): void {
    const checked = new Set<string>();
    for (const [first] of this.of(collection)) {
      const seen = new Set<string>();
      for (let key: string | null = first; key !== null && !checked.has(key);) {
        if (seen.has(key)) throw refused(collection, first, "a loop", what);
        seen.add(key);
        this.#refer(collection, first, collection, key);
        key = (this.of<{ parent: string | null }>(collection).get(key) as { parent: string | null }).parent;
      }
      for (const key of seen) checked.add(key);
    }
  }

  #checkMap(key: string, { places, blocks }: SegmentValue): void {
    const [layer, segment, ...more] = key.split("/");
    this.#refer(LAYER_MAPS, key, LAYERS, layer);
    const { sizeBytes } = this.of<{ sizeBytes: number }>(LAYERS).get(layer)!;
    const number =
      /^[0-9a-f]{6}$/.test(segment) && more.length === 0 ? Number.parseInt(segment, 16) : Infinity;
    if (number * SEGMENT_BLOCKS >= blocksIn(sizeBytes))
      throw refused(LAYER_MAPS, key, `segment ${segment}`, `a part of its ${sizeBytes} bytes`);
    if (blocks.length !== places.length * 16 || places.some((place, at) => at > 0 && place <= places[at - 1]))
      throw refused(LAYER_MAPS, key, `${places.length} places, ${blocks.length} bytes`, "one id a place");
  }

  #checkSnapshot(key: string, { machine, parent, disks, state, power, definition }: SnapshotValue): void {
    this.#refer(SNAPSHOTS, key, MACHINE_COLLECTION, machine);
    if (parent !== null) this.#refer(SNAPSHOTS, key, SNAPSHOTS, `${machine}/${parent}`);
    const seen = new Set([key]);
    for (let above = parent; above !== null;) {
      const next = `${machine}/${above}`;
      if (seen.has(next)) throw refused(SNAPSHOTS, key, "a loop", "a tree of snapshots");
      seen.add(next);
      above = this.of<SnapshotValue>(SNAPSHOTS).get(next)?.parent ?? null;
    }
    for (const { layer } of disks) this.#refer(SNAPSHOTS, key, LAYERS, layer);
    if (state !== null) this.#refer(SNAPSHOTS, key, STATES, state);
    if ((state === null) !== (power === "off"))
      throw refused(SNAPSHOTS, key, power, "a state unless it was off");
    const checked = parseDefinition(definition);
    if (checked.type === "refused" || checked.value.id !== machine)
      throw refused(SNAPSHOTS, key, "another machine's definition", "its own machine's");
  }

  #checkState(key: string, { hardware, pageNumbers, deviceBytes, blocks }: StateValue): void {
    const pages = hardware.memoryMiB * (MIB / BLOCK_SIZE);
    if (pageNumbers.some((page, at) => page >= pages || (at > 0 && page <= pageNumbers[at - 1])))
      throw refused(STATES, key, "page numbers out of order or range", `ascending numbers below ${pages}`);
    const count = pageNumbers.length + Math.ceil(deviceBytes / BLOCK_SIZE);
    if (blocks.length !== count * 16) throw refused(STATES, key, `${blocks.length / 16} blocks`, `${count}`);
  }
}

function checkMedium(key: string, medium: MediumDocument): void {
  if ("bytes" in medium) return;
  const count = Math.ceil(medium.byteLength / BLOCK_SIZE);
  if (medium.blocks.length !== count * 16)
    throw refused(MEDIA, key, `${medium.blocks.length / 16} blocks`, `${count}`);
}

interface SegmentValue {
  places: Uint8Array;
  blocks: Uint8Array;
}

interface SnapshotValue {
  machine: string;
  parent: string | null;
  disks: { layer: string }[];
  state: string | null;
  power: string;
  definition: unknown;
}

interface StateValue {
  hardware: { memoryMiB: number };
  pageNumbers: Uint32Array;
  deviceBytes: number;
  blocks: Uint8Array;
}

function refused(collection: string, key: string, found: string, expected: string): FormatError {
  const where = `${collection} ${key.slice(0, 80)}`;
  return new FormatError(
    `the bundle's ${where}: ${found} was found, ${expected} was expected`,
    found,
    expected,
  );
}
