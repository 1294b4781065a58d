/**
 * Device states as bytes: JSON for plain values, typed arrays beside it. Layout, little-endian: length of the JSON (u32),
 * the JSON, then the arrays one after another, each on a boundary of 8. A typed array in the JSON is
 * `{ "$": [type, offset, bytes] }`; an object with `get_state` stands for what that returns.
 */

const ARRAYS = {
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
};
type ArrayName = keyof typeof ARRAYS;

export class StateFormatError extends Error {
  override name = "StateFormatError";
}

const align = (offset: number) => (offset + 7) & ~7;

export function encodeState(value: unknown): Uint8Array {
  const arrays: { offset: number; bytes: Uint8Array }[] = [];
  let total = 0;
  const plain = (part: unknown): unknown => {
    if (part === undefined) return null;
    if (typeof part !== "object" || part === null) return part;
    if (Array.isArray(part)) return part.map(plain);
    if (ArrayBuffer.isView(part)) {
      const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
      const entry = { offset: total, bytes };
      arrays.push(entry);
      total = align(total + bytes.length);
      return { $: [part.constructor.name, entry.offset, bytes.length] };
    }
    if ("get_state" in part && typeof part.get_state === "function") return plain(part.get_state());
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, plain(inner)]));
  };
  const json = new TextEncoder().encode(JSON.stringify(plain(value)));
  const start = align(4 + json.length);
  const result = new Uint8Array(start + total);
  new DataView(result.buffer).setUint32(0, json.length, true);
  result.set(json, 4);
  for (const { offset, bytes } of arrays) result.set(bytes, start + offset);
  return result;
}

export function decodeState(bytes: Uint8Array): unknown {
  if (bytes.length < 4) throw new StateFormatError("the device state is too short");
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (4 + length > bytes.length) throw new StateFormatError("the device state is cut off");
  const start = align(4 + length);
  const whole = (part: unknown): unknown => {
    if (typeof part !== "object" || part === null) return part;
    if (Array.isArray(part)) return part.map(whole);
    if ("$" in part) {
      const [name, offset, size] = part.$ as [ArrayName, number, number];
      const constructor = ARRAYS[name];
      const from = start + offset;
      if (constructor === undefined || from + size > bytes.length) {
        throw new StateFormatError("the device state is damaged");
      }
      return new constructor(bytes.slice(from, from + size).buffer);
    }
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, whole(inner)]));
  };
  return whole(JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length))));
}
