/**
 * Disk image files as they come from outside, whatever their format: bytes to read from, and what an image has.
 * An image gives its clusters (those it holds itself, zeroed ones included, ascending); images of a chain are laid over
 * each other, the backing one first.
 */
import { FormatError } from "../errors.ts";

/** Random access to a file. */
export interface ByteSource {
  readonly byteLength: number;
  /** Exactly these bytes; only asked for what is inside. Do not modify. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Takes a file from its first byte on. */
export type ByteSink = (bytes: Uint8Array) => Promise<void> | void;

/** Finds another file that the user has given too, by its plain name. */
export type FileFinder = (name: string) => ByteSource | undefined;

export interface Cluster {
  /** In the disk, in bytes; a multiple of 512. */
  offset: number;
  /** May reach beyond the end of the disk. */
  bytes: Uint8Array;
}

export interface ImageFile {
  format: "raw" | "qcow2" | "vmdk";
  sizeBytes: number;
  /** Plain name of the file below, where there is one. */
  backing?: string;
  /** VMDK: its content identification, and the one that the file below had when this one was made. */
  cid?: string;
  parentCid?: string;
  /** The descriptor or header, as text to show. */
  description: string;
  clusters(): AsyncGenerator<Cluster>;
}

/** What is to be exported. */
export interface DiskContents {
  readonly sizeBytes: number;
  /** False only where everything reads as zeros. */
  hasData(offset: number, length: number): boolean;
  read(offset: number, length: number): Promise<Uint8Array> | Uint8Array;
}

export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    byteLength: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

export function blobSource(blob: Blob): ByteSource {
  return {
    byteLength: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}

/** Reads what the format says must be there. */
export function readExactly(
  source: ByteSource,
  offset: number,
  length: number,
  what: string,
): Promise<Uint8Array> {
  if (Number.isSafeInteger(offset) && offset >= 0 && offset + length <= source.byteLength) {
    return source.read(offset, length);
  }
  throw new FormatError(
    `${what} ends beyond the file: byte ${offset + length} of ${source.byteLength}`,
    `a file of ${source.byteLength} bytes`,
    `at least ${offset + length} bytes`,
    "cut-short",
  );
}

/** The name a file refers to another one by, without folders; a name that is none is refused. */
export function plainName(path: string): string {
  const name = path.split(/[/\\]/).pop()!;
  const isControl = Array.from(name).some((character) => character.charCodeAt(0) < 32);
  if (name === "" || name === "." || name === ".." || name.length > 255 || isControl) {
    throw new FormatError(
      "the image refers to a file without a proper name",
      JSON.stringify(path.slice(0, 80)),
      "a file name",
    );
  }
  return name;
}

/** Throws a FormatError that says what was found and what was expected. */
export function expectFormat(holds: boolean, what: string, found: unknown, expected: string): void {
  if (!holds)
    throw new FormatError(
      `${what}: ${String(found)} was found, ${expected} was expected`,
      String(found),
      expected,
    );
}
