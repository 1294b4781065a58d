/** The user's own media (ISO images, floppies, disk images, kernels) that the page keeps in the store, by id. */
import type { MachineDefinition } from "./definition.ts";

/** A document is `{ bytes: Uint8Array }`. */
export const MEDIA = "media";

/** Ids of the kept media that a machine names. */
export function mediaOf({ image, cdrom, floppy }: MachineDefinition): string[] {
  const named = [cdrom?.medium, floppy?.medium];
  if (image.type === "kernel") named.push(image.kernel, image.initrd);
  else if ("medium" in image) named.push(image.medium);
  return named.flatMap((medium) => (medium?.type === "stored" ? [medium.id] : []));
}
