/** The host's side of the guest agent, over any byte stream: `send` out, `receive` in. */
import {
  AgentLostError,
  AgentRequestError,
  AgentTimeoutError,
  type Agent,
  type AgentStatus,
  type GuestIdentity,
  type RunOptions,
  type RunResult,
} from "./agent-types.ts";
import * as p from "./protocol.ts";
import { encodeSlip, SlipDecoder } from "./slip.ts";

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_OUTPUT_LIMIT = 16 * 2 ** 20;
/** Credit is granted again after this many bytes have been taken. */
const CREDIT_STEP = 32768;
/** WRITE_DATA frames that may wait for their answer. */
const WRITE_WINDOW = 4;
const SIGKILL = 9;

/** One request in flight: what its answers do, and how it ends when the guest is lost. */
interface Pending {
  answer(message: p.Message): void;
  fail(error: Error): void;
}

export class AgentClient implements Agent {
  readonly #send: (bytes: Uint8Array) => void;
  readonly #decoder = new SlipDecoder(p.FRAME_LIMIT);
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(status: AgentStatus) => void>();
  #nextId = 1;
  #status: AgentStatus | undefined;
  #lost: string | undefined;

  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send;
  }

  get status(): AgentStatus | undefined {
    return this.#status;
  }

  /** Frames that made no sense. */
  get dropped(): number {
    return this.#decoder.dropped;
  }

  onStatus(listener: (status: AgentStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Bytes from the guest. */
  receive(bytes: Uint8Array): void {
    this.#decoder.push(bytes, (frame) => {
      const message = p.decodeMessage(frame);
      if (message === undefined) return;
      if (message.type === p.STATUS) this.#heard(p.decodeStatus(message.payload));
      this.#pending.get(message.id)?.answer(message);
    });
  }

  #heard(status: AgentStatus): void {
    // A guest that reboots by itself has forgotten every request.
    const before = this.#status;
    if (before !== undefined && before.stage === "run" && status.stage === "wait") {
      this.#failAll(new AgentLostError("the guest has restarted"));
    }
    this.#status = status;
    for (const listener of this.#listeners) listener(status);
  }

  /** The machine was reset: nothing that was asked will be answered. */
  reset(reason = "the machine was reset"): void {
    this.#decoder.reset();
    this.#status = undefined;
    this.#failAll(new AgentLostError(reason));
  }

  /** The machine has ended. Requests from now on fail at once. */
  close(reason: string): void {
    this.#lost = reason;
    this.reset(reason);
  }

  #failAll(error: Error): void {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const request of pending) request.fail(error);
  }

  #post(type: number, id: number, payload: Uint8Array = new Uint8Array(0)): void {
    this.#send(encodeSlip(p.encodeMessage({ type, id, payload })));
  }

  /**
   * Starts a request under a free id. `begin` sends it and returns what its answers do; `finish` ends it. `cancel` is
   * called when time runs out or the caller gives up.
   */
  #request<T>(
    { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: { timeoutMs?: number; signal?: AbortSignal },
    begin: (request: {
      id: number;
      finish: (result: T) => void;
      fail: (error: Error) => void;
    }) => (message: p.Message) => void,
    cancel: (id: number) => void = () => undefined,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#lost !== undefined) throw new AgentLostError(this.#lost);
      signal?.throwIfAborted();
      const id = this.#freeId();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", aborted);
        if (this.#pending.get(id) === pending) this.#pending.delete(id);
      };
      const fail = (error: Error) => {
        end();
        reject(error);
      };
      const finish = (result: T) => {
        end();
        resolve(result);
      };
      const aborted = () => {
        cancel(id);
        fail(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
      };
      const pending: Pending = { answer: () => undefined, fail };
      this.#pending.set(id, pending);
      if (Number.isFinite(timeoutMs)) {
        timer = setTimeout(() => {
          cancel(id);
          fail(new AgentTimeoutError(`the guest did not finish within ${timeoutMs / 1000} s`));
        }, timeoutMs);
      }
      signal?.addEventListener("abort", aborted, { once: true });
      let answer: (message: p.Message) => void;
      try {
        answer = begin({ id, finish, fail });
      } catch (error) {
        fail(error as Error);
        return;
      }
      pending.answer = (message) => {
        if (message.type === p.ERROR) {
          const words = new TextDecoder().decode(message.payload.subarray(4));
          fail(new AgentRequestError(p.readI32(message.payload), words));
        } else {
          answer(message);
        }
      };
    });
  }

  #freeId(): number {
    do {
      this.#nextId = this.#nextId >= 0xffff ? 1 : this.#nextId + 1;
    } while (this.#pending.has(this.#nextId));
    return this.#nextId;
  }

  hello(options: { timeoutMs?: number } = {}): Promise<AgentStatus> {
    return this.#request(options, ({ id, finish }) => {
      this.#post(p.HELLO, id);
      return (message) => {
        if (message.type === p.STATUS) finish(p.decodeStatus(message.payload));
      };
    });
  }

  run(command: string, options: RunOptions = {}): Promise<RunResult> {
    const { outputLimit = DEFAULT_OUTPUT_LIMIT, onOutput } = options;
    const stdout = new Output(outputLimit);
    const stderr = new Output(outputLimit);
    return this.#request<RunResult>(
      options,
      ({ id, finish }) => {
        this.#sendCommand(id, command);
        const credit = this.#credit(id);
        return ({ type, payload }) => {
          if (type === p.STDOUT || type === p.STDERR) {
            (type === p.STDOUT ? stdout : stderr).add(payload);
            onOutput?.(type === p.STDOUT ? "stdout" : "stderr", payload.slice());
            credit(payload.length);
          } else if (type === p.EXIT) {
            finish({
              exit: p.readI32(payload),
              stdout: stdout.bytes(),
              stderr: stderr.bytes(),
              droppedBytes: stdout.dropped + stderr.dropped,
            });
          }
        };
      },
      (id) => this.#post(p.KILL, id, Uint8Array.of(SIGKILL)),
    );
  }

  #sendCommand(id: number, command: string): void {
    const bytes = new TextEncoder().encode(command);
    if (bytes.length > p.COMMAND_LIMIT) {
      throw new RangeError(`the command has ${bytes.length} bytes, at most ${p.COMMAND_LIMIT} are possible`);
    }
    let at = 0;
    for (; bytes.length - at > p.PAYLOAD_LIMIT; at += p.PAYLOAD_LIMIT) {
      this.#post(p.RUN_MORE, id, bytes.subarray(at, at + p.PAYLOAD_LIMIT));
    }
    this.#post(p.RUN, id, bytes.subarray(at));
  }

  /** Grants the guest as much output as has been taken. */
  #credit(id: number): (bytes: number) => void {
    let taken = 0;
    return (bytes) => {
      taken += bytes;
      if (taken < CREDIT_STEP) return;
      this.#post(p.CREDIT, id, p.u32(taken));
      taken = 0;
    };
  }

  readFile(
    path: string,
    options: { timeoutMs?: number; limit?: number; signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    const limit = options.limit ?? 64 * 2 ** 20;
    const content = new Output(limit);
    return this.#request(
      options,
      ({ id, finish, fail }) => {
        this.#post(p.READ, id, pathBytes(path));
        const credit = this.#credit(id);
        return ({ type, payload }) => {
          if (type === p.DATA) {
            content.add(payload);
            if (content.dropped > 0) {
              this.#post(p.KILL, id, Uint8Array.of(SIGKILL));
              fail(new AgentRequestError(27, `${path} is larger than ${limit} bytes`)); // EFBIG
            } else {
              credit(payload.length);
            }
          } else if (type === p.DONE) {
            finish(content.bytes());
          }
        };
      },
      (id) => this.#post(p.KILL, id, Uint8Array.of(SIGKILL)),
    );
  }

  writeFile(
    path: string,
    bytes: Uint8Array,
    options: { mode?: number; timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<void> {
    const name = pathBytes(path);
    const opening = new Uint8Array(4 + name.length);
    opening.set(p.u32(options.mode ?? 0o644));
    opening.set(name, 4);
    return this.#request<void>(options, ({ id, finish }) => {
      let at = 0;
      /** Frames sent and not answered; the first is WRITE itself. */
      let waiting = 1;
      let ended = false;
      const more = () => {
        while (at < bytes.length && waiting < WRITE_WINDOW) {
          this.#post(p.WRITE_DATA, id, bytes.subarray(at, at + p.PAYLOAD_LIMIT));
          at += p.PAYLOAD_LIMIT;
          waiting++;
        }
        if (at >= bytes.length && waiting === 0 && !ended) {
          ended = true;
          waiting = 1;
          this.#post(p.WRITE_END, id);
        }
      };
      this.#post(p.WRITE, id, opening);
      return ({ type }) => {
        if (type !== p.DONE) return;
        waiting--;
        if (ended) finish();
        else more();
      };
    });
  }

  #ask(type: number, payload: Uint8Array): Promise<void> {
    return this.#request<void>({}, ({ id, finish }) => {
      this.#post(type, id, payload);
      return (message) => {
        if (message.type === p.DONE) finish();
      };
    });
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#ask(p.RESIZE, p.u16(columns, rows));
  }

  async go(identity: GuestIdentity): Promise<void> {
    await this.#ask(p.GO, p.encodeIdentity(identity));
  }

  async setIdentity(identity: GuestIdentity): Promise<void> {
    await this.#ask(p.IDENTITY, p.encodeIdentity(identity));
  }
}

function pathBytes(path: string): Uint8Array {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length > 1024) throw new RangeError("a path in the guest has at most 1024 bytes");
  return bytes;
}

/** Bytes gathered up to a limit. */
class Output {
  readonly #limit: number;
  readonly #parts: Uint8Array[] = [];
  #length = 0;
  dropped = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(bytes: Uint8Array): void {
    const taken = bytes.slice(0, this.#limit - this.#length);
    this.dropped += bytes.length - taken.length;
    this.#length += taken.length;
    if (taken.length > 0) this.#parts.push(taken);
  }

  bytes(): Uint8Array {
    const result = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      result.set(part, at);
      at += part.length;
    }
    return result;
  }
}
