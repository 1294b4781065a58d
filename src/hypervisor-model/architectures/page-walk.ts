/** How many page-table entries one translation reads (Bhargava et al., ASPLOS 2008, §1). */

/** Levels walked for a page size, of a tree that has `levels` levels for 4 KiB pages: 2 MiB pages need one less, 1 GiB two. */
export function levelsFor(levels: number, pageSize: "4 KB" | "2 MB" | "1 GB"): number {
  return levels - (pageSize === "4 KB" ? 0 : pageSize === "2 MB" ? 1 : 2);
}

/** Native walk: one entry a level. Nested walk: each guest entry and the final address are themselves translated. */
export function pageWalkReferences(guestLevels: number, nestedLevels = 0): number {
  return guestLevels * nestedLevels + guestLevels + nestedLevels;
}
