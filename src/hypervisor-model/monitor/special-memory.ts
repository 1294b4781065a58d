/** Places in a guest's address space whose accesses its monitor carries out. */
import type { GuestBoard } from "./guest-board.ts";
import type { SpecialMemory } from "./guest-instruction.ts";
import type { GuestMemory } from "./guest-memory.ts";
import type { ShadowPaging } from "./shadow-paging.ts";

/** One of the guest's page tables that are shadowed: what is written there is dropped from the shadow. */
export function tracedPage(guest: GuestMemory, shadow: ShadowPaging, physical: number): SpecialMemory {
  return {
    bytes: 4096 - (physical & 4095),
    load: (offset) => guest.read32(physical + offset),
    store: (offset, value) => {
      guest.write32(physical + offset, value);
      shadow.written(physical + offset);
    },
  };
}

export function deviceMemory(board: GuestBoard, physical: number): SpecialMemory {
  return {
    bytes: 4,
    load: () => board.readMemory(physical),
    store: (_, value) => board.writeMemory(physical, value),
  };
}
