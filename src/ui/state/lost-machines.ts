/**
 * Tells when the browser has lost what was stored: it may delete a database that it finds damaged, or clear a site's data
 * for want of room. The names of the machines are remembered apart from the store, so that the notice can say what is gone.
 */
import { forgetLosses, readLosses } from "../../hypervisor-model/storage/losses.ts";
import type { Store } from "../../hypervisor-model/storage/store.ts";
import type { LibraryEntry, MachineLibrary } from "../../hypervisor-model/virtual-machines/library.ts";
import { notify } from "./notices.ts";

const KEY = "ringside-machine-names";

interface Remembered {
  present: string[];
  /** Not acknowledged yet. */
  lost: string[];
}

function read(): Remembered {
  try {
    const { present, lost } = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Remembered>;
    return { present: namesOf(present), lost: namesOf(lost) };
  } catch {
    return { present: [], lost: [] };
  }
}

function namesOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
}

function write(remembered: Remembered): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(remembered));
  } catch {
    // the notice is without names then
  }
}

const namesIn = (entries: readonly LibraryEntry[]) =>
  entries.map((entry) => (entry.type === "machine" ? entry.definition.name : entry.name));

/** To be called when the library has been opened and nothing has changed in it yet. */
export async function tellLosses(store: Store, library: MachineLibrary): Promise<void> {
  const { present, lost: unread } = read();
  // Before the first machine of an empty laboratory is made.
  let lost = library.entries.length === 0 ? [...new Set([...unread, ...present])] : unread;
  const remember = () => write({ present: namesIn(library.entries), lost });
  remember();
  library.subscribe(remember);
  const losses = await readLosses(store);
  if (losses.length === 0 && lost.length === 0) return;
  const names = lost.join(", ");
  const reason = losses.at(-1)?.message;
  notify(
    "danger",
    (m) => m.notice.lostTitle,
    (m) => m.notice.lost(names, reason),
    {
      lasts: true,
      act: {
        label: (m) => m.notice.lostRead,
        run: () => {
          lost = [];
          remember();
          void forgetLosses(store);
        },
      },
    },
  );
}
