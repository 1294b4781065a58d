/** Several changes as one commit. */
import type { Change } from "./store.ts";

/** What is put, deleted, required and stored by all of them; durability and compression are the first that says so. */
export function joinChanges(...changes: (Change | undefined)[]): Change {
  const joined: Required<Pick<Change, "put" | "delete" | "require">> & Change = {
    put: [],
    delete: [],
    require: [],
  };
  const blocks = new Map<string, Uint8Array>();
  for (const change of changes) {
    if (change === undefined) continue;
    joined.put.push(...(change.put ?? []));
    joined.delete.push(...(change.delete ?? []));
    joined.require.push(...(change.require ?? []));
    for (const [id, bytes] of change.blocks ?? []) blocks.set(id, bytes);
    joined.durability ??= change.durability;
    joined.compress ??= change.compress;
  }
  return blocks.size > 0 ? { ...joined, blocks } : joined;
}
