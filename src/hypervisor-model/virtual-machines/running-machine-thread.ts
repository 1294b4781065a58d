/** The owner's end of a machine's Worker: its ports, and the watch over whether it still lives. */
import { wrap, type Remote } from "comlink";
import { DATABASE_NAME } from "../storage/indexeddb-store.ts";
import { serveStore } from "../storage/store-port.ts";
import type {
  FromWorker,
  MachineControl,
  ToWorker,
  WorkerSetup,
  WorkerStart,
} from "./machine-worker-protocol.ts";
import type { MachineHost, WorkerHandle } from "./running-machine-types.ts";

const PING_MS = 1000;
/** A Worker that has answered none of this many pings is taken for dead. */
const LOST_PINGS = 15;

/** The machine's thread has died: it failed, was killed, or does not answer. */
export class MachineThreadError extends Error {
  override name = "MachineThreadError";
}

export class MachineThread {
  readonly control: Remote<MachineControl>;
  readonly #worker: WorkerHandle;
  readonly #stream: MessagePort;
  readonly #ports: MessagePort[];
  readonly #onMessage: (message: FromWorker) => void;
  readonly #onFailure: (detail: string) => void;
  readonly #failure: Promise<never>;
  #rejectFailure: (error: Error) => void = () => undefined;
  #ended = false;
  #pings = 0;
  #answered = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    host: MachineHost,
    setup: Omit<WorkerSetup, "store">,
    nics: (MessagePort | undefined)[],
    onMessage: (message: FromWorker) => void,
    onFailure: (detail: string) => void,
  ) {
    this.#onMessage = onMessage;
    this.#onFailure = onFailure;
    this.#failure = new Promise((_, reject) => (this.#rejectFailure = reject));
    this.#failure.catch(() => undefined);
    const control = new MessageChannel();
    const stream = new MessageChannel();
    const start: WorkerStart = { setup, control: control.port2, stream: stream.port2, nics };
    const transfer: Transferable[] = [
      control.port2,
      stream.port2,
      ...nics.filter((port) => port !== undefined),
    ];
    this.#ports = [control.port1, stream.port1];
    const { store } = host;
    if (store?.kind === "indexeddb") {
      start.setup = { ...setup, store: { type: "indexeddb", name: host.databaseName ?? DATABASE_NAME } };
    } else if (store !== undefined) {
      const channel = new MessageChannel();
      serveStore(store, channel.port1);
      this.#ports.push(channel.port1);
      start.setup = { ...setup, store: { type: "port" } };
      start.store = channel.port2;
      transfer.push(channel.port2);
    }
    this.#stream = stream.port1;
    this.#stream.onmessage = (event: MessageEvent<FromWorker>) => this.#take(event.data);
    this.control = wrap<MachineControl>(control.port1);
    this.#worker = host.createWorker();
    this.#worker.onFailure((detail) => this.#failed(detail));
    this.#worker.postMessage(start, transfer);
  }

  /** A control call that also ends when the thread dies. */
  async call<T>(call: (control: Remote<MachineControl>) => Promise<T>): Promise<T> {
    return Promise.race([call(this.control), this.#failure]);
  }

  send(message: ToWorker, transfer: Transferable[] = []): void {
    if (!this.#ended) this.#stream.postMessage(message, transfer);
  }

  #take(message: FromWorker): void {
    if (this.#ended) return;
    if (message.type === "pong") this.#answered = message.number;
    else this.#onMessage(message);
  }

  /** From now on a thread that does not answer is noticed. */
  watch(): void {
    if (this.#ended) return;
    this.#timer = setInterval(() => {
      if (this.#pings - this.#answered >= LOST_PINGS) {
        this.#failed(`the thread has not answered for ${(LOST_PINGS * PING_MS) / 1000} s`);
        return;
      }
      this.send({ type: "ping", number: ++this.#pings });
    }, PING_MS);
  }

  #failed(detail: string): void {
    if (this.#ended) return;
    this.end();
    this.#rejectFailure(new MachineThreadError(detail));
    this.#onFailure(detail);
  }

  /** Ends the thread at once. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#timer);
    this.#worker.terminate();
    for (const port of this.#ports) port.close();
  }
}
