/** From a definition to what an engine is started with. */
import type { MachineDefinition, MediumReference } from "./definition.ts";
import type { GuestSoftware, MachineSpec, Medium } from "./running-machine-types.ts";

/** `read` gets the bytes of the user's own media. */
export async function machineSpecOf(
  definition: MachineDefinition,
  read: (medium: MediumReference) => Promise<Uint8Array>,
): Promise<MachineSpec> {
  const { id, name, engine, memoryMiB, virtualization, image } = definition;
  const medium = async (reference: MediumReference, readOnly: boolean): Promise<Medium> => ({
    type: "bytes",
    bytes: await read(reference),
    readOnly,
  });
  const floppy = (reference: MediumReference) => floppyOf(reference, read);
  const drive = async (
    drive: MachineDefinition["cdrom"],
    insert: (reference: MediumReference) => Promise<Medium>,
  ) => (drive === null ? undefined : drive.medium === null ? null : insert(drive.medium));
  const disks: Medium[] = definition.disks.map((disk) => ({ type: "disk", disk: disk.id }));
  if (image.type === "disk") disks.unshift(await medium(image.medium, false));
  return {
    id,
    name,
    engine,
    memoryMiB,
    ...(virtualization === undefined ? {} : { virtualization }),
    nics: definition.nics.map(({ model, mac, connected }) => ({ model, mac, connected })),
    disks,
    cdrom:
      image.type === "iso"
        ? await medium(image.medium, true)
        : await drive(definition.cdrom, (reference) => medium(reference, true)),
    floppy: image.type === "floppy" ? await floppy(image.medium) : await drive(definition.floppy, floppy),
    bootOrder: image.type === "iso" ? ["cdrom", ...without(definition, "cdrom")] : definition.bootOrder,
    software: await softwareOf(definition, read),
  };
}

/** A floppy of the user: one that is kept in the store is written to there. `read` says when it is not at hand any more. */
export async function floppyOf(
  reference: MediumReference,
  read: (medium: MediumReference) => Promise<Uint8Array>,
): Promise<Medium> {
  const bytes = await read(reference);
  return reference.type === "stored"
    ? { type: "floppy", medium: reference.id }
    : { type: "bytes", bytes, readOnly: false };
}

function without({ bootOrder }: MachineDefinition, device: MachineDefinition["bootOrder"][number]) {
  return bootOrder.filter((other) => other !== device);
}

async function softwareOf(
  { image }: MachineDefinition,
  read: (medium: MediumReference) => Promise<Uint8Array>,
): Promise<GuestSoftware> {
  switch (image.type) {
    case "library":
      return { type: "image", image: image.name };
    case "kernel": {
      const kernel = await read(image.kernel);
      const { commandLine } = image;
      if (isMultiboot(kernel)) return { type: "multiboot", kernel, commandLine };
      const initrd = image.initrd === undefined ? undefined : await read(image.initrd);
      return { type: "linux", kernel, initrd, commandLine };
    }
    default:
      return { type: "firmware" };
  }
}

/** Multiboot Specification 0.6.96, 3.1: the magic number on a 4-byte border within the first 8 KiB. */
export function isMultiboot(kernel: Uint8Array): boolean {
  const view = new DataView(kernel.buffer, kernel.byteOffset, Math.min(kernel.length & ~3, 8192));
  for (let offset = 0; offset < view.byteLength; offset += 4) {
    if (view.getUint32(offset, true) === 0x1badb002) return true;
  }
  return false;
}
