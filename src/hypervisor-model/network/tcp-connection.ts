/**
 * One TCP connection of a simulated host (RFC 9293): handshake, sliding windows, retransmission with back-off (RFC 6298),
 * slow start and congestion avoidance (RFC 5681), orderly and abortive close. Segments out of order are not kept: the
 * peer sends them again. No window scaling, no selective acknowledgment, no urgent data.
 */
import type { Cancel, Scheduler } from "./scheduler.ts";
import {
  maximumSegmentSize,
  maximumSegmentSizeOption,
  TCP_ACK,
  TCP_FIN,
  TCP_PSH,
  TCP_RST,
  TCP_SYN,
  type TcpSegment,
} from "./wire/tcp.ts";

export type TcpState =
  | "syn-sent"
  | "syn-received"
  | "established"
  | "fin-wait-1"
  | "fin-wait-2"
  | "close-wait"
  | "closing"
  | "last-ack"
  | "time-wait"
  | "closed";

export interface TcpEvents {
  established?(connection: TcpConnection): void;
  data?(connection: TcpConnection, bytes: Uint8Array): void;
  /** The peer will send no more. */
  ended?(connection: TcpConnection): void;
  closed?(connection: TcpConnection, reason: "finished" | "reset" | "timeout" | "refused"): void;
}

export interface TcpEndpoints {
  localAddress: number;
  localPort: number;
  remoteAddress: number;
  remotePort: number;
}

export interface TcpConnectionOptions extends TcpEndpoints {
  scheduler: Scheduler;
  initialSequence: number;
  send: (segment: TcpSegment) => void;
  /** The connection is over and may be forgotten. */
  forget: () => void;
  events: TcpEvents;
}

const DEFAULT_MSS = 536;
const OUR_MSS = 1460;
const WINDOW = 65_535;
const INITIAL_RTO = 1000;
const MIN_RTO = 200;
const MAX_RTO = 60_000;
const MAX_TRIES = 8;
const TIME_WAIT_MS = 10_000;
/** Half-closed and idle connections end after this. */
const IDLE_MS = 300_000;
const NO_BYTES = new Uint8Array(0);

/** Sequence numbers compare modulo 2^32. */
function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

export class TcpConnection implements TcpEndpoints {
  readonly localAddress: number;
  readonly localPort: number;
  readonly remoteAddress: number;
  readonly remotePort: number;
  state: TcpState = "closed";
  retransmissions = 0;
  readonly #options: TcpConnectionOptions;
  #unacknowledged: number;
  #next: number;
  #receiveNext = 0;
  #sendWindow = 0;
  #mss = DEFAULT_MSS;
  #congestionWindow = 0;
  #slowStartLimit = 65_535;
  #duplicateAcks = 0;
  /** Bytes not yet acknowledged, the first one at `#unacknowledged`. */
  #queue: Uint8Array[] = [];
  #queued = 0;
  #closing = false;
  #finSequence: number | undefined;
  #rto = INITIAL_RTO;
  #smoothed: number | undefined;
  #variation = 0;
  #tries = 0;
  #timed: { sequence: number; at: number } | undefined;
  #cancelTimer: Cancel | undefined;
  #cancelIdle: Cancel | undefined;

  constructor(options: TcpConnectionOptions) {
    this.#options = options;
    this.localAddress = options.localAddress;
    this.localPort = options.localPort;
    this.remoteAddress = options.remoteAddress;
    this.remotePort = options.remotePort;
    this.#unacknowledged = this.#next = options.initialSequence;
  }

  connect(): void {
    this.state = "syn-sent";
    this.#next = (this.#next + 1) >>> 0;
    this.#timed = { sequence: this.#next, at: this.#options.scheduler.now };
    this.#sendSyn();
    this.#startTimer();
  }

  /** Answers the SYN that made this connection. */
  accept(syn: TcpSegment): void {
    this.state = "syn-received";
    this.#takeSyn(syn);
    this.#next = (this.#next + 1) >>> 0;
    this.#sendSyn();
    this.#startTimer();
  }

  get queuedBytes(): number {
    return this.#queued;
  }

  write(bytes: Uint8Array): void {
    if (this.#closing || this.state === "closed" || bytes.length === 0) return;
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    this.#transmit();
  }

  /** Sends what is queued, then FIN. */
  close(): void {
    if (this.#closing || this.state === "closed") return;
    this.#closing = true;
    this.#transmit();
  }

  abort(): void {
    if (this.state === "closed") return;
    this.#send(TCP_RST | TCP_ACK, this.#next, NO_BYTES);
    this.#finish("reset");
  }

  receive(segment: TcpSegment): void {
    if (this.state === "closed") return;
    this.#restartIdle();
    if (this.state === "syn-sent") return this.#receiveInSynSent(segment);
    const { flags, payload } = segment;
    const length = payload.length + ((flags & TCP_FIN) !== 0 ? 1 : 0) + ((flags & TCP_SYN) !== 0 ? 1 : 0);
    const end = (segment.sequence + length) >>> 0;
    const windowEnd = (this.#receiveNext + WINDOW) >>> 0;
    const acceptable =
      length === 0
        ? !before(segment.sequence, this.#receiveNext) && !before(windowEnd, segment.sequence)
        : before(this.#receiveNext, end) && before(segment.sequence, windowEnd);
    if (!acceptable) {
      if ((flags & TCP_RST) === 0) this.#acknowledge();
      return;
    }
    if ((flags & TCP_RST) !== 0) {
      // Only an exact match ends the connection; others in the window are challenged (RFC 5961 §3.2).
      if (segment.sequence === this.#receiveNext) this.#finish("reset");
      else this.#acknowledge();
      return;
    }
    if ((flags & TCP_SYN) !== 0) {
      if (this.state === "syn-received") this.#sendSyn();
      else this.#acknowledge();
      return;
    }
    if ((flags & TCP_ACK) === 0) return;
    if (!this.#receiveAck(segment)) return;
    this.#receiveData(segment);
  }

  #receiveInSynSent(segment: TcpSegment): void {
    const acknowledges = (segment.flags & TCP_ACK) !== 0;
    if (acknowledges && segment.acknowledgment !== this.#next) return;
    if ((segment.flags & TCP_RST) !== 0) {
      if (acknowledges) this.#finish("refused");
      return;
    }
    if ((segment.flags & TCP_SYN) === 0) return;
    this.#takeSyn(segment);
    if (!acknowledges) {
      this.state = "syn-received";
      this.#sendSyn();
      return;
    }
    this.#unacknowledged = segment.acknowledgment;
    this.#measure();
    this.#becomeEstablished(segment);
    this.#acknowledge();
    this.#transmit();
  }

  #takeSyn(syn: TcpSegment): void {
    this.#receiveNext = (syn.sequence + 1) >>> 0;
    this.#mss = Math.max(64, Math.min(OUR_MSS, maximumSegmentSize(syn.options) ?? DEFAULT_MSS));
    this.#sendWindow = syn.window;
    this.#congestionWindow = this.#mss * 4;
  }

  #becomeEstablished(segment: TcpSegment): void {
    this.state = "established";
    this.#sendWindow = segment.window;
    this.#stopTimer();
    this.#options.events.established?.(this);
  }

  /** False when the segment ended the connection or must not be looked at further. */
  #receiveAck(segment: TcpSegment): boolean {
    const ack = segment.acknowledgment;
    if (before(this.#next, ack)) {
      this.#acknowledge();
      return false;
    }
    if (this.state === "syn-received") {
      if (ack !== this.#next) return false;
      this.#unacknowledged = ack;
      this.#becomeEstablished(segment);
    }
    if (before(this.#unacknowledged, ack)) {
      const finAcknowledged = this.#finSequence !== undefined && ack === (this.#finSequence + 1) >>> 0;
      const bytes = ((ack - this.#unacknowledged) >>> 0) - (finAcknowledged ? 1 : 0);
      this.#unacknowledged = ack;
      this.#dropQueued(bytes);
      this.#duplicateAcks = 0;
      this.#tries = 0;
      if (this.#timed !== undefined && !before(ack, this.#timed.sequence)) this.#measure();
      this.#congestionWindow +=
        this.#congestionWindow < this.#slowStartLimit
          ? Math.min(bytes, this.#mss)
          : (this.#mss * this.#mss) / this.#congestionWindow;
      this.#stopTimer();
      if (this.#unacknowledged !== this.#next) this.#startTimer();
      if (finAcknowledged) this.#finAcknowledged();
    } else if (
      ack === this.#unacknowledged &&
      this.#unacknowledged !== this.#next &&
      segment.payload.length === 0 &&
      segment.window === this.#sendWindow
    ) {
      if (++this.#duplicateAcks === 3) {
        this.#slowStartLimit = Math.max(2 * this.#mss, (this.#next - this.#unacknowledged) >>> 1);
        this.#congestionWindow = this.#slowStartLimit;
        this.#timed = undefined;
        this.#resendFirst();
      }
    }
    this.#sendWindow = segment.window;
    this.#transmit();
    return (this.state as TcpState) !== "closed";
  }

  #receiveData(segment: TcpSegment): void {
    const { payload } = segment;
    const fin = (segment.flags & TCP_FIN) !== 0;
    if (payload.length === 0 && !fin) return;
    // What has come before is cut off; what lies ahead waits for the gap to be sent again.
    const skip = (this.#receiveNext - segment.sequence) | 0;
    if (skip < 0) {
      this.#acknowledge();
      return;
    }
    const fresh = payload.subarray(Math.min(skip, payload.length));
    this.#receiveNext = (this.#receiveNext + fresh.length + (fin ? 1 : 0)) >>> 0;
    const open = this.state === "established" || this.state === "fin-wait-1" || this.state === "fin-wait-2";
    if (fresh.length > 0 && open) this.#options.events.data?.(this, fresh);
    if ((this.state as TcpState) === "closed") return;
    if (fin) this.#receiveFin();
    this.#acknowledge();
    this.#transmit();
  }

  #receiveFin(): void {
    switch (this.state) {
      case "established":
        this.state = "close-wait";
        this.#options.events.ended?.(this);
        break;
      case "fin-wait-1":
        this.state = "closing";
        break;
      case "fin-wait-2":
        this.#timeWait();
        break;
    }
  }

  #finAcknowledged(): void {
    switch (this.state) {
      case "fin-wait-1":
        this.state = "fin-wait-2";
        break;
      case "closing":
        this.#timeWait();
        break;
      case "last-ack":
        this.#finish("finished");
        break;
    }
  }

  #timeWait(): void {
    this.state = "time-wait";
    this.#stopTimer();
    this.#cancelTimer = this.#options.scheduler.after(TIME_WAIT_MS, () => this.#finish("finished"));
  }

  #transmit(): void {
    if (this.state !== "established" && this.state !== "close-wait") {
      if (this.state !== "fin-wait-1" && this.state !== "last-ack") return;
    }
    if (this.#finSequence === undefined) {
      for (;;) {
        const flight = (this.#next - this.#unacknowledged) >>> 0;
        const unsent = this.#queued - flight;
        if (unsent <= 0) break;
        // A closed window is probed with one byte when the timer runs out.
        const room = Math.min(this.#sendWindow, this.#congestionWindow) - flight;
        const size = Math.min(unsent, this.#mss, Math.floor(room));
        if (size <= 0 || (size < this.#mss && size < unsent && flight > 0)) break;
        if (this.#timed === undefined) {
          this.#timed = { sequence: (this.#next + size) >>> 0, at: this.#options.scheduler.now };
        }
        const sequence = this.#next;
        this.#next = (this.#next + size) >>> 0;
        this.#send(TCP_ACK | (size === unsent ? TCP_PSH : 0), sequence, this.#peek(flight, size));
      }
      const allSent = this.#queued === (this.#next - this.#unacknowledged) >>> 0;
      if (this.#closing && allSent) {
        this.#finSequence = this.#next;
        this.#next = (this.#next + 1) >>> 0;
        this.state = this.state === "close-wait" ? "last-ack" : "fin-wait-1";
        this.#send(TCP_FIN | TCP_ACK, this.#finSequence, NO_BYTES);
      }
    }
    const waiting = this.#next !== this.#unacknowledged || this.#queued > 0;
    if (waiting && this.#cancelTimer === undefined) this.#startTimer();
  }

  #resendFirst(): void {
    this.retransmissions++;
    if (this.state === "syn-sent" || this.state === "syn-received") return this.#sendSyn();
    if (this.#queued > 0) {
      const size = Math.min(this.#queued, this.#mss, Math.max(1, this.#sendWindow));
      const end = (this.#unacknowledged + size) >>> 0;
      if (before(this.#next, end)) this.#next = end;
      this.#send(TCP_ACK | TCP_PSH, this.#unacknowledged, this.#peek(0, size));
    } else if (this.#finSequence !== undefined) {
      this.#send(TCP_FIN | TCP_ACK, this.#finSequence, NO_BYTES);
    }
  }

  #sendSyn(): void {
    const flags = this.state === "syn-sent" ? TCP_SYN : TCP_SYN | TCP_ACK;
    this.#send(flags, (this.#next - 1) >>> 0, NO_BYTES, maximumSegmentSizeOption(OUR_MSS));
  }

  #acknowledge(): void {
    this.#send(TCP_ACK, this.#next, NO_BYTES);
  }

  #send(flags: number, sequence: number, payload: Uint8Array, options: Uint8Array = NO_BYTES): void {
    this.#options.send({
      sourcePort: this.localPort,
      destinationPort: this.remotePort,
      sequence,
      acknowledgment: (flags & TCP_ACK) !== 0 ? this.#receiveNext : 0,
      flags,
      window: WINDOW,
      urgent: 0,
      options,
      payload,
    });
  }

  #peek(offset: number, size: number): Uint8Array {
    const out = new Uint8Array(size);
    let skip = offset;
    let filled = 0;
    for (const chunk of this.#queue) {
      if (filled === size) break;
      if (skip >= chunk.length) {
        skip -= chunk.length;
        continue;
      }
      const part = chunk.subarray(skip, skip + size - filled);
      out.set(part, filled);
      filled += part.length;
      skip = 0;
    }
    return out;
  }

  #dropQueued(count: number): void {
    let left = Math.min(count, this.#queued);
    this.#queued -= left;
    while (left > 0) {
      const first = this.#queue[0];
      if (first.length > left) {
        this.#queue[0] = first.subarray(left);
        return;
      }
      left -= first.length;
      this.#queue.shift();
    }
  }

  #measure(): void {
    if (this.#timed === undefined) return;
    const sample = this.#options.scheduler.now - this.#timed.at;
    this.#timed = undefined;
    if (this.#smoothed === undefined) {
      this.#smoothed = sample;
      this.#variation = sample / 2;
    } else {
      this.#variation = 0.75 * this.#variation + 0.25 * Math.abs(this.#smoothed - sample);
      this.#smoothed = 0.875 * this.#smoothed + 0.125 * sample;
    }
    this.#rto = Math.min(MAX_RTO, Math.max(MIN_RTO, this.#smoothed + 4 * this.#variation));
  }

  #startTimer(): void {
    this.#stopTimer();
    this.#cancelTimer = this.#options.scheduler.after(this.#rto, () => {
      this.#cancelTimer = undefined;
      if (++this.#tries > MAX_TRIES) return this.#finish("timeout");
      this.#timed = undefined;
      this.#rto = Math.min(MAX_RTO, this.#rto * 2);
      this.#slowStartLimit = Math.max(2 * this.#mss, (this.#next - this.#unacknowledged) >>> 1);
      this.#congestionWindow = this.#mss;
      this.#resendFirst();
      this.#startTimer();
    });
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #restartIdle(): void {
    this.#cancelIdle?.();
    this.#cancelIdle = this.#options.scheduler.after(IDLE_MS, () => this.abort());
  }

  #finish(reason: "finished" | "reset" | "timeout" | "refused"): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.#stopTimer();
    this.#cancelIdle?.();
    this.#queue = [];
    this.#queued = 0;
    this.#options.forget();
    this.#options.events.closed?.(this, reason);
  }
}
