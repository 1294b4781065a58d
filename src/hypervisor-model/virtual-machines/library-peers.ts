/**
 * The pages (tabs, programs) that share one library: which of them are there, and word that something changed. A page holds
 * a Web Lock of its name for its life, which a frozen tab keeps too. Plain-HTTP pages have no Web Locks: there each is asked
 * over a BroadcastChannel, and one that is frozen cannot answer.
 */

export interface LibraryPeers {
  /** Names this page in the marks it leaves in the store. */
  readonly self: string;
  /** Whether the page of that name is still there. */
  isAlive(owner: string): Promise<boolean>;
  /** Tells the others to read the library again. */
  announceChange(): void;
  onChange(listener: () => void): void;
  close(): void;
}

const lockOf = (page: string) => `ringside-page-${page}`;

type Message = { type: "changed" } | { type: "alive?"; owner: string } | { type: "alive"; owner: string };

/** A page that is alive answers at once, even when it is in the background; one that is gone never does. */
const ANSWER_MS = 400;

export class ChannelPeers implements LibraryPeers {
  readonly self: string;
  readonly #channel: BroadcastChannel;
  readonly #listeners = new Set<() => void>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #locks: LockManager | undefined;
  #leave: () => void = () => undefined;

  /**
   * `library` is the same for all pages that share a store; `self` is this page's alone. `locks` are those of this thread
   * unless told; undefined where there are none.
   */
  constructor(library: string, self: string, locks = globalThis.navigator?.locks as LockManager | undefined) {
    this.self = self;
    this.#locks = locks;
    void locks?.request(lockOf(self), () => new Promise<void>((leave) => (this.#leave = leave)));
    this.#channel = new BroadcastChannel(`ringside-library-${library}`);
    this.#channel.onmessage = (event) => this.#receive((event as MessageEvent<Message>).data);
  }

  async isAlive(owner: string): Promise<boolean> {
    if (owner === this.self) return true;
    if (this.#locks) {
      if (!(await holds(this.#locks, lockOf(owner)))) return false;
      // The lock of a page that is just being closed goes in a moment.
      await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
      return holds(this.#locks, lockOf(owner));
    }
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(owner) ?? new Set();
      this.#waiting.set(owner, waiting);
      const answer = (alive: boolean) => {
        clearTimeout(timer);
        waiting.delete(onAlive);
        resolve(alive);
      };
      const onAlive = () => answer(true);
      const timer = setTimeout(() => answer(false), ANSWER_MS);
      waiting.add(onAlive);
      this.#send({ type: "alive?", owner });
    });
  }

  announceChange(): void {
    this.#send({ type: "changed" });
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  close(): void {
    this.#leave();
    this.#channel.close();
  }

  #send(message: Message): void {
    this.#channel.postMessage(message);
  }

  #receive(message: Message): void {
    switch (message.type) {
      case "changed":
        for (const listener of this.#listeners) listener();
        break;
      case "alive?":
        if (message.owner === this.self) this.#send({ type: "alive", owner: this.self });
        break;
      case "alive":
        for (const onAlive of this.#waiting.get(message.owner) ?? []) onAlive();
        break;
      default:
        message satisfies never;
    }
  }
}

/** A library that nobody else has open: in memory, or a folder that one program has locked. */
export class NoPeers implements LibraryPeers {
  readonly self: string;
  constructor(self = "alone") {
    this.self = self;
  }
  async isAlive(owner: string): Promise<boolean> {
    return owner === this.self;
  }
  announceChange(): void {}
  onChange(): void {}
  close(): void {}
}

async function holds(locks: LockManager, name: string): Promise<boolean> {
  const { held = [] } = await locks.query();
  return held.some((lock) => lock.name === name);
}
