/**
 * A store behind a MessagePort: the thread that has it calls `serveStore(store, port)`, the other one uses
 * `connectStore(port)`. So a machine's worker reaches a store in memory, or Node's one folder store.
 */
import { expose, releaseProxy, wrap } from "comlink";
import { storageErrorFrom, type RefusedError } from "./errors.ts";
import type { BlockId, Change, GarbageReport, Store, StoredDocument, StoreUsage } from "./store.ts";

type Answer = { value: unknown } | { error: Parameters<typeof storageErrorFrom>[0] };
type Call = "get" | "list" | "commit" | "readBlocks" | "usage" | "collectGarbage";

interface Served {
  hello(): { kind: Store["kind"]; fingerprintKey: Uint32Array };
  call(name: Call, parameters: unknown[]): Promise<Answer>;
}

/** The store stays the caller's: closing the port's other end does not close it. */
export function serveStore(store: Store, port: MessagePort): void {
  const served: Served = {
    hello: () => ({ kind: store.kind, fingerprintKey: store.fingerprintKey }),
    async call(name, parameters) {
      try {
        const method = store[name] as (...parameters: unknown[]) => Promise<unknown>;
        return { value: await method.apply(store, parameters) };
      } catch (error) {
        const { name, message, found, expected, refusal, problem } = error as RefusedError;
        return { error: { name, message, found, expected, refusal, problem } };
      }
    },
  };
  expose(served, port);
}

export async function connectStore(port: MessagePort): Promise<Store> {
  const remote = wrap<Served>(port);
  const { kind, fingerprintKey } = await remote.hello();
  const call = async (name: Call, ...parameters: unknown[]): Promise<unknown> => {
    const answer = await remote.call(name, parameters);
    if ("error" in answer) throw storageErrorFrom(answer.error);
    return answer.value;
  };
  let last: Promise<unknown> = Promise.resolve();
  return {
    kind,
    fingerprintKey,
    get: (collection: string, key: string) => call("get", collection, key),
    list: (collection: string, prefix?: string) =>
      call("list", collection, prefix) as Promise<StoredDocument[]>,
    commit: (change: Change) => {
      const done = call("commit", change) as Promise<void>;
      last = done.catch(() => {});
      return done;
    },
    readBlocks: (ids: readonly BlockId[]) => call("readBlocks", ids) as Promise<(Uint8Array | undefined)[]>,
    usage: () => call("usage") as Promise<StoreUsage>,
    collectGarbage: () => call("collectGarbage") as Promise<GarbageReport>,
    async close() {
      await last;
      remote[releaseProxy]();
    },
  };
}
