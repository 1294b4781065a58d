/** The user's own media (ISO images, floppies, disk images, kernels) that the page keeps in the store, by id. */
import { blockIdOf, idAt, packIds } from "../storage/block-id.ts";
import { DamagedError } from "../storage/errors.ts";
import { readExactly, type ByteSource } from "../storage/formats/image.ts";
import { ImportHold } from "../storage/import-hold.ts";
import { joinChanges } from "../storage/join-changes.ts";
import { SNAPSHOTS } from "../storage/layer.ts";
import type { OnProgress } from "../storage/stoppable.ts";
import { BLOCK_SIZE, ZERO_BLOCK, type BlockId, type Store } from "../storage/store.ts";
import { parseDefinition, type MachineDefinition } from "./definition.ts";

export const MEDIA = "media";

/** In blocks, the last one filled up with zeros; `bytes` in stores of earlier versions. */
export type MediumDocument = { byteLength: number; blocks: Uint8Array } | { bytes: Uint8Array };

/** Bytes that are read, and stored, at once. */
const STEP_BYTES = 4 << 20;

export interface KeptMedium {
  /** Who keeps it (see import-hold.ts). */
  owner?: string;
  onProgress?: OnProgress;
}

/** Keeps a file under `id`, step by step: it is there when all of it is. */
export async function keepMedium(
  store: Store,
  id: string,
  file: ByteSource,
  { owner = "", onProgress }: KeptMedium = {},
): Promise<void> {
  const hold = new ImportHold(store, owner);
  const ids: BlockId[] = [];
  try {
    for (let at = 0; at < file.byteLength; at += STEP_BYTES) {
      await onProgress?.(at / file.byteLength);
      const bytes = await readExactly(file, at, Math.min(STEP_BYTES, file.byteLength - at), "the file");
      const blocks = new Map<BlockId, Uint8Array>();
      for (let offset = 0; offset < bytes.length; offset += BLOCK_SIZE) {
        const block = new Uint8Array(BLOCK_SIZE);
        block.set(bytes.subarray(offset, offset + BLOCK_SIZE));
        const id = blockIdOf(block, store.fingerprintKey);
        ids.push(id);
        if (id !== ZERO_BLOCK) blocks.set(id, block);
      }
      await hold.keep(blocks);
    }
    const value: MediumDocument = { byteLength: file.byteLength, blocks: packIds(ids) };
    await store.commit(joinChanges({ put: [{ collection: MEDIA, key: id, value }] }, hold.release()));
  } catch (error) {
    await store.commit({ delete: hold.release().delete ?? [] }).catch(() => {}); // the next start does it
    throw error;
  }
}

/** The bytes of a kept medium, the caller's own; undefined where there is none. Throws DamagedError. */
export async function readMedium(store: Store, id: string): Promise<Uint8Array | undefined> {
  const document = (await store.get(MEDIA, id)) as MediumDocument | undefined;
  if (document === undefined) return undefined;
  if ("bytes" in document) return document.bytes;
  const { byteLength, blocks } = document;
  const bytes = new Uint8Array(byteLength);
  const step = STEP_BYTES / BLOCK_SIZE;
  for (let first = 0; first < blocks.length / 16; first += step) {
    const ids = Array.from({ length: Math.min(step, blocks.length / 16 - first) }, (_, at) =>
      idAt(blocks, first + at),
    );
    for (const [at, block] of (await store.readBlocks(ids)).entries()) {
      const place = (first + at) * BLOCK_SIZE;
      if (!block)
        throw new DamagedError(`the medium ${id} has lost a block`, "nothing", `block ${first + at}`);
      bytes.set(block.subarray(0, byteLength - place), place);
    }
  }
  return bytes;
}

/** Ids of the kept media that the machines of snapshots name: of one machine's, or of all. */
export async function mediaOfSnapshots(store: Store, machine?: string): Promise<string[]> {
  const documents = await store.list(SNAPSHOTS, machine === undefined ? "" : `${machine}/`);
  return documents.flatMap(({ value }) => {
    const checked = parseDefinition((value as { definition: unknown }).definition);
    return checked.type === "ok" ? mediaOf(checked.value) : [];
  });
}

/** Ids of the kept media that a machine names. */
export function mediaOf({ image, cdrom, floppy }: MachineDefinition): string[] {
  const named = [cdrom?.medium, floppy?.medium];
  if (image.type === "kernel") named.push(image.kernel, image.initrd);
  else if ("medium" in image) named.push(image.medium);
  return named.flatMap((medium) => (medium?.type === "stored" ? [medium.id] : []));
}
