/** What is known of a laboratory's guests, simulated devices and cables: what pings are explained by. */
import type { CableFaults } from "./link.ts";
import type { NetworkStatus } from "./network.ts";
import type { ResolvedNetwork } from "./network-config.ts";
import type { Zone } from "./zone.ts";

export interface GuestInterface {
  name: string;
  network: string;
  /** Its cable as the switch calls it: "vmnet8/web-1:ens33". */
  port: string;
  /** The cable is in and its link is up. */
  cable: boolean;
  /** Set up in the guest. */
  up: boolean;
  /** "192.168.10.130/24" */
  addresses: string[];
  mac?: string;
}

export interface GuestRoute {
  /** "default" or "192.168.56.0/24" */
  to: string;
  via?: string;
  device: string;
}

/** What is known of a guest: its own tables, as its agent tells them, and its cables. */
export interface GuestState {
  name: string;
  interfaces: GuestInterface[];
  /** Besides the subnets of its own addresses. */
  routes: GuestRoute[];
  nameServers: string[];
  /** net.ipv4.ip_forward */
  forwards: boolean;
  /** Its firewall or kernel drops echo requests. */
  ignoresPing?: boolean;
  /** Its ARP table. */
  neighbours?: { address: string; mac: string }[];
}

/** A device that the fabric simulates: host adapter, gateway, neighbour, troublemaker. */
export interface DeviceState {
  name: string;
  network: string;
  address: string;
  mac: string;
}

export interface CableState {
  /** "vmnet8/gateway" */
  name: string;
  up: boolean;
  faults?: CableFaults;
  /** Of its switch port, where it has one of its own. */
  vlan?: number;
}

export interface LaboratoryState {
  guests: GuestState[];
  networks: ResolvedNetwork[];
  zone: Zone;
  devices: DeviceState[];
  cables: CableState[];
}

/** Devices and cables as the switches tell them. */
export function simulatedState(
  statuses: Iterable<NetworkStatus>,
): Pick<LaboratoryState, "devices" | "cables"> {
  const devices: DeviceState[] = [];
  const cables: CableState[] = [];
  for (const status of statuses) {
    for (const device of status.devices) devices.push({ ...device, network: status.name });
    for (const { name, up, faults, mode } of status.ports) {
      const vlan = mode?.type === "access" ? mode.vlan : undefined;
      cables.push({ name, up, faults, vlan });
    }
  }
  return { devices, cables };
}
