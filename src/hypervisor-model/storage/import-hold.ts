/**
 * What an import has stored before the documents that need it are there: blocks and layers, kept from being collected by
 * documents of their own. They name who imports, so that what is left by one that is gone is found and dropped.
 */
import { packIds } from "./block-id.ts";
import { newId, putLayer, type LayerDocument } from "./layer.ts";
import type { BlockId, Change, Store } from "./store.ts";

export const IMPORTS = "imports";

interface HoldDocument {
  owner: string;
  blocks?: Uint8Array;
  /** A layer that nothing stands on yet. */
  layer?: string;
}

export class ImportHold {
  readonly #store: Store;
  readonly #owner: string;
  readonly #id = newId();
  readonly #held: { collection: string; key: string }[] = [];

  constructor(store: Store, owner: string) {
    this.#store = store;
    this.#owner = owner;
  }

  async keep(blocks: ReadonlyMap<BlockId, Uint8Array>): Promise<void> {
    await this.#put({ owner: this.#owner, blocks: packIds([...blocks.keys()]) }, { blocks });
  }

  async keepLayer(layer: LayerDocument): Promise<void> {
    await this.#put({ owner: this.#owner, layer: layer.id }, { put: [putLayer(layer)] });
  }

  async #put(value: HoldDocument, change: Change): Promise<void> {
    const document = { collection: IMPORTS, key: `${this.#id}/${this.#held.length}` };
    await this.#store.commit({
      ...change,
      put: [...(change.put ?? []), { ...document, value }],
      durability: "relaxed",
    });
    this.#held.push(document);
  }

  /** To be committed with what the import was for; fails if the hold was dropped meanwhile. */
  release(): Change {
    return { delete: [...this.#held], require: [...this.#held] };
  }
}

/** Layers of imports that are going on. */
export async function heldLayers(store: Store): Promise<string[]> {
  const holds = (await store.list(IMPORTS)).map(({ value }) => value as HoldDocument);
  return holds.flatMap(({ layer }) => (layer === undefined ? [] : [layer]));
}

/** For the start of the program: drops what imports have left that were cut off. Gives whether there were any. */
export async function dropInterruptedImports(
  store: Store,
  isAlive: (owner: string) => Promise<boolean> = async () => false,
): Promise<boolean> {
  const left = await store.list(IMPORTS);
  const owners = new Set(left.map(({ value }) => (value as HoldDocument).owner));
  const gone = new Set<string>();
  for (const owner of owners) if (!(await isAlive(owner))) gone.add(owner);
  const dropped = left.filter(({ value }) => gone.has((value as HoldDocument).owner));
  if (dropped.length === 0) return false;
  await store.commit({ delete: dropped.map(({ key }) => ({ collection: IMPORTS, key })) });
  return true;
}
