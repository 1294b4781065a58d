/** The guest images that come with the page, and the memory each needs (the `memoryMiB` of its manifest, in MiB). */
import { MEMORY_MIB, type MachineImage } from "../../hypervisor-model/virtual-machines/definition.ts";

export const SHIPPED_IMAGES = {
  tiny: { minimum: 32, default: 64 },
  "grub-rescue": { minimum: 16, default: 32 },
  "grub-invaders": { minimum: 8, default: 16 },
} as const;
export type ShippedImage = keyof typeof SHIPPED_IMAGES;

/** The least memory with which what the machine starts from can run; of own media only what any machine needs. */
export function leastMemory(image: MachineImage): number {
  const shipped = image.type === "library" ? SHIPPED_IMAGES[image.name as ShippedImage] : undefined;
  return shipped?.minimum ?? MEMORY_MIB.minimum;
}
