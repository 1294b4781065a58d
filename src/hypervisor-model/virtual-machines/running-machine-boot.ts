/** Turns a machine's description into what its Worker is given: software, firmware, media and hardware. */
import type { BlockDevice, BootSource, DriveName, Firmware, HardwareConfig } from "../../emulator/machine.ts";
import { linuxLoaderDigest } from "../../emulator/linux-boot.ts";
import { V86_VERSION } from "../../emulator/v86/internals.ts";
import { readDisk } from "../storage/disk-document.ts";
import { checkMemory, FIRMWARE_IMAGE, ImageError, type ImageFile } from "./images.ts";
import type { WorkerMedium } from "./machine-worker-protocol.ts";
import type { MachineHost, MachineSpec, Medium } from "./running-machine-types.ts";
import { warmStartKey } from "./warm-start.ts";

/** The word on the kernel command line that makes the tiny image wait for its owner's GO. */
const WAIT = "ringside.wait";

export interface PreparedBoot {
  hardware: HardwareConfig;
  firmware: Firmware;
  /** The kernel of an image is not in it yet: `kernel` loads it. */
  boot: BootSource;
  kernel?: () => Promise<Uint8Array>;
  drives: Partial<Record<DriveName, WorkerMedium>>;
  /** The guest has the agent and waits for GO. */
  hasAgent: boolean;
  /** Digests of what runs before the guest waits, for the warm state's key. */
  digests: string[];
  commandLine: string;
  /** The image's name, where there is one. */
  image: string | undefined;
}

export class MachineSpecError extends Error {
  override name = "MachineSpecError";
}

const FIRMWARE_ROLES = { bios: "bios", vgaBios: "vga-bios" } as const;
const DRIVE_ROLES = { cd: "cdrom", floppy: "floppy", disk: "hda" } as const;

export async function prepareBoot(spec: MachineSpec, host: MachineHost): Promise<PreparedBoot> {
  if (spec.disks.length > 2)
    throw new MachineSpecError(`${spec.disks.length} disks: a machine has at most two`);
  const { images } = host;
  const image = spec.software.type === "image" ? spec.software.image : undefined;
  const digests: string[] = [];
  const drives: Partial<Record<DriveName, WorkerMedium>> = {};
  const read = async (folder: string, file: ImageFile) => {
    digests.push(file.sha256);
    return images.read(folder, file);
  };

  const firmwareFile = async (role: string) => {
    const own = image === undefined ? undefined : await images.fileOfRole(image, role);
    if (own !== undefined) return read(image as string, own);
    const common = await images.fileOfRole(FIRMWARE_IMAGE, role);
    if (common === undefined) throw new ImageError("not-found", FIRMWARE_IMAGE, role, "there is no firmware");
    return read(FIRMWARE_IMAGE, common);
  };
  const firmware: Firmware = {
    bios: await firmwareFile(FIRMWARE_ROLES.bios),
    vgaBios: await firmwareFile(FIRMWARE_ROLES.vgaBios),
  };

  let boot: BootSource = { type: "firmware" };
  let loadKernel: PreparedBoot["kernel"];
  let commandLine = "";
  const disks = [...spec.disks];
  switch (spec.software.type) {
    case "firmware":
      break;
    case "linux":
      boot = spec.software;
      commandLine = spec.software.commandLine;
      break;
    case "multiboot":
      boot = { type: "multiboot", image: spec.software.kernel, commandLine: spec.software.commandLine };
      break;
    case "image": {
      const name = spec.software.image;
      const manifest = await images.manifest(name);
      checkMemory(name, manifest, spec.memoryMiB);
      const kernel = manifest.files.find((file) => file.role === "kernel");
      const initrd = manifest.files.find((file) => file.role === "initrd");
      if (kernel !== undefined) {
        commandLine = manifest.boot.append;
        if (manifest.agent && !commandLine.split(" ").includes(WAIT)) commandLine += ` ${WAIT}`;
        digests.push(kernel.sha256);
        loadKernel = () => images.read(name, kernel);
        boot = {
          type: "linux",
          kernel: new Uint8Array(0),
          ...(initrd === undefined ? {} : { initrd: await read(name, initrd) }),
          commandLine: commandLine.trim(),
        };
        commandLine = boot.commandLine;
        break;
      }
      const multiboot = manifest.files.find((file) => file.role === "multiboot");
      if (multiboot !== undefined) {
        boot = { type: "multiboot", image: await read(name, multiboot), commandLine: manifest.boot.append };
        break;
      }
      const medium = manifest.files.find((file) => file.role in DRIVE_ROLES);
      if (medium === undefined) {
        throw new ImageError("no-image", name, "manifest.json", "it has neither a kernel nor a boot medium");
      }
      const bytes = (await read(name, medium)).slice();
      const drive = DRIVE_ROLES[medium.role as keyof typeof DRIVE_ROLES];
      if (drive === "hda") disks.unshift({ type: "bytes", bytes, readOnly: false });
      else drives[drive] = { type: "bytes", bytes, readOnly: true };
      break;
    }
    default:
      spec.software satisfies never;
  }

  const resolve = async (medium: Medium): Promise<WorkerMedium> => {
    if (medium.type !== "image-file") return medium;
    const bytes = await images.readPath(medium.image, medium.file);
    return { type: "bytes", bytes: bytes.slice(), readOnly: true };
  };
  const diskBytes: number[] = [];
  for (const [i, medium] of disks.entries()) {
    const resolved = await resolve(medium);
    drives[i === 0 ? "hda" : "hdb"] = resolved;
    diskBytes.push(await mediumBytes(resolved, host));
  }
  if (spec.cdrom) drives.cdrom ??= await resolve(spec.cdrom);
  if (spec.floppy) drives.floppy ??= await resolve(spec.floppy);

  return {
    hardware: {
      memoryMiB: spec.memoryMiB,
      nics: spec.nics.map(({ model, mac }) => ({ model, mac })),
      diskBytes,
      hasCdrom: spec.cdrom !== undefined || drives.cdrom !== undefined,
      hasFloppy: spec.floppy !== undefined || drives.floppy !== undefined,
      bootOrder: spec.bootOrder ?? ["disk", "cdrom", "floppy"],
      ...(spec.virtualization === undefined ? {} : { virtualization: spec.virtualization }),
    },
    firmware,
    boot,
    ...(loadKernel === undefined ? {} : { kernel: loadKernel }),
    drives,
    hasAgent: commandLine.split(" ").includes(WAIT),
    digests,
    commandLine,
    image,
  };
}

/** Names what a warm state of this machine fits. */
export function warmKeyOf({ digests, commandLine, hardware }: PreparedBoot): string {
  loaderDigest ??= linuxLoaderDigest();
  return warmStartKey({
    engine: "v86",
    engineVersion: V86_VERSION,
    digests: [...digests, loaderDigest],
    commandLine,
    hardware,
  });
}
let loaderDigest: string | undefined;

async function mediumBytes(medium: WorkerMedium, host: MachineHost): Promise<number> {
  switch (medium.type) {
    case "bytes":
      return sectors(medium.bytes.length);
    case "blank":
      return sectors(medium.byteLength);
    case "blob":
      return sectors(medium.blob.size);
    case "floppy":
      throw new MachineSpecError(`floppy ${medium.medium}: it cannot be a disk`);
    case "disk":
      if (host.store === undefined) throw new MachineSpecError(`disk ${medium.disk}: there is no store`);
      return (await readDisk(host.store, medium.disk)).sizeBytes;
    default:
      return medium satisfies never;
  }
}

const sectors = (bytes: number): BlockDevice["byteLength"] => Math.ceil(bytes / 512) * 512;
