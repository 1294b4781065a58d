/**
 * A virtio network card (Virtual I/O Device 1.2, section 5.1) on v86's virtio transport. v86's own card is not used: it
 * exists once, has no link state and reports a full receive queue on the browser's console.
 */
import type { Cpu, VirtIO } from "./internals.ts";
import type { NetworkCard } from "./network-cards.ts";

const F_MAC = 5;
const F_STATUS = 16;
const F_CTRL_VQ = 17;
const F_CTRL_MAC_ADDR = 23;
const F_VERSION_1 = 32;
const STATUS_LINK_UP = 1;
const DEVICE_STATUS_DRIVER_OK = 4;
const ISR_CONFIGURATION = 2;
/** virtio_net_hdr with num_buffers, as VERSION_1 has it. */
const HEADER_BYTES = 12;
const RECEIVE = 0;
const TRANSMIT = 1;
const CONTROL = 2;
const CTRL_MAC = 1;
const CTRL_MAC_ADDR_SET = 1;
const MAX_FRAME = 65536;

export class VirtioNet implements NetworkCard {
  readonly model = "virtio";
  readonly #virtio: VirtIO;
  readonly #factoryMac: Uint8Array;
  /** As the guest set it. */
  readonly #mac: Uint8Array;
  #linkUp = true;
  /** Frames for which the guest had given no buffer, or that it described wrongly. */
  dropped = 0;

  constructor(
    transport: VirtIO["constructor"],
    cpu: Cpu,
    index: number,
    slot: number,
    mac: Uint8Array,
    transmit: (frame: Uint8Array) => void,
  ) {
    this.#factoryMac = mac;
    this.#mac = Uint8Array.from(mac);
    const ports = 0xc400 + index * 0x1000;
    const guarded = (work: () => void) => () => {
      try {
        work();
      } catch {
        this.dropped++;
      }
    };
    this.#virtio = new transport(cpu, {
      name: "virtio-net",
      pci_id: slot << 3,
      device_id: 0x1041,
      subsystem_device_id: 1,
      common: {
        initial_port: ports,
        queues: [
          { size_supported: 256, notify_offset: 0 },
          { size_supported: 256, notify_offset: 1 },
          { size_supported: 16, notify_offset: 2 },
        ],
        features: [F_MAC, F_STATUS, F_CTRL_VQ, F_CTRL_MAC_ADDR, F_VERSION_1],
        on_driver_ok: () => undefined,
      },
      notification: {
        initial_port: ports + 0x100,
        single_handler: false,
        handlers: [() => undefined, guarded(() => this.#drain(transmit)), guarded(() => this.#control())],
      },
      isr_status: { initial_port: ports + 0x200 },
      device_specific: {
        initial_port: ports + 0x300,
        struct: [
          ...Array.from({ length: 6 }, (_, i) => ({
            bytes: 1,
            name: `mac_${i}`,
            read: () => this.#mac[i],
            write: () => undefined,
          })),
          {
            bytes: 2,
            name: "status",
            read: () => (this.#linkUp ? STATUS_LINK_UP : 0),
            write: () => undefined,
          },
        ],
      },
    });
  }

  #drain(transmit: (frame: Uint8Array) => void): void {
    const queue = this.#virtio.queues[TRANSMIT];
    while (queue.has_request()) {
      const chain = queue.pop_request();
      const bytes = new Uint8Array(Math.min(chain.length_readable >>> 0, MAX_FRAME));
      chain.get_next_blob(bytes);
      queue.push_reply(chain);
      if (this.#linkUp && bytes.length > HEADER_BYTES) transmit(bytes.slice(HEADER_BYTES));
    }
    queue.flush_replies();
  }

  #control(): void {
    const queue = this.#virtio.queues[CONTROL];
    while (queue.has_request()) {
      const chain = queue.pop_request();
      const command = new Uint8Array(Math.min(chain.length_readable >>> 0, 4096));
      chain.get_next_blob(command);
      const known = command[0] === CTRL_MAC && command[1] === CTRL_MAC_ADDR_SET && command.length >= 8;
      if (known) this.#mac.set(command.subarray(2, 8));
      chain.set_next_blob(Uint8Array.of(known ? 0 : 1));
      queue.push_reply(chain);
    }
    queue.flush_replies();
  }

  receive(frame: Uint8Array): void {
    const queue = this.#virtio.queues[RECEIVE];
    const ready = (this.#virtio.device_status & DEVICE_STATUS_DRIVER_OK) !== 0 && queue.enabled;
    if (!this.#linkUp || !ready || !queue.has_request()) {
      this.dropped++;
      return;
    }
    const bytes = new Uint8Array(HEADER_BYTES + frame.length);
    bytes[10] = 1; // num_buffers
    bytes.set(frame, HEADER_BYTES);
    const chain = queue.pop_request();
    if (chain.length_writable >= bytes.length) chain.set_next_blob(bytes);
    else this.dropped++;
    queue.push_reply(chain);
    queue.flush_replies();
  }

  setLink(up: boolean): void {
    if (this.#linkUp === up) return;
    this.#linkUp = up;
    this.#virtio.config_generation = (this.#virtio.config_generation + 1) & 0xff;
    if ((this.#virtio.device_status & DEVICE_STATUS_DRIVER_OK) !== 0) {
      this.#virtio.raise_irq(ISR_CONFIGURATION);
    }
  }

  reset(): void {
    this.#virtio.reset();
    this.#mac.set(this.#factoryMac);
  }

  save(): unknown {
    return { virtio: this.#virtio, mac: this.#mac };
  }

  restore(state: unknown): void {
    const { virtio, mac } = state as { virtio: unknown[]; mac: Uint8Array };
    this.#virtio.set_state(virtio);
    this.#mac.set(mac);
  }
}
