/**
 * Warm states: a machine's state taken where the booted image stands still and waits for its owner (agent stage `wait`),
 * before it has opened a disk or learnt a name. A machine of the same shape starts from there. The shapes most used come
 * with the image; others are taken at their first cold boot and kept in the store.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { EngineName, HardwareConfig, MachineState } from "../../emulator/machine.ts";
import { idAt, packIds, blockIdOf } from "../storage/block-id.ts";
import { BLOCK_SIZE, ZERO_BLOCK, type BlockId, type Store } from "../storage/store.ts";
import type { ImageFile, ImageLoader } from "./images.ts";
import { decodeStateFile, encodeStateFile, gunzip } from "./warm-start-file.ts";

export const WARM_STATE_ROLE = "warm-state";
const COLLECTION = "warm-states";
/** States kept in the store; each takes about 6 MB there. */
const KEPT_IN_STORE = 8;
/** States kept in memory, about 16 MB each. */
const KEPT_IN_MEMORY = 2;

/** Reads a gzip file of an image and unpacks it. */
export type Unpack = (images: ImageLoader, image: string, file: ImageFile) => Promise<Uint8Array>;

const unpackHere: Unpack = async (images, image, file) => {
  const bytes = await images.read(image, file);
  images.forget(file);
  return gunzip(bytes);
};

/** Where warm states come from; `store` may be added while a state is being looked for. */
export interface WarmStateHost {
  images: ImageLoader;
  store?: Store;
  /** Unpacks states beside the thread that starts machines; without it they are unpacked here. */
  unpack?: Unpack;
}

export interface WarmStartShape {
  engine: EngineName;
  engineVersion: string;
  /** SHA-256 digests of everything that runs before the guest waits: firmware, kernel, initrd, our loader. */
  digests: string[];
  commandLine: string;
  hardware: HardwareConfig;
}

/** Names the shape: equal keys, interchangeable states. MAC addresses, media and boot order do not count. */
export function warmStartKey({
  engine,
  engineVersion,
  digests,
  commandLine,
  hardware,
}: WarmStartShape): string {
  const shape = JSON.stringify([
    engine,
    engineVersion,
    digests,
    commandLine,
    hardware.memoryMiB,
    hardware.nics.map((nic) => nic.model),
    hardware.diskBytes,
  ]);
  const digest = sha256(new TextEncoder().encode(shape));
  return Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

interface StoredState {
  byteLength: number;
  savedAt: number;
  blocks: Uint8Array;
}

export class WarmStates {
  readonly #host: WarmStateHost;
  readonly #memory = new Map<string, Promise<MachineState | undefined>>();

  constructor(host: WarmStateHost) {
    this.#host = host;
  }

  /** A state that fits, or `undefined`: whatever is wrong with one, the answer is a cold boot. To be looked at only. */
  find(image: string, key: string): Promise<MachineState | undefined> {
    const known = this.#memory.get(key);
    if (known !== undefined) return known;
    const found = this.#look(image, key).catch(() => undefined);
    this.#remember(key, found);
    void found.then((state) => {
      if (state === undefined) this.#memory.delete(key);
      return state;
    });
    return found;
  }

  /**
   * A state to hand to a machine's thread together with its memory, without copies. Until it is given back (or given up,
   * with `undefined`) it is nobody else's; another machine of the shape waits for it.
   */
  async borrow(
    image: string,
    key: string,
  ): Promise<{ state: MachineState; giveBack: (state: MachineState | undefined) => void } | undefined> {
    for (;;) {
      const finding = this.find(image, key);
      const state = await finding;
      if (state === undefined) return undefined;
      // Somebody who waited as well was quicker.
      if (this.#memory.has(key) && this.#memory.get(key) !== finding) continue;
      let resolve: (state: MachineState | undefined) => void = () => undefined;
      const back = new Promise<MachineState | undefined>((done) => (resolve = done));
      this.#remember(key, back);
      let isBack = false;
      const giveBack = (returned: MachineState | undefined) => {
        // A machine that ends gives up what it may have given back long ago.
        if (isBack) return;
        isBack = true;
        if (returned === undefined && this.#memory.get(key) === back) this.#memory.delete(key);
        resolve(returned);
      };
      return { state, giveBack };
    }
  }

  #remember(key: string, state: Promise<MachineState | undefined>): void {
    this.#memory.set(key, state);
    for (const old of this.#memory.keys()) {
      if (this.#memory.size <= KEPT_IN_MEMORY) break;
      this.#memory.delete(old);
    }
  }

  async #look(image: string, key: string): Promise<MachineState | undefined> {
    const { images, unpack = unpackHere } = this.#host;
    const { files } = await images.manifest(image);
    const file = files.find((entry) => entry.role === WARM_STATE_ROLE && entry.key === key);
    if (file !== undefined) {
      const state = decodeStateFile(key, await unpack(images, image, file));
      if (state !== undefined) return state;
    }
    return this.#fromStore(key);
  }

  async #fromStore(key: string): Promise<MachineState | undefined> {
    const { store } = this.#host;
    const stored = (await store?.get(COLLECTION, key)) as StoredState | undefined;
    if (store === undefined || stored === undefined) return undefined;
    const count = Math.ceil(stored.byteLength / BLOCK_SIZE);
    const ids = Array.from({ length: count }, (_, i) => idAt(stored.blocks, i));
    const blocks = await store.readBlocks(ids);
    const file = new Uint8Array(count * BLOCK_SIZE);
    for (const [i, block] of blocks.entries()) {
      if (block === undefined) return undefined;
      file.set(block, i * BLOCK_SIZE);
    }
    return decodeStateFile(key, file.subarray(0, stored.byteLength));
  }

  /** Keeps a state for the next machine of its shape. */
  async keep(key: string, state: MachineState): Promise<void> {
    this.#remember(key, Promise.resolve(state));
    const { store } = this.#host;
    if (store === undefined) return;
    const file = encodeStateFile(key, state);
    const blocks = new Map<BlockId, Uint8Array>();
    const ids: BlockId[] = [];
    for (let at = 0; at < file.length; at += BLOCK_SIZE) {
      const block = new Uint8Array(BLOCK_SIZE);
      block.set(file.subarray(at, at + BLOCK_SIZE));
      const id = blockIdOf(block, store.fingerprintKey);
      ids.push(id);
      if (id !== ZERO_BLOCK) blocks.set(id, block);
      // Thousands of fingerprints: let the page draw in between.
      if (ids.length % 256 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    const value: StoredState = { byteLength: file.length, savedAt: Date.now(), blocks: packIds(ids) };
    const older = (await store.list(COLLECTION))
      .filter((entry) => entry.key !== key)
      .sort((a, b) => (b.value as StoredState).savedAt - (a.value as StoredState).savedAt)
      .slice(KEPT_IN_STORE - 1);
    await store.commit({
      put: [{ collection: COLLECTION, key, value }],
      delete: older.map((entry) => ({ collection: COLLECTION, key: entry.key })),
      blocks,
      durability: "relaxed",
    });
  }
}

const warmStates = new WeakMap<ImageLoader, WarmStates>();

/** Warm states are shared by the machines of a host. */
export function warmStatesOf(host: WarmStateHost): WarmStates {
  let states = warmStates.get(host.images);
  if (states === undefined) warmStates.set(host.images, (states = new WarmStates(host)));
  return states;
}
