/**
 * A machine as the .vmx file that VMware Workstation would write for it: what Ringside's machine and VMware's have in
 * common, in VMware's names. What only Ringside has (engine, scenario network names) stands in comments. To be read.
 */
import type { MachineDefinition } from "./definition.ts";

const BOOT_DEVICES = { disk: "hdd", cdrom: "cdrom", floppy: "floppy", network: "ethernet0" } as const;
/** VMware's three networks; others are custom ones. */
const CONNECTIONS: Record<string, string> = { vmnet0: "bridged", vmnet1: "hostonly", vmnet8: "nat" };

/** `diskFiles`: the name of each disk's live layer, in order. */
export function vmxText(definition: MachineDefinition, diskFiles: readonly string[]): string {
  const { id, name, description, memoryMiB, nics, cdrom, floppy, bootOrder, engine, image } = definition;
  const lines: [key: string, value: string | number | boolean][] = [
    [".encoding", "UTF-8"],
    ["config.version", 8],
    ["virtualHW.version", 4],
    ["displayName", name],
    ...(description === "" ? [] : [["annotation", description] as [string, string]]),
    ["guestOS", image.type === "library" ? "other26xlinux" : "other"],
    ["uuid.bios", vmwareUuid(id)],
    ["memsize", memoryMiB],
    ["numvcpus", 1],
    ["bios.bootOrder", bootOrder.map((device) => BOOT_DEVICES[device]).join(",")],
  ];
  for (const [place, file] of diskFiles.entries()) {
    lines.push([`ide0:${place}.present`, true], [`ide0:${place}.fileName`, file]);
  }
  if (cdrom !== null) {
    lines.push(["ide1:0.present", true], ["ide1:0.deviceType", "cdrom-image"]);
    lines.push(["ide1:0.fileName", mediumName(cdrom.medium)]);
    lines.push(["ide1:0.startConnected", cdrom.medium !== null]);
  }
  lines.push(["floppy0.present", floppy !== null]);
  if (floppy !== null)
    lines.push(["floppy0.fileType", "file"], ["floppy0.fileName", mediumName(floppy.medium)]);
  for (const [place, { network, model, mac, connected }] of nics.entries()) {
    const key = `ethernet${place}`;
    lines.push([`${key}.present`, true], [`${key}.virtualDev`, model === "virtio" ? "virtio" : "vlance"]);
    lines.push([`${key}.addressType`, "static"], [`${key}.address`, mac.toUpperCase()]);
    lines.push([`${key}.startConnected`, connected && network !== null]);
    if (network === null) continue;
    const type = CONNECTIONS[network] ?? "custom";
    lines.push([`${key}.connectionType`, type]);
    if (type === "custom") lines.push([`${key}.vnet`, network]);
  }
  lines.push(["serial0.present", true], ["serial0.fileType", "pipe"]);
  const comments = [`# engine of Ringside: ${engine}`];
  if (nics.some(({ model }) => model === "ne2000"))
    comments.push("# NE2000 cards; VMware's nearest is vlance");
  const text = lines.map(
    ([key, value]) => `${key} = "${quoted(String(value).replace(/^(true|false)$/, upper))}"`,
  );
  return [...text, ...comments, ""].join("\n");
}

const upper = (word: string) => word.toUpperCase();

const mediumName = (medium: { type: "file"; path: string } | { type: "stored"; name: string } | null) =>
  medium === null ? "" : medium.type === "file" ? medium.path : medium.name;

/** VMware writes quotation marks, line ends and bars as a bar and two hexadecimal digits. */
function quoted(value: string): string {
  return value.replace(
    // oxlint-disable-next-line no-control-regex
    /["|\u0000-\u001f\u007f]/g,
    (mark) => `|${mark.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`,
  );
}

/** `56 4d … - …`: the bytes of the id, eight and eight. */
function vmwareUuid(id: string): string {
  const bytes = id.replaceAll("-", "").match(/../g) ?? [];
  return `${bytes.slice(0, 8).join(" ")}-${bytes.slice(8).join(" ")}`;
}
