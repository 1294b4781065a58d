/** Bundles that are whole and say nonsense: documents changed at random, as somebody who can compute digests would. */
import { expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { createDisk } from "../storage/disk-document.ts";
import { openDisk } from "../storage/disk.ts";
import { MemoryStore } from "../storage/memory-store.ts";
import { loadState, sealed, type StateDocument } from "../storage/saved-state.ts";
import { listSnapshots, takeSnapshot } from "../storage/snapshots.ts";
import type { Change } from "../storage/store.ts";
import { BUNDLED, BundledDocuments } from "./bundle-documents.ts";
import { newDefinition } from "./definition.ts";

const SEED = 20261127;
const ROUNDS = 10_000;
const NAMED = ["FormatError", "DamagedError", "NotFoundError", "ParentModifiedError", "NewerVersionError"];
type Document = NonNullable<Change["put"]>[number];

/** A machine with a disk of two layers, two snapshots and a state. */
async function documents(): Promise<Document[]> {
  const store = new MemoryStore(Uint32Array.of(1, 2, 3, 4));
  const choices = { name: "a", disks: [{ name: "disk", sizeMiB: 1 }], nics: [{ network: "vmnet8" }] };
  const definition = newDefinition(choices, new Random(1), 0, { names: [], macs: [] });
  const { id, disks } = definition;
  await createDisk(store, { id: disks[0].id, sizeMiB: 1 });
  for (const value of [1, 2]) {
    const disk = await openDisk(store, disks[0].id);
    await disk.write(value * 4096, new Uint8Array(4096).fill(value));
    await takeSnapshot(store, {
      machine: id,
      name: `s${value}`,
      definition,
      disks: [disk],
      now: value,
      state: {
        version: 1,
        engine: "v86",
        engineVersion: "1",
        hardware: {
          memoryMiB: 1,
          nics: [],
          diskBytes: [2 ** 20],
          hasCdrom: true,
          hasFloppy: false,
          bootOrder: [],
        },
        devices: new Uint8Array(100).fill(value),
        pageNumbers: Uint32Array.of(1, 7),
        pages: new Uint8Array(8192).fill(value),
      },
    });
    await disk.close();
  }
  await store.commit({ put: [{ collection: "machines", key: id, value: definition }] });
  const found: Document[] = [];
  for (const collection of BUNDLED)
    for (const { key, value } of await store.list(collection)) found.push({ collection, key, value });
  return found;
}

/** Changes one field, at any depth, in place. */
function change(value: unknown, random: Random): void {
  let holder = value as Record<string, unknown>;
  for (;;) {
    const names = Object.keys(holder);
    const name = names[random.below(names.length)];
    const inner = holder[name];
    const isDeep = typeof inner === "object" && inner !== null && Object.keys(inner).length > 0;
    if (isDeep && !ArrayBuffer.isView(inner) && random.below(3) > 0) {
      holder = inner as Record<string, unknown>;
      continue;
    }
    holder[name] = nonsense(inner, random);
    return;
  }
}

function nonsense(old: unknown, random: Random): unknown {
  if (old instanceof Uint8Array || old instanceof Uint32Array) {
    const bytes = old.slice();
    if (random.below(2) === 0) return bytes.subarray(0, random.below(bytes.length + 1));
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.uint32();
    return bytes;
  }
  const numbers = [-1, 0.5, 2 ** 53, 2 ** 31, NaN, Infinity, 1e308];
  const texts = ["", "../../x", "\u0000", "f".repeat(32), "__proto__", "constructor", "9".repeat(300)];
  const others = [null, undefined, true, {}, [], [[]], new Uint8Array(3), Array(1000).fill(0)];
  const strange: unknown[] = [...numbers, ...texts, ...others];
  return strange[random.below(strange.length)];
}

test(`${ROUNDS} documents changed at random are refused by name or do no harm (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const whole = await documents();
  expect([...new BundledDocuments(whole).all()]).toHaveLength(whole.length);
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const changed = structuredClone(whole);
    const document = changed[random.below(changed.length)];
    if (random.below(20) === 0) document.key = random.below(2) === 0 ? "../x" : changed[0].key;
    else change(document.value, random);
    try {
      await use(new BundledDocuments(changed));
    } catch (error) {
      const { name } = error as Error;
      if (!NAMED.includes(name)) throw new Error(`seed ${SEED}, round ${round}: ${name}`, { cause: error });
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(ROUNDS / 2);
  expect(({} as Record<string, unknown>).extra).toBeUndefined();
});

/** Everything that was accepted is read. The blocks are missing, which is told by name. */
async function use(bundled: BundledDocuments): Promise<void> {
  const store = new MemoryStore();
  const put = [...bundled.all()].map(({ value, ...rest }) => ({
    ...rest,
    value: rest.collection === "states" ? sealed(value as StateDocument) : value,
  }));
  await store.commit({ put });
  for (const [id, { disks }] of bundled.of<{ disks: { id: string }[] }>("machines")) {
    await listSnapshots(store, id);
    for (const disk of disks) await (await openDisk(store, disk.id)).read(0, 16_384);
  }
  for (const [id] of bundled.of("states")) await loadState(store, id);
}
