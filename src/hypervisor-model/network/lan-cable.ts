/**
 * A cable out of the laboratory: to the other tabs of this browser (BroadcastChannel), or to other computers over a
 * WebSocket ethernet relay, as v86's own relays speak it: each binary message is one Ethernet frame without FCS, and what
 * one client sends the relay hands to the others. What comes from outside is hostile: its size and rate are bounded.
 */

export type LanPlace =
  /** Every tab that names the same LAN. */
  | { type: "tabs"; lan: string }
  /** `ws://` or `wss://`. */
  | { type: "relay"; url: string };

export interface LanStatus {
  place: LanPlace;
  /** `waiting`: the relay could not be reached or hung up; the next try comes by itself. */
  state: "connecting" | "open" | "waiting" | "closed";
  /** Why the relay was lost last, as far as the browser tells. */
  problem?: string;
  sent: number;
  received: number;
  drops: Record<LanDrop, number>;
}

export type LanDrop = "not-a-frame" | "too-long" | "too-many" | "not-connected" | "queue-full";

export class LanError extends Error {
  override name = "LanError";
}

export interface LanCableOptions {
  place: LanPlace;
  /** A frame from outside. */
  receive: (frame: Uint8Array) => void;
  /** Where the environment has none of its own (Node 20). */
  WebSocket?: typeof WebSocket;
}

const SHORTEST_FRAME = 14;
const LONGEST_FRAME = 16_384;
/** Frames a second taken from outside: as many as a switch port may flood. */
const MAX_RATE = 20_000;
/** Frames kept while the relay is not there yet. */
const MAX_QUEUE = 64;
/** Bytes that the browser may hold for a slow relay. */
const MAX_BUFFERED = 2 ** 20;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;
const MAX_NAME = 64;

export class LanCable {
  readonly status: LanStatus;
  readonly #options: LanCableOptions;
  readonly #queue: Uint8Array[] = [];
  #channel: BroadcastChannel | undefined;
  #socket: WebSocket | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #retryMs = FIRST_RETRY_MS;
  #budget = MAX_RATE;
  #budgetTime = performance.now();

  /** Throws `LanError` for a name or address that cannot be. */
  constructor(options: LanCableOptions) {
    const { place } = options;
    this.#options = options;
    const drops = { "not-a-frame": 0, "too-long": 0, "too-many": 0, "not-connected": 0, "queue-full": 0 };
    this.status = { place, state: "connecting", sent: 0, received: 0, drops };
    if (place.type === "tabs") this.#joinTabs(place.lan);
    else {
      checkUrl(place.url);
      this.#connect(place.url);
    }
  }

  /** A frame for outside; its bytes are copied on the way. */
  send(frame: Uint8Array): void {
    const { status } = this;
    if (this.#channel !== undefined) {
      this.#channel.postMessage(frame.slice());
      status.sent++;
      return;
    }
    const socket = this.#socket;
    if (status.state === "closed") status.drops["not-connected"]++;
    else if (socket === undefined || status.state !== "open") {
      this.#queue.push(frame.slice());
      if (this.#queue.length > MAX_QUEUE) {
        this.#queue.shift();
        status.drops["not-connected"]++;
      }
    } else if (socket.bufferedAmount > MAX_BUFFERED) status.drops["queue-full"]++;
    else {
      socket.send(frame.slice());
      status.sent++;
    }
  }

  close(): void {
    this.status.state = "closed";
    clearTimeout(this.#retry);
    this.#channel?.close();
    this.#channel = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.#queue.length = 0;
  }

  #joinTabs(lan: string): void {
    if (lan === "" || lan.length > MAX_NAME)
      throw new LanError(`a LAN's name has 1 to ${MAX_NAME} characters`);
    const channel = new BroadcastChannel(`ringside-lan-${lan}`);
    channel.onmessage = (event: MessageEvent<unknown>) => this.#receive(event.data);
    this.#channel = channel;
    this.status.state = "open";
  }

  #connect(url: string): void {
    const Socket = this.#options.WebSocket ?? globalThis.WebSocket;
    if (Socket === undefined) throw new LanError("there is no WebSocket here");
    this.status.state = "connecting";
    let socket: WebSocket;
    try {
      socket = new Socket(url);
    } catch (error) {
      // A secure page may not speak to ws://.
      throw new LanError(error instanceof Error ? error.message : String(error));
    }
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => {
      if (this.#socket !== socket) return;
      this.status.state = "open";
      delete this.status.problem;
      this.#retryMs = FIRST_RETRY_MS;
      for (const frame of this.#queue.splice(0)) this.send(frame);
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (this.#socket !== socket) return;
      this.#receive(event.data instanceof ArrayBuffer ? new Uint8Array(event.data) : event.data);
    };
    // An error is followed by a close, which says more.
    socket.onerror = () => undefined;
    socket.onclose = (event) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.status.state = "waiting";
      this.status.problem = `${event.code}${event.reason === "" ? "" : ` ${event.reason}`}`;
      this.#retry = setTimeout(() => this.#connect(url), this.#retryMs);
      this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
    };
  }

  #receive(data: unknown): void {
    const { drops } = this.status;
    if (!(data instanceof Uint8Array) || data.length < SHORTEST_FRAME) drops["not-a-frame"]++;
    else if (data.length > LONGEST_FRAME) drops["too-long"]++;
    else if (!this.#mayReceive()) drops["too-many"]++;
    else {
      this.status.received++;
      this.#options.receive(data);
    }
  }

  #mayReceive(): boolean {
    const now = performance.now();
    this.#budget = Math.min(MAX_RATE, this.#budget + ((now - this.#budgetTime) * MAX_RATE) / 1000);
    this.#budgetTime = now;
    if (this.#budget < 1) return false;
    this.#budget--;
    return true;
  }
}

function checkUrl(text: string): void {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new LanError(`"${text}" is not an address; expected ws://… or wss://…`);
  }
  if (url.protocol !== "ws:" && url.protocol !== "wss:")
    throw new LanError(`"${text}" does not begin with ws:// or wss://`);
}
