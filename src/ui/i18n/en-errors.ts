/** What can go wrong with disks, snapshots, files and definitions, in English: one sentence each, with what to do. */
import type { StorageRefusal } from "../../hypervisor-model/storage/errors.ts";
import { describeReason, type ValueRefusal } from "../../hypervisor-model/virtual-machines/reasons.ts";

export const errors = {
  storageRefusal(refusal: StorageRefusal): string {
    switch (refusal.key) {
      case "disk-in-machine":
        return `The disk is in the machine ${refusal.machine}. Take it out there first.`;
      case "disk-count":
        return `A machine has at most ${refusal.maximum} disks. Take another one out first.`;
      case "disk-size":
        return `The disk ${refusal.disk} has ${refusal.sizeMiB} MiB and can only grow: choose a larger size, at most ${refusal.maximumMiB} MiB.`;
      case "disk-not-stored":
        return "What this guest writes to its disk is not stored, so a snapshot cannot keep it. Allow this page to store data and reload it.";
      case "snapshot-without-memory":
        return `The snapshot ${refusal.snapshot} was taken while the machine was off. Power the machine off before you go back to it.`;
      case "snapshot-unreadable":
        return `The settings in the snapshot ${refusal.snapshot} cannot be read by this version, so nothing was changed. Choose another snapshot.`;
      case "linked-clones":
        return `Linked clones stand on it: ${refusal.clones}. Delete these clones first.`;
      case "template-snapshots-only":
        return `${refusal.machine} is a template: choose one of its snapshots to clone from.`;
      case "template-needs-snapshot":
        return "A template needs a snapshot that clones are made from. Take a snapshot first.";
      case "template-unchanged":
        return "A template is not changed. Make it an ordinary machine first.";
      case "already-here":
        return "What is in the file is here already. Delete it here first, or keep it as it is.";
      default:
        return refusal satisfies never;
    }
  },
  imageUnsupported: (feature: string) =>
    `The disk image cannot be used: “${feature}” is not supported. Convert it to raw, qcow2 or VMDK without it (qemu-img convert), or choose another file.`,
  imagePartMissing: (file: string) =>
    `The disk image cannot be used: it stands on the file “${file}”, which is not here. Choose it together with that file, or an image in one file.`,
  imageBroken:
    "The file cannot be used: it is cut off, damaged or of another kind than its beginning says. Get it again, or choose another file.",
  damaged:
    "The file or the stored data is damaged; nothing was changed. Use another copy of the file, or go back to a snapshot.",
  notFound:
    "What this needs (a disk, a snapshot or a saved state) is not stored any more; nothing else was changed. Go back to a snapshot, or make the machine anew.",
  storageUnavailable:
    "The browser does not let this page store anything. Allow it to store data (private windows often do not) and reload.",
  inUse: "Another tab or program is using this. Close it there and try again.",
  kernel: {
    "no-kernel":
      "The file is no kernel that can be booted here. Make a new machine with a Linux bzImage or a 32-bit Multiboot kernel.",
    damaged: "The kernel's file is damaged or incomplete. Get it again, and make a new machine with it.",
    "too-large":
      "The kernel and its initrd do not fit the machine's memory. Give the machine more memory in its settings.",
    "command-line-too-long": "The kernel's command line is too long. Make a new machine with a shorter one.",
  },
  machineGone: "The machine is not here any more; another tab may have deleted it. Reload the page.",
  machineEnded: "The machine stopped before this was done. Power it on and try again.",
  hardwareUnsupported:
    "The engine cannot build a machine like this. Change its memory, disks or adapters in the settings, or choose the other engine.",
  engineOther:
    "The engine that came is not the one this page was built for. Reload the page; if it happens again, run npm start to build it anew.",
  engineUnreachable:
    "The engine cannot be loaded. Check that the server still runs (npm start), reload the page and power on again.",
  definition: (problems: string) => `The settings were not taken: ${problems}. Correct them and try again.`,
  valueRefusal: (reason: ValueRefusal): string => describeReason(reason),
};
