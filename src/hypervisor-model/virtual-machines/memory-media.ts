/** Media whose contents are in memory. */
import type { BlockDevice } from "../../emulator/machine.ts";

export class MediumError extends Error {
  override name = "MediumError";
}

export function memoryDevice(bytes: Uint8Array, readOnly: boolean): BlockDevice {
  return {
    byteLength: Math.ceil(bytes.length / 512) * 512,
    readOnly,
    read(offset, length) {
      const part = bytes.slice(offset, offset + length);
      if (part.length === length) return part;
      const padded = new Uint8Array(length);
      padded.set(part);
      return padded;
    },
    write(offset, data) {
      bytes.set(data.subarray(0, Math.max(0, bytes.length - offset)), offset);
    },
  };
}

const CHUNK = 65536;

/** Zeros until written. */
export function sparseDevice(byteLength: number): BlockDevice {
  const chunks = new Map<number, Uint8Array>();
  return {
    byteLength,
    readOnly: false,
    read(offset, length) {
      const result = new Uint8Array(length);
      eachChunk(offset, length, (chunk, from, at, count) => {
        const bytes = chunks.get(chunk);
        if (bytes !== undefined) result.set(bytes.subarray(from, from + count), at);
      });
      return result;
    },
    write(offset, data) {
      eachChunk(offset, data.length, (chunk, from, at, count) => {
        let bytes = chunks.get(chunk);
        if (bytes === undefined) chunks.set(chunk, (bytes = new Uint8Array(CHUNK)));
        bytes.set(data.subarray(at, at + count), from);
      });
    },
  };
}

function eachChunk(
  offset: number,
  length: number,
  visit: (chunk: number, from: number, at: number, count: number) => void,
): void {
  for (let at = 0; at < length;) {
    const chunk = Math.floor((offset + at) / CHUNK);
    const from = offset + at - chunk * CHUNK;
    const count = Math.min(CHUNK - from, length - at);
    visit(chunk, from, at, count);
    at += count;
  }
}
