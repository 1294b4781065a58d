/**
 * Documents as bytes, for the folder store's journal and for bundles: a length (u32, little endian), that many bytes of
 * JSON, then the contents of all `Uint8Array` and `Uint32Array` one after another. In the JSON such an array stands as
 * `{"$bytes": length}` or `{"$words": length}`, in the order of the contents.
 */
import { DamagedError } from "./errors.ts";

const BYTES = "$bytes";
const WORDS = "$words";

export function encodeDocument(value: unknown): Uint8Array {
  const arrays: Uint8Array[] = [];
  const plain = (value: unknown): unknown => {
    if (value instanceof Uint8Array) {
      arrays.push(value);
      return { [BYTES]: value.length };
    }
    if (value instanceof Uint32Array) {
      arrays.push(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
      return { [WORDS]: value.length };
    }
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== "object" || value === null) return value;
    if (BYTES in value || WORDS in value)
      throw new TypeError(`a document may not have a field ${BYTES} or ${WORDS}`);
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
  };
  const json = new TextEncoder().encode(JSON.stringify(plain(value)) ?? "null");
  const length = arrays.reduce((sum, array) => sum + array.length, 4 + json.length);
  const bytes = new Uint8Array(length);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  let at = 4 + json.length;
  for (const array of arrays) {
    bytes.set(array, at);
    at += array.length;
  }
  return bytes;
}

/** Throws DamagedError for anything that `encodeDocument` does not make. */
export function decodeDocument(bytes: Uint8Array): unknown {
  const jsonLength =
    bytes.length >= 4
      ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true)
      : -1;
  if (jsonLength < 0 || 4 + jsonLength > bytes.length) throw damaged("a length beyond its end");
  let at = 4 + jsonLength;
  const take = (length: unknown, unit: number): Uint8Array => {
    if (!Number.isInteger(length) || (length as number) < 0)
      throw damaged(`an array of length ${String(length)}`);
    const end = at + (length as number) * unit;
    if (end > bytes.length) throw damaged("an array beyond its end");
    const part = bytes.slice(at, end);
    at = end;
    return part;
  };
  const rich = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(rich);
    if (typeof value !== "object" || value === null) return value;
    if (BYTES in value) return take(value[BYTES], 1);
    if (WORDS in value) return new Uint32Array(take(value[WORDS], 4).buffer);
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, rich(field)]));
  };
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(4, 4 + jsonLength)));
  } catch (error) {
    throw damaged(`no JSON (${String(error)})`);
  }
  const value = rich(parsed);
  if (at !== bytes.length) throw damaged(`${bytes.length - at} bytes too many`);
  return value;
}

function damaged(found: string): DamagedError {
  return new DamagedError(`a stored document is damaged: it has ${found}`, found, "a whole document");
}
