/**
 * A machine as data: what the library keeps and what an engine is built from. The stored document carries a version; one
 * written by a newer Ringside is refused by name and left as it is.
 */
import * as v from "valibot";
import {
  VIRTUALIZATION,
  type BootDevice,
  type EngineName,
  type HardwareConfig,
  type NicModel,
  type Virtualization,
} from "../../emulator/machine.ts";
import { Random } from "../../common/random.ts";
import { checkDocument, expectedValue, fields, type Checked } from "./document-check.ts";
import type { Problem, ValueRefusal } from "./reasons.ts";

export const DEFINITION_VERSION = 1;
/** /dev/sda and /dev/sdb: the two drives of the first IDE channel. */
export const MAX_DISKS = 2;
/** What the engines carry. */
export const MAX_NICS = 2;
export const NAME_LIMIT = 80;
export const MEMORY_MIB = { minimum: 4, maximum: 2048, default: 64 };
export const DISK_MIB = { minimum: 1, maximum: 65536, default: 64 };
export const DEFAULT_BOOT_ORDER: BootDevice[] = ["disk", "cdrom", "floppy", "network"];
/** VMware's NAT network, where its typical wizard puts a new machine. */
export const DEFAULT_NETWORK = "vmnet8";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** Bit 0 of the first byte marks multicast (IEEE 802-2014, 8.2.2): no NIC may have such an address. */
export function isNicAddress(mac: string): boolean {
  return MAC.test(mac) && (parseInt(mac.slice(0, 2), 16) & 1) === 0 && mac !== "00:00:00:00:00:00";
}

export function isMachineName(name: string): boolean {
  return nameRefusal(name, []) === undefined && name === name.trim();
}

const engines: [EngineName, EngineName] = ["v86", "core"];
const models: [NicModel, NicModel] = ["ne2000", "virtio"];

const wholeNumber = (minimum: number, maximum: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(minimum), v.maxValue(maximum));
const time = v.pipe(v.number(), v.minValue(0));

export const uuidSchema = v.pipe(
  v.string(),
  expectedValue<string>("uuid", (text) => UUID.test(text)),
);
export const nameSchema = v.pipe(v.string(), expectedValue<string>("name", isMachineName));
export const engineSchema = v.picklist(engines);
export const nicModelSchema = v.picklist(models);
export const memorySchema = wholeNumber(MEMORY_MIB.minimum, MEMORY_MIB.maximum);
export const diskSizeSchema = wholeNumber(DISK_MIB.minimum, DISK_MIB.maximum);
export const vlanSchema = wholeNumber(1, 4094);
export const macSchema = v.pipe(v.string(), v.toLowerCase(), expectedValue<string>("mac", isNicAddress));

/** Something the user brought: a file on this computer (command line), or its bytes in the store (page). */
const mediumSchema = v.variant("type", [
  fields({ type: v.literal("file"), path: v.pipe(v.string(), v.minLength(1)) }),
  fields({ type: v.literal("stored"), id: v.string(), name: v.string(), byteLength: v.number() }),
]);

/** What the machine runs first. */
const imageSchema = v.variant("type", [
  /** A folder of images/. */
  fields({ type: v.literal("library"), name: v.pipe(v.string(), v.minLength(1)) }),
  /** Nothing: firmware, then whatever the disks or drives hold. */
  fields({ type: v.literal("none") }),
  fields({ type: v.literal("iso"), medium: mediumSchema }),
  fields({ type: v.literal("floppy"), medium: mediumSchema }),
  /** Takes the first disk's place: /dev/sda. */
  fields({ type: v.literal("disk"), medium: mediumSchema }),
  fields({
    type: v.literal("kernel"),
    kernel: mediumSchema,
    initrd: v.optional(mediumSchema),
    commandLine: v.optional(v.string(), ""),
  }),
]);

const driveSchema = v.nullable(fields({ medium: v.nullable(mediumSchema) }));

export const machineSchema = fields({
  version: v.literal(DEFINITION_VERSION),
  id: uuidSchema,
  name: nameSchema,
  description: v.optional(v.string(), ""),
  /** Of the library tree; `null` is its top. */
  folder: v.optional(v.nullable(uuidSchema), null),
  image: imageSchema,
  engine: engineSchema,
  memoryMiB: memorySchema,
  /** Of a core machine alone: what its firmware setup says of hardware virtualization; left out, it is on. */
  virtualization: v.optional(v.picklist(VIRTUALIZATION)),
  nics: v.pipe(
    v.array(
      fields({
        /** `null`: in the slot, on no network. */
        network: v.nullable(v.pipe(v.string(), v.minLength(1))),
        model: nicModelSchema,
        mac: macSchema,
        /** Whether the cable is in when the machine is powered on. */
        connected: v.optional(v.boolean(), true),
        /** Of its switch port, which carries that VLAN alone, untagged; left out, none of its own. */
        vlan: v.optional(vlanSchema),
      }),
    ),
    v.maxLength(MAX_NICS),
  ),
  disks: v.pipe(
    v.array(
      fields({
        /** Of its contents in the store. */
        id: uuidSchema,
        name: nameSchema,
        /** A system disk is made with the file system that the tiny image lays over its root. */
        role: v.optional(v.literal("system")),
        sizeMiB: diskSizeSchema,
        /** As the disk is made; of a disk that is there already the store knows better. Left out: thin, in one file. */
        provisioning: v.optional(v.picklist(["thin", "full"])),
        split: v.optional(v.boolean()),
      }),
    ),
    v.maxLength(MAX_DISKS),
  ),
  /** `null`: no drive. A drive may be empty. */
  cdrom: v.optional(driveSchema, null),
  floppy: v.optional(driveSchema, null),
  bootOrder: v.optional(
    v.pipe(
      v.array(v.picklist(["disk", "cdrom", "floppy", "network"])),
      expectedValue<BootDevice[]>("boot-order", (order) => new Set(order).size === order.length),
    ),
    DEFAULT_BOOT_ORDER,
  ),
  /** Which console the machine's tab opens with. */
  console: v.optional(v.picklist(["serial", "screen"]), "serial"),
  /** Of the machine's own random numbers. */
  seed: wholeNumber(0, 0xffff_ffff),
  createdAt: time,
  lastStartedAt: v.optional(v.nullable(time), null),
});

export type MachineDefinition = v.InferOutput<typeof machineSchema>;
export type MachineImage = MachineDefinition["image"];
export type NicDefinition = MachineDefinition["nics"][number];
export type DiskDefinition = MachineDefinition["disks"][number];
export type MediumReference = v.InferOutput<typeof mediumSchema>;

/** Reads a stored or imported document. */
export function parseDefinition(document: unknown): Checked<MachineDefinition> {
  const version = versionOf(document);
  if (version !== undefined && version > DEFINITION_VERSION) {
    return {
      type: "refused",
      problems: [
        { path: "version", reason: { key: "newer-version", found: version, supported: DEFINITION_VERSION } },
      ],
    };
  }
  // A later version adds its migration here: from each older version to the next, one function a step.
  const checked = checkDocument(machineSchema, document);
  if (checked.type === "refused") return checked;
  const problems = [...diskProblems(checked.value), ...sameMacProblems(checked.value)];
  return problems.length === 0 ? checked : { type: "refused", problems };
}

function versionOf(document: unknown): number | undefined {
  const version = (document as { version?: unknown } | null | undefined)?.version;
  return typeof version === "number" ? version : undefined;
}

function diskProblems(definition: MachineDefinition): Problem[] {
  const problems: Problem[] = [];
  const places = MAX_DISKS - (definition.image.type === "disk" ? 1 : 0);
  if (definition.disks.length > places) {
    problems.push({ path: "disks", reason: { key: "too-many-disks", maximum: MAX_DISKS } });
  }
  const system = definition.disks
    .map((disk, i) => ({ disk, i }))
    .filter(({ disk }) => disk.role === "system");
  if (system.length > 1) {
    problems.push({ path: `disks[${system[1].i}].role`, reason: { key: "two-system-disks" } });
  }
  return problems;
}

function sameMacProblems(definition: MachineDefinition): Problem[] {
  const seen = new Map<string, number>();
  return definition.nics.flatMap(({ mac }, i): Problem[] => {
    const first = seen.get(mac);
    if (first === undefined) {
      seen.set(mac, i);
      return [];
    }
    return [{ path: `nics[${i}].mac`, reason: { key: "duplicate", value: mac, first: `nics[${first}]` } }];
  });
}

/** What is already used in the library. */
export interface Taken {
  names: readonly string[];
  macs: readonly string[];
}

/** The choices of the new-machine wizard. What is left out has VMware's typical value. */
export interface MachineChoices {
  name?: string;
  description?: string;
  folder?: string | null;
  image?: MachineImage;
  engine?: EngineName;
  memoryMiB?: number;
  virtualization?: Virtualization;
  nics?: (Partial<NicDefinition> & { network: string | null })[];
  disks?: (Omit<DiskDefinition, "id"> & { id?: string })[];
  cdrom?: MachineDefinition["cdrom"];
  floppy?: MachineDefinition["floppy"];
  bootOrder?: BootDevice[];
  console?: MachineDefinition["console"];
}

/** A complete definition: ids, seed and addresses are drawn from `random`. The name is taken as given. */
export function newDefinition(
  choices: MachineChoices,
  random: Random,
  now: number,
  taken: Taken,
): MachineDefinition {
  const macs = new Set(taken.macs);
  const image = choices.image ?? { type: "library", name: "tiny" };
  const disks: NonNullable<MachineChoices["disks"]> =
    choices.disks ?? (image.type === "disk" ? [] : defaultDisks(image));
  return {
    version: DEFINITION_VERSION,
    id: random.uuid(),
    name: choices.name ?? freeName("Linux", taken.names),
    description: choices.description ?? "",
    folder: choices.folder ?? null,
    image,
    engine: choices.engine ?? "v86",
    memoryMiB: choices.memoryMiB ?? MEMORY_MIB.default,
    ...(choices.virtualization === undefined ? {} : { virtualization: choices.virtualization }),
    nics: (choices.nics ?? [{ network: DEFAULT_NETWORK }]).map((nic) => ({
      network: nic.network,
      model: nic.model ?? "ne2000",
      mac: nic.mac ?? newMac(random, macs),
      connected: nic.connected ?? true,
      ...(nic.vlan === undefined ? {} : { vlan: nic.vlan }),
    })),
    disks: disks.map(({ id, ...disk }) => ({ id: id ?? random.uuid(), ...disk })),
    cdrom: choices.cdrom === undefined ? { medium: null } : choices.cdrom,
    floppy: choices.floppy ?? null,
    bootOrder: choices.bootOrder ?? [...DEFAULT_BOOT_ORDER],
    console: choices.console ?? (image.type === "library" && image.name === "tiny" ? "serial" : "screen"),
    seed: random.uint32(),
    createdAt: now,
    lastStartedAt: null,
  };
}

function defaultDisks(image: MachineImage): Omit<DiskDefinition, "id">[] {
  if (image.type === "library") return [{ name: "system", role: "system", sizeMiB: DISK_MIB.default }];
  return [{ name: "disk", sizeMiB: DISK_MIB.default }];
}

/** VMware's prefix for addresses it makes itself, 00:0c:29, and three random bytes. Adds it to `taken`. */
export function newMac(random: Random, taken: Set<string>): string {
  for (;;) {
    const tail = Array.from(random.bytes(3), (byte) => byte.toString(16).padStart(2, "0"));
    const mac = ["00", "0c", "29", ...tail].join(":");
    if (taken.has(mac)) continue;
    taken.add(mac);
    return mac;
  }
}

/** Names are told apart without regard to case, as file names are on Windows. */
const folded = (name: string) => name.trim().normalize("NFC").toLowerCase();

/** Why a machine cannot have this name, spaces around it aside. */
export function nameRefusal(name: string, taken: readonly string[]): ValueRefusal | undefined {
  const trimmed = name.trim();
  if (trimmed === "") return { key: "name-empty" };
  if (trimmed.length > NAME_LIMIT) return { key: "name-too-long", maximum: NAME_LIMIT };
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(trimmed)) return { key: "name-characters" };
  if (taken.some((other) => folded(other) === folded(trimmed))) return { key: "name-taken", name: trimmed };
  return undefined;
}

/** `web`, `web (2)`, `web (3)`…: the first that is free. */
export function freeName(wanted: string, taken: readonly string[]): string {
  const base = wanted
    // oxlint-disable-next-line no-control-regex
    .replace(/[\u0000-\u001f\u007f]/g, "")
    .replace(/ \(\d+\)$/, "")
    .slice(0, NAME_LIMIT - 7)
    .trim();
  for (let number = 1; ; number++) {
    const name = number === 1 ? base || "Linux" : `${base || "Linux"} (${number})`;
    if (nameRefusal(name, taken) === undefined) return name;
  }
}

/** The same machine again with its own id, seed, addresses and disks. Contents of the disks are the caller's. */
export function duplicateOf(
  original: MachineDefinition,
  random: Random,
  now: number,
  taken: Taken,
): MachineDefinition {
  return newDefinition(
    {
      ...original,
      name: freeName(original.name, taken.names),
      nics: original.nics.map((nic) => ({ ...nic, mac: undefined })),
      disks: original.disks.map((disk) => ({ ...disk, id: undefined })),
    },
    random,
    now,
    taken,
  );
}

/** The shape an engine is built with; a medium the image brings puts its drive in. */
export function hardwareOf(definition: MachineDefinition, ownDiskBytes?: number): HardwareConfig {
  const { image } = definition;
  const disks = definition.disks.map((disk) => disk.sizeMiB * 2 ** 20);
  return {
    memoryMiB: definition.memoryMiB,
    nics: definition.nics.map(({ model, mac }) => ({ model, mac })),
    diskBytes: ownDiskBytes === undefined ? disks : [ownDiskBytes, ...disks],
    hasCdrom: definition.cdrom !== null || image.type === "iso",
    hasFloppy: definition.floppy !== null || image.type === "floppy",
    bootOrder: [...definition.bootOrder],
    ...(definition.virtualization === undefined ? {} : { virtualization: definition.virtualization }),
  };
}
