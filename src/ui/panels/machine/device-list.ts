/** A machine's devices with their values, in VMware's order. */
import type { MachineDefinition } from "../../../hypervisor-model/virtual-machines/definition.ts";
import type { IconName } from "../../components/icon/icon-names.ts";
import type { Messages } from "../../i18n/messages.ts";

export interface DeviceLine {
  icon: IconName;
  name: string;
  value: string;
}

export function networkName(m: Messages, network: string | null): string {
  switch (network) {
    case null:
      return m.network.none;
    case "vmnet8":
      return m.network.nat;
    case "vmnet1":
      return m.network.hostOnly;
    case "vmnet0":
      return m.network.bridged;
    default:
      return network;
  }
}

/** What a choice of network means for the guest. */
export function networkHint({ network: m }: Messages, network: string | null): string {
  switch (network) {
    case null:
      return m.noneHint;
    case "vmnet8":
      return m.natHint;
    case "vmnet1":
      return m.hostOnlyHint;
    case "vmnet0":
      return m.bridgedHint;
    default:
      return m.simulated;
  }
}

function mediumName(m: Messages, drive: MachineDefinition["cdrom"]): string {
  const medium = drive?.medium;
  if (!medium) return m.device.noMedium;
  return medium.type === "stored" ? medium.name : medium.path;
}

export function devicesOf(m: Messages, definition: MachineDefinition): DeviceLine[] {
  const { device, common } = m;
  return [
    { icon: "memory-stick", name: device.memory, value: common.mib(String(definition.memoryMiB)) },
    { icon: "cpu", name: device.processors, value: device.oneProcessor },
    ...definition.disks.map(({ role, sizeMiB }, i): DeviceLine => {
      const size = common.mib(String(sizeMiB));
      return {
        icon: "hard-drive",
        name: device.disk(i + 1),
        value: role === "system" ? device.systemDisk(size) : size,
      };
    }),
    ...(definition.cdrom
      ? [{ icon: "disc", name: device.cdrom, value: mediumName(m, definition.cdrom) } as const]
      : []),
    ...(definition.floppy
      ? [{ icon: "floppy", name: device.floppy, value: mediumName(m, definition.floppy) } as const]
      : []),
    ...definition.nics.map((nic, i): DeviceLine => ({
      icon: "network",
      name: device.network(i + 1),
      value: `${networkName(m, nic.network)}${nic.connected ? "" : ` (${device.disconnected})`}`,
    })),
    { icon: "plug", name: device.serial, value: device.serialConsole },
    { icon: "monitor", name: device.display, value: device.displayValue },
  ];
}
