/** A virtio console: Virtual I/O Device 1.2, section 5.3. One port, its size in the configuration; Linux calls it hvc0. */
import type { DmaMemory } from "./dma-8237.ts";
import { VirtioPci, type VirtioState } from "./virtio-pci.ts";

const F_SIZE = 1;
const RECEIVE = 0;
const TRANSMIT = 1;
const COLUMNS = 80;
const ROWS = 25;
/** Of one chain; a longer one is cut. */
const MAXIMUM_WRITE = 65536;
/** What waits for a guest that does not read. */
const MAXIMUM_WAITING = 65536;

export interface VirtioConsoleState {
  version: 1;
  transport: VirtioState;
  waiting: Uint8Array;
}

export class VirtioConsole {
  readonly virtio: VirtioPci;
  readonly #output: (bytes: Uint8Array) => void;
  #waiting: Uint8Array = new Uint8Array(0);
  /** Bytes for which the guest had no room for too long. */
  dropped = 0;

  constructor(
    memory: DmaMemory,
    output: (bytes: Uint8Array) => void,
    mapMemory: (base: number | undefined) => void,
  ) {
    this.#output = output;
    this.virtio = new VirtioPci(
      memory,
      {
        name: "virtio-console",
        type: 3,
        classCode: 0x078000,
        features: F_SIZE,
        queueSizes: [64, 64],
        readConfiguration: (offset) => [COLUMNS, 0, ROWS, 0][offset] ?? 0,
        notified: (queue) => {
          if (queue === TRANSMIT)
            this.virtio.serve(TRANSMIT, MAXIMUM_WRITE, {
              take: (bytes) => bytes.length > 0 && this.#output(bytes),
            });
          else if (queue === RECEIVE) this.#fill();
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
    this.#waiting = new Uint8Array(0);
  }

  /** For the guest to read. */
  send(bytes: Uint8Array): void {
    const taken = bytes.subarray(0, MAXIMUM_WAITING - this.#waiting.length);
    this.dropped += bytes.length - taken.length;
    const all = new Uint8Array(this.#waiting.length + taken.length);
    all.set(this.#waiting);
    all.set(taken, this.#waiting.length);
    this.#waiting = all;
    this.#fill();
  }

  #fill(): void {
    const queue = this.virtio.queues[RECEIVE];
    if (!this.virtio.driverReady) return;
    let wanted = false;
    for (let i = 0; i < queue.s.size && this.#waiting.length > 0; i++) {
      const chain = queue.pop();
      if (chain === undefined) break;
      const part = this.#waiting.subarray(0, queue.room(chain));
      this.#waiting = this.#waiting.slice(part.length);
      if (queue.push(chain, part)) wanted = true;
    }
    if (wanted) this.virtio.interrupt();
  }

  save(): VirtioConsoleState {
    return { version: 1, transport: this.virtio.save(), waiting: this.#waiting.slice() };
  }

  restore(state: VirtioConsoleState): void {
    this.virtio.restore(state.transport);
    this.#waiting = state.waiting.slice();
  }
}
