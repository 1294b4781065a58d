/** A machine's devices with their values, in VMware's order. */
import { resolveNetworks, type ResolvedNetwork } from "../../../hypervisor-model/network/network-config.ts";
import { formatAddress, formatSubnet } from "../../../hypervisor-model/network/wire/ipv4-address.ts";
import type { MachineDefinition } from "../../../hypervisor-model/virtual-machines/definition.ts";
import type { IconName } from "../../components/icon/icon-names.ts";
import type { Messages } from "../../i18n/messages.ts";
import { laboratory } from "../../state/laboratory.ts";

export interface DeviceLine {
  icon: IconName;
  name: string;
  value: string;
}

function resolved(network: string | null): ResolvedNetwork | undefined {
  return resolveNetworks(laboratory.networks.configs.get()).find(({ name }) => name === network);
}

/** Networks to choose from, as VMware's list orders its own; the last is none. */
export function networkChoices(): (string | null)[] {
  return [...laboratory.networks.configs.get().map(({ name }) => name), null];
}

export function networkName(m: Messages, network: string | null): string {
  if (network === null) return m.network.none;
  const found = resolved(network);
  return found ? `${m.networks.kind[found.kind]} (${network})` : m.network.gone(network);
}

/** What a choice of network means for the guest. */
export function networkHint({ network: m }: Messages, network: string | null): string {
  if (network === null) return m.noneHint;
  const found = resolved(network);
  if (!found) return m.goneHint;
  const subnet = `${formatSubnet(found.subnet)}${found.dhcp ? m.byDhcp : ""}`;
  const address = (value: number | undefined) => (value === undefined ? "–" : formatAddress(value));
  switch (found.kind) {
    case "nat":
      return m.natHint(subnet, address(found.gateway));
    case "host-only":
      return m.hostOnlyHint(subnet, address(found.hostAddress));
    case "bridged":
      return m.bridgedHint(subnet, address(found.hostAddress));
    default:
      return found.kind satisfies never;
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
