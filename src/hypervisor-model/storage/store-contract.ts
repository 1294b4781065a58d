/**
 * What every store must do, as tests that need no test runner: the unit tests run them in Node, the browser tests in
 * the page, where the runner is not. A case that does not hold throws.
 */
import { blockIdOf, packIds } from "./block-id.ts";
import { BLOCK_SIZE, ZERO_BLOCK, type BlockId, type Store } from "./store.ts";

export interface StoreFactory {
  /** Opens the store of this case; the second time, what the first has left if `persistent`. */
  open(): Promise<Store>;
  persistent: boolean;
  /** Whether it may be open twice at once. */
  shared: boolean;
}

export interface ContractCase {
  name: string;
  run(factory: StoreFactory): Promise<void>;
}

const text = (value: unknown) =>
  JSON.stringify(value, (_, field) => (ArrayBuffer.isView(field) ? plain(field) : field));

function equal(found: unknown, expected: unknown, what: string): void {
  if (text(found) !== text(expected))
    throw new Error(`${what}: found ${text(found)}, expected ${text(expected)}`);
}

function plain(array: ArrayBufferView): unknown {
  return { type: array.constructor.name, values: Array.from(array as Uint8Array) };
}

/** A block whose content depends on `number`; compressible. */
function block(store: Store, number: number): [BlockId, Uint8Array] {
  const bytes = new Uint8Array(BLOCK_SIZE).fill(number & 255);
  new DataView(bytes.buffer).setUint32(0, number + 1, true);
  return [blockIdOf(bytes, store.fingerprintKey), bytes];
}

function document(
  key: string,
  ids: BlockId[],
): { collection: string; key: string; value: { blocks: Uint8Array } } {
  return { collection: "layers", key, value: { blocks: packIds(ids) } };
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no error",
    (error: Error) => error.name,
  );
}

async function using(factory: StoreFactory, task: (store: Store) => Promise<void>): Promise<void> {
  const store = await factory.open();
  try {
    await task(store);
  } finally {
    await store.close();
  }
}

const cases: { name: string; needs?: "persistent" | "shared"; run(factory: StoreFactory): Promise<void> }[] =
  [
    {
      name: "a document comes back as it was put, typed arrays included",
      run: (factory) =>
        using(factory, async (store) => {
          const value = {
            a: [1, "二", null, true],
            b: { bytes: new Uint8Array([1, 2]), words: new Uint32Array([3, 4]) },
          };
          await store.commit({ put: [{ collection: "machines", key: "m", value }] });
          equal(await store.get("machines", "m"), value, "document");
          equal(
            (await store.get("machines", "other")) === undefined,
            true,
            "a key that is not there is undefined",
          );
        }),
    },
    {
      name: "a list holds one collection, ascending by key, and only keys with the prefix",
      run: (factory) =>
        using(factory, async (store) => {
          const put = ["b/2", "a", "b/1", "c"].map((key) => ({ collection: "x", key, value: key }));
          await store.commit({ put: [...put, { collection: "y", key: "b/3", value: 1 }] });
          const keys = async (prefix?: string) => (await store.list("x", prefix)).map(({ key }) => key);
          equal(await keys(), ["a", "b/1", "b/2", "c"], "all keys");
          equal(await keys("b/"), ["b/1", "b/2"], "keys with prefix");
          equal(await store.list("z"), [], "empty collection");
        }),
    },
    {
      name: "a document is a copy: changing it changes nothing stored",
      run: (factory) =>
        using(factory, async (store) => {
          const value = { list: [1] };
          await store.commit({ put: [{ collection: "x", key: "k", value }] });
          value.list.push(2);
          ((await store.get("x", "k")) as typeof value).list.push(3);
          equal(await store.get("x", "k"), { list: [1] }, "document");
        }),
    },
    {
      name: "deleting and putting the same key in one change leaves what was put",
      run: (factory) =>
        using(factory, async (store) => {
          await store.commit({ put: [{ collection: "x", key: "k", value: 1 }] });
          const key = { collection: "x", key: "k" };
          await store.commit({ delete: [key], put: [{ ...key, value: 2 }] });
          equal(await store.get("x", "k"), 2, "document");
          await store.commit({ delete: [key] });
          equal((await store.get("x", "k")) === undefined, true, "document is gone");
        }),
    },
    {
      name: "blocks come back by id, zeros without being stored, unknown ones as undefined",
      run: (factory) =>
        using(factory, async (store) => {
          const blocks = new Map(Array.from({ length: 150 }, (_, number) => block(store, number)));
          await store.commit({ put: [document("l", [...blocks.keys()])], blocks });
          const ids = [...blocks.keys()].reverse();
          const found = await store.readBlocks([ZERO_BLOCK, ...ids, "f".repeat(32)]);
          equal(
            found[0]?.every((byte) => byte === 0),
            true,
            "zero block",
          );
          equal(found.at(-1) === undefined, true, "unknown block");
          ids.forEach((id, at) => equal(found[at + 1], blocks.get(id), `block ${id}`));
          equal((await store.usage()).blocks, 150, "blocks stored");
        }),
    },
    {
      name: "the same block is stored once",
      run: (factory) =>
        using(factory, async (store) => {
          const [id, bytes] = block(store, 7);
          await store.commit({ put: [document("a", [id])], blocks: new Map([[id, bytes]]) });
          const before = await store.usage();
          await store.commit({ put: [document("b", [id])], blocks: new Map([[id, bytes]]) });
          equal(await store.usage(), before, "usage");
        }),
    },
    {
      name: "a change whose required document is gone changes nothing",
      run: (factory) =>
        using(factory, async (store) => {
          const [id, bytes] = block(store, 1);
          const change = { put: [document("a", [id])], blocks: new Map([[id, bytes]]) };
          const require = [{ collection: "x", key: "gone" }];
          equal(await rejection(store.commit({ ...change, require })), "ConflictError", "error");
          equal((await store.get("layers", "a")) === undefined, true, "nothing was put");
          await store.commit({ put: [{ collection: "x", key: "gone", value: 0 }] });
          await store.commit({ ...change, require });
          equal(await store.readBlocks([id]), [bytes], "block");
        }),
    },
    {
      name: "a collection of garbage frees exactly what no document refers to",
      run: (factory) =>
        using(factory, async (store) => {
          const blocks = new Map(Array.from({ length: 200 }, (_, number) => block(store, number)));
          const ids = [...blocks.keys()];
          await store.commit({ put: [document("a", ids), document("b", ids.slice(0, 10))], blocks });
          equal((await store.collectGarbage()).freedBlocks, 0, "nothing to free");
          await store.commit({ delete: [{ collection: "layers", key: "a" }] });
          const report = await store.collectGarbage();
          equal(report.freedBlocks, 190, "freed blocks");
          equal(report.freedBytes > 0, true, "freed bytes");
          equal((await store.usage()).blocks, 10, "blocks left");
          const kept = await store.readBlocks(ids.slice(0, 10));
          kept.forEach((bytes, at) => equal(bytes, blocks.get(ids[at]), `block ${at}`));
          equal((await store.readBlocks([ids[20]]))[0] === undefined, true, "a freed block is gone");
          await store.commit({
            put: [document("c", [ids[20]])],
            blocks: new Map([[ids[20], blocks.get(ids[20])!]]),
          });
          equal(
            await store.readBlocks([ids[20]]),
            [blocks.get(ids[20])],
            "a freed block can be stored again",
          );
        }),
    },
    {
      name: "commits take effect in the order of the calls",
      run: (factory) =>
        using(factory, async (store) => {
          const commits = Array.from({ length: 20 }, (_, value) =>
            store.commit({
              put: [{ collection: "x", key: "k", value }],
              durability: value % 2 ? "strict" : "relaxed",
            }),
          );
          await Promise.all(commits);
          equal(await store.get("x", "k"), 19, "document");
        }),
    },
    {
      name: "what was committed is there after closing and opening, under the same fingerprint key",
      needs: "persistent",
      async run(factory) {
        let kept: [BlockId, Uint8Array] | undefined;
        let key: Uint32Array | undefined;
        await using(factory, async (store) => {
          kept = block(store, 5);
          key = store.fingerprintKey;
          await store.commit({
            put: [document("a", [kept[0]])],
            blocks: new Map([kept]),
            durability: "relaxed",
          });
        });
        await using(factory, async (store) => {
          equal(store.fingerprintKey, key, "fingerprint key");
          equal(await store.get("layers", "a"), { blocks: packIds([kept![0]]) }, "document");
          equal(await store.readBlocks([kept![0]]), [kept![1]], "block");
        });
      },
    },
    {
      name: "two openings see each other's blocks, and a commit after the other's garbage collection loses none",
      needs: "shared",
      run: (factory) =>
        using(factory, (one) =>
          using(factory, async (two) => {
            const blocks = new Map(Array.from({ length: 100 }, (_, number) => block(one, number)));
            const ids = [...blocks.keys()];
            await one.commit({ put: [document("a", ids)], blocks });
            equal((await two.readBlocks(ids.slice(0, 1)))[0], blocks.get(ids[0]), "block seen by the other");
            await one.commit({ delete: [{ collection: "layers", key: "a" }] });
            await one.collectGarbage();
            // The second still believes that the blocks are stored.
            await two.commit({ put: [document("b", ids)], blocks });
            const found = await one.readBlocks(ids);
            ids.forEach((id, at) => equal(found[at], blocks.get(id), `block ${at}`));
          }),
        ),
    },
  ];

/** The cases that hold for a store of this kind. */
export function storeContract(factory: Pick<StoreFactory, "persistent" | "shared">): ContractCase[] {
  return cases.filter(({ needs }) => !needs || factory[needs]);
}
