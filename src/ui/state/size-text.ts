/** A number of bytes as people read it. */
import type { Messages } from "../i18n/messages.ts";

export function sizeText({ common, events }: Messages, bytes: number): string {
  if (bytes < 1024) return events.bytes(String(bytes));
  if (bytes < 1024 * 1024) return common.kib((bytes / 1024).toFixed(1));
  return common.mib((bytes / 2 ** 20).toFixed(1));
}
