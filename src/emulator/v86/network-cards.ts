/**
 * The machine's network cards. v86 makes one by itself; a second NE2000 and any number of virtio cards are built here
 * from the constructors of devices v86 made. Card i sits in PCI slot SLOTS[i], so a guest finds them in our order.
 */
import type { NicConfig, NicModel } from "../machine.ts";
import { checkNe2k, checkVirtIO, type Bus, type Cpu, type Ne2k } from "./internals.ts";
import { VirtioNet } from "./virtio-net.ts";

/** v86's NE2000 with id 0 is in slot 5, with id 1 in slot 8. Its third one would lie over fw_cfg's ports. */
const SLOTS = [5, 8];
export const MAX_NICS = SLOTS.length;

export interface NetworkCard {
  readonly model: NicModel;
  receive(frame: Uint8Array): void;
  setLink(up: boolean): void;
  /** Hardware reset: the card has its configured address again. */
  reset(): void;
  /** Plain values, typed arrays and objects with `get_state`. */
  save(): unknown;
  restore(state: unknown): void;
}

/** The options that make v86 build what `buildNetworkCards` needs. */
export function networkOptions(nics: readonly NicConfig[]): Record<string, unknown> {
  return {
    // An option without type, or none at all, both mean something else than they say.
    net_device: { type: nics.some((nic) => nic.model === "ne2000") ? "ne2k" : "none" },
    preserve_mac_from_state_image: true,
    // The only device with a virtio transport that can be had without side effects; taken out again below.
    virtio_balloon: nics.some((nic) => nic.model === "virtio"),
  };
}

/** To be called between v86's initialisation and the first instruction. */
export function buildNetworkCards(
  cpu: Cpu,
  /** What devices send on one end, listeners hear at the other. */
  buses: { device: Bus; host: Bus },
  nics: readonly NicConfig[],
  transmit: (nic: number, frame: Uint8Array) => void,
): NetworkCard[] {
  const first = cpu.devices.net === undefined ? undefined : checkNe2k(cpu.devices.net);
  const balloon = cpu.devices.virtio_balloon;
  const transport = balloon === undefined ? undefined : checkVirtIO(balloon);
  if (transport !== undefined) {
    removePciDevice(cpu, transport.pci_id);
    delete cpu.devices.virtio_balloon;
  }
  if (first !== undefined && nics[0]?.model !== "ne2000") {
    removePciDevice(cpu, first.pci_id);
    delete cpu.devices.net;
  }
  return nics.map(({ model, mac: text }, i) => {
    const mac = macBytes(text);
    const send = (frame: Uint8Array) => transmit(i, frame);
    if (model === "virtio") {
      const { constructor: VirtIO } = checkVirtIO(balloon);
      return new VirtioNet(VirtIO, cpu, i, SLOTS[i], mac, send);
    }
    const { constructor: Card } = checkNe2k(first);
    const device = i === 0 ? checkNe2k(first) : new Card(cpu, buses.device, true, false, i);
    return new Ne2000(device, buses.host, mac, send);
  });
}

function removePciDevice(cpu: Cpu, pciId: number): void {
  const { pci } = cpu.devices;
  pci.devices[pciId] = undefined;
  pci.device_spaces[pciId] = undefined;
}

export function macBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(":"), (byte) => parseInt(byte, 16));
}

/** v86's NE2000. It has no link sensing, so a pulled cable only means that no frame passes. */
class Ne2000 implements NetworkCard {
  readonly model = "ne2000";
  readonly #device: Ne2k;
  readonly #mac: Uint8Array;
  #linkUp = true;

  constructor(device: Ne2k, bus: Bus, mac: Uint8Array, transmit: (frame: Uint8Array) => void) {
    this.#device = device;
    this.#mac = mac;
    device.mac = Uint8Array.from(mac);
    this.#writeProm();
    bus.register(
      `net${device.id}-send`,
      ((frame: Uint8Array) => {
        // The card's own buffer: it is overwritten by the next frame.
        if (this.#linkUp) transmit(frame.slice());
      }) as (value: never) => void,
      this,
    );
  }

  /** The station address PROM, each byte twice (National Semiconductor DP8390 boards in word mode). */
  #writeProm(): void {
    const { memory } = this.#device;
    this.#mac.forEach((byte, i) => memory.fill(byte, i * 2, i * 2 + 2));
  }

  receive(frame: Uint8Array): void {
    if (this.#linkUp && frame.length >= 14 && frame.length <= 1518) this.#device.receive(frame);
  }

  setLink(up: boolean): void {
    this.#linkUp = up;
  }

  /** A hardware reset stops the card (command register bit 0) and masks its interrupts. */
  reset(): void {
    const state = this.#device.get_state();
    state[0] = 0; // isr
    state[1] = 0; // imr
    state[2] = 1; // cr: stop
    this.#device.set_state(state);
    this.#device.mac = Uint8Array.from(this.#mac);
  }

  save(): unknown {
    return this.#device;
  }

  /** The address registers are the guest's; the PROM is this machine's. */
  restore(state: unknown): void {
    this.#device.set_state(state as unknown[]);
    this.#writeProm();
  }
}
