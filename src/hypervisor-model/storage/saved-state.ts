/**
 * The saved state of a machine (suspended, or part of a snapshot): a document in `states` whose pages of guest memory
 * and device bytes are blocks, shared with every other state, snapshot and disk that has the same ones.
 */
import type { HardwareConfig, MachineState } from "../../emulator/machine.ts";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { blockIdOf, packIds, unpackIds } from "./block-id.ts";
import { DamagedError, NewerVersionError, NotFoundError } from "./errors.ts";
import type { OnProgress } from "./stoppable.ts";
import { BLOCK_SIZE, ZERO_BLOCK, type BlockId, type Change, type Store } from "./store.ts";

export const STATES = "states";

export interface StateDocument {
  version: 1;
  engine: MachineState["engine"];
  engineVersion: string;
  hardware: HardwareConfig;
  /** Numbers of the pages of guest memory that are not all zero, ascending. */
  pageNumbers: Uint32Array;
  deviceBytes: number;
  /** Packed ids: of those pages, then of the device bytes, whose last block is filled up with zeros. */
  blocks: Uint8Array;
  /** SHA-256 of all the fields above (see `digestOf`). */
  digest: string;
}

/** Bytes that are fingerprinted without letting others have the thread: about a millisecond. */
const STEP_BYTES = 1 << 20;

/** What keeps `state` under `id`, to be committed together with other documents. The state is the store's from then on. */
export async function stateChange(
  store: Store,
  id: string,
  state: MachineState,
  onProgress?: OnProgress,
): Promise<Required<Pick<Change, "put" | "blocks">>> {
  const blocks = new Map<BlockId, Uint8Array>();
  const ids: BlockId[] = [];
  const total = state.pages.length + state.devices.length;
  await onProgress?.(0);
  for (const bytes of [state.pages, state.devices]) {
    for (let at = 0; at < bytes.length; at += BLOCK_SIZE) {
      let block = bytes.subarray(at, at + BLOCK_SIZE);
      if (block.length < BLOCK_SIZE) {
        const filled = new Uint8Array(BLOCK_SIZE);
        filled.set(block);
        block = filled;
      }
      const id = blockIdOf(block, store.fingerprintKey);
      ids.push(id);
      if (id !== ZERO_BLOCK) blocks.set(id, block);
      if ((ids.length * BLOCK_SIZE) % STEP_BYTES !== 0) continue;
      await onProgress?.((ids.length * BLOCK_SIZE) / total / 2);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }
  const { version, engine, engineVersion, hardware, pageNumbers } = state;
  const document = { version, engine, engineVersion, hardware, pageNumbers };
  const undigested = { ...document, deviceBytes: state.devices.length, blocks: packIds(ids) };
  const value: StateDocument = { ...undigested, digest: digestOf(undigested) };
  return { put: [{ collection: STATES, key: id, value }], blocks };
}

/** The document with the digest that its blocks' ids have in this store: for one that comes from another. */
export function sealed(document: StateDocument): StateDocument {
  return { ...document, digest: digestOf(document) };
}

/** What keeps the state `from` under `to` too. Its blocks are stored already. Throws NotFoundError. */
export async function stateCopy(store: Store, from: string, to: string): Promise<Change> {
  const value = await store.get(STATES, from);
  if (value === undefined) throw missing(from);
  const require = [{ collection: STATES, key: from }];
  return { put: [{ collection: STATES, key: to, value }], require };
}

/** Keeps `state` under `id`, in place of what was kept there. */
export async function saveState(store: Store, id: string, state: MachineState): Promise<void> {
  await store.commit(await stateChange(store, id, state));
}

/**
 * Throws NotFoundError, NewerVersionError or DamagedError. Whether it fits a machine is for the machine to say. Blocks that
 * are `known` are not read.
 */
export async function loadState(
  store: Store,
  id: string,
  known: ReadonlyMap<BlockId, Uint8Array> = new Map(),
): Promise<MachineState> {
  const found = await store.get(STATES, id);
  if (found === undefined) throw missing(id);
  const document = found as StateDocument;
  if (document.version > 1) {
    throw new NewerVersionError(
      `the saved state ${id} was written by a newer version of Ringside`,
      String(document.version),
      "1",
    );
  }
  const { version, engine, engineVersion, hardware, pageNumbers, deviceBytes } = document;
  const digest = digestOf(document);
  const ids = unpackIds(document.blocks);
  if (digest !== document.digest || ids.length !== pageNumbers.length + Math.ceil(deviceBytes / BLOCK_SIZE)) {
    throw new DamagedError(`the saved state ${id} is damaged`, digest, document.digest);
  }
  const contents = new Uint8Array(ids.length * BLOCK_SIZE);
  const unknown: number[] = [];
  ids.forEach((block, at) => {
    const bytes = known.get(block);
    if (bytes) contents.set(bytes, at * BLOCK_SIZE);
    else if (block !== ZERO_BLOCK) unknown.push(at);
  });
  const STEP = 1024; // blocks asked for at once: 4 MiB
  for (let first = 0; first < unknown.length; first += STEP) {
    const part = unknown.slice(first, first + STEP);
    const found = await store.readBlocks(part.map((at) => ids[at]));
    part.forEach((at, index) => {
      const bytes = found[index];
      if (!bytes || blockIdOf(bytes, store.fingerprintKey) !== ids[at]) {
        const what = bytes ? "damaged" : "missing";
        throw new DamagedError(`a block of the saved state ${id} is ${what}`, what, `block ${ids[at]}`);
      }
      contents.set(bytes, at * BLOCK_SIZE);
    });
  }
  const pageBytes = pageNumbers.length * BLOCK_SIZE;
  return {
    version,
    engine,
    engineVersion,
    hardware,
    pageNumbers,
    pages: contents.subarray(0, pageBytes),
    devices: contents.slice(pageBytes, pageBytes + deviceBytes),
  };
}

/** Forgets a saved state; none there is no error. */
export async function deleteState(store: Store, id: string): Promise<void> {
  await store.commit({ delete: [{ collection: STATES, key: id }] });
}

function missing(id: string): NotFoundError {
  return new NotFoundError(`there is no saved state ${id}`, "nothing", `state ${id}`);
}

function digestOf(document: Omit<StateDocument, "digest">): string {
  const { version, engine, engineVersion, hardware, pageNumbers, deviceBytes, blocks } = document;
  const text = JSON.stringify([
    version,
    engine,
    engineVersion,
    hardwareFields(hardware),
    deviceBytes,
    pageNumbers.length,
  ]);
  const numbers = new Uint8Array(pageNumbers.buffer, pageNumbers.byteOffset, pageNumbers.byteLength);
  return bytesToHex(
    sha256.create().update(new TextEncoder().encode(text)).update(numbers).update(blocks).digest(),
  );
}

/** In a fixed order: a store may give fields back in another one. */
function hardwareFields(hardware: HardwareConfig): unknown[] {
  const { memoryMiB, nics, diskBytes, hasCdrom, hasFloppy, bootOrder, virtualization } = hardware;
  const cards = nics.map(({ model, mac }) => [model, mac]);
  const always = [memoryMiB, cards, diskBytes, hasCdrom, hasFloppy, bootOrder];
  return virtualization === undefined ? always : [...always, virtualization];
}
