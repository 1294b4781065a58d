/** A virtio network card: Virtual I/O Device 1.2, section 5.1. MAC address, link state, the MAC command; one queue pair. */
import type { DmaMemory } from "./dma-8237.ts";
import { VirtioPci, type VirtioState } from "./virtio-pci.ts";

const F_MAC = 1 << 5;
const F_STATUS = 1 << 16;
const F_CTRL_VQ = 1 << 17;
const F_CTRL_MAC_ADDR = 1 << 23;
const RECEIVE = 0;
const TRANSMIT = 1;
const CONTROL = 2;
/** virtio_net_hdr with num_buffers, as VERSION_1 has it. */
const HEADER_BYTES = 12;
const MAXIMUM_FRAME = 65536;
const MAXIMUM_COMMAND = 64;
const CTRL_MAC = 1;
const CTRL_MAC_ADDR_SET = 1;

export interface VirtioNetState {
  version: 1;
  transport: VirtioState;
  mac: number[];
  linkUp: boolean;
}

export class VirtioNet {
  readonly virtio: VirtioPci;
  readonly #factoryMac: Uint8Array;
  readonly #mac: Uint8Array;
  readonly #transmit: (frame: Uint8Array) => void;
  #linkUp = true;
  /** Frames for which the guest had given no buffer. */
  dropped = 0;

  constructor(
    memory: DmaMemory,
    mac: Uint8Array,
    transmit: (frame: Uint8Array) => void,
    mapMemory: (base: number | undefined) => void,
  ) {
    this.#factoryMac = mac;
    this.#mac = Uint8Array.from(mac);
    this.#transmit = transmit;
    this.virtio = new VirtioPci(
      memory,
      {
        name: "virtio-net",
        type: 1,
        classCode: 0x020000,
        features: F_MAC | F_STATUS | F_CTRL_VQ | F_CTRL_MAC_ADDR,
        queueSizes: [256, 256, 16],
        readConfiguration: (offset) => {
          if (offset < 6) return this.#mac[offset];
          return offset === 6 && this.#linkUp ? 1 : 0;
        },
        notified: (queue) => {
          if (queue === TRANSMIT)
            this.virtio.serve(TRANSMIT, MAXIMUM_FRAME, { take: (bytes) => this.#sendFrame(bytes) });
          else if (queue === CONTROL)
            this.virtio.serve(CONTROL, MAXIMUM_COMMAND, { reply: (bytes) => this.#obey(bytes) });
        },
      },
      mapMemory,
    );
  }

  get pci() {
    return this.virtio.pci;
  }

  reset(): void {
    this.virtio.reset();
    this.#mac.set(this.#factoryMac);
  }

  #sendFrame(bytes: Uint8Array): void {
    if (this.#linkUp && bytes.length > HEADER_BYTES) this.#transmit(bytes.slice(HEADER_BYTES));
  }

  #obey(command: Uint8Array): Uint8Array {
    const known = command[0] === CTRL_MAC && command[1] === CTRL_MAC_ADDR_SET && command.length >= 8;
    if (known) this.#mac.set(command.subarray(2, 8));
    return Uint8Array.of(known ? 0 : 1);
  }

  receive(frame: Uint8Array): void {
    const queue = this.virtio.queues[RECEIVE];
    const chain = this.#linkUp && this.virtio.driverReady ? queue.pop() : undefined;
    if (chain === undefined) {
      this.dropped++;
      return;
    }
    const bytes = new Uint8Array(HEADER_BYTES + frame.length);
    bytes[10] = 1; // num_buffers
    bytes.set(frame, HEADER_BYTES);
    const fits = queue.room(chain) >= bytes.length;
    if (!fits) this.dropped++;
    if (queue.push(chain, fits ? bytes : new Uint8Array(0))) this.virtio.interrupt();
  }

  setLink(up: boolean): void {
    if (this.#linkUp === up) return;
    this.#linkUp = up;
    this.virtio.configurationChanged();
  }

  save(): VirtioNetState {
    return { version: 1, transport: this.virtio.save(), mac: [...this.#mac], linkUp: this.#linkUp };
  }

  restore(saved: unknown): void {
    const state = saved as VirtioNetState;
    this.virtio.restore(state.transport);
    this.#mac.set(state.mac);
    this.#linkUp = state.linkUp;
  }
}
