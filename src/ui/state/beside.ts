/** What stands beside the workspace, whichever is open: the text of a lab. Set by what is loaded for it. */
import type { TemplateResult } from "lit";
import { signal } from "./signals.ts";

export const beside = signal<(() => TemplateResult) | undefined>(undefined);

const KEY = "ringside-lab";

/** The lab that was open when the page was left. */
export function lastLab(): string | undefined {
  try {
    return localStorage.getItem(KEY) ?? undefined;
  } catch {
    return undefined;
  }
}

export function rememberLab(id: string | undefined): void {
  try {
    if (id === undefined) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, id);
  } catch {
    // for this page alone
  }
}
