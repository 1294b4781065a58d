/** A block of a disk that is written and not saved yet. */

export const SECTOR = 512;
export const ALL_SECTORS = 0xff;

/** A bit of `sectors` says that this sector of 512 bytes is known. */
export interface UnsavedBlock {
  bytes: Uint8Array;
  sectors: number;
}

/** `target.set(source.subarray(…))`, without the view where a whole block is copied. */
export function copyWithin(
  source: Uint8Array,
  from: number,
  count: number,
  target: Uint8Array,
  to: number,
): void {
  target.set(from === 0 && count === source.length ? source : source.subarray(from, from + count), to);
}

/** Fills the sectors that were not written. */
export function complete(unsaved: UnsavedBlock, stored: Uint8Array): void {
  for (let sector = 0; sector < 8; sector++) {
    if (unsaved.sectors & (1 << sector)) continue;
    const at = sector * SECTOR;
    unsaved.bytes.set(stored.subarray(at, at + SECTOR), at);
  }
  unsaved.sectors = ALL_SECTORS;
}
