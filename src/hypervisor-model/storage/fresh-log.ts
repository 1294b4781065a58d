/**
 * Keeps a killed browser from losing its database.
 *
 * Chromium keeps IndexedDB in LevelDB, whose log is written record by record, each record's header and body by a write of
 * their own. A browser that is killed between two of them leaves half a record at the log's end. The next start takes
 * that for the end of the log, as it should, but then appends to the same file; the start after that finds half a record
 * in the middle, calls the database damaged and deletes it with all that it holds. (Seen in Chromium 156; that LevelDB
 * appends to an old log is its option `reuse_logs`.)
 *
 * Deleting a database makes LevelDB compact, which begins a new log and drops the old one. So after opening, a small
 * database beside the store is made and deleted: some 30 ms of the browser's time, none of this thread's.
 */
import { deleteDB, openDB } from "idb";

/** Beside the store named `store`, in the same LevelDB. Does nothing where another page has the store open. */
export function beginFreshLog(store: string): Promise<void> {
  const name = `${store}-log`;
  const locks = typeof navigator === "undefined" ? undefined : (navigator as { locks?: LockManager }).locks;
  if (locks === undefined) return replaceLog(name);
  return new Promise((resolve, reject) => {
    locks
      .request(name, { ifAvailable: true }, async (lock) => {
        if (lock) await replaceLog(name);
        resolve();
        // Kept as long as this page or Worker lives: the browser has not been started again before that.
        if (lock) await new Promise<never>(() => undefined);
      })
      .catch(reject);
  });
}

async function replaceLog(name: string): Promise<void> {
  const database = await openDB(name, 1, { upgrade: (made) => void made.createObjectStore("empty") });
  database.close();
  await deleteDB(name);
}
