/** What native.c reads and writes: a memory image and fixed records of 576 bytes; results of 564 bytes and their changes. */
import { type CaseBytes, caseState } from "./case-state.ts";
import type { MemoryImage } from "./memory-map.ts";

const INPUT_BYTES = 576;
const OUTPUT_BYTES = 568;

/** What an instruction left behind. */
export interface CaseResult {
  /** Vector of the exception, or -1. */
  readonly vector: number;
  readonly error: number;
  readonly cr2: number;
  readonly eip: number;
  readonly registers: Int32Array;
  readonly eflags: number;
  readonly fx: Uint8Array;
  /** Bytes of data and stack that changed. */
  readonly memory: readonly { address: number; value: number }[];
}

export function encodeInput(image: MemoryImage, cases: readonly CaseBytes[]): Uint8Array {
  const head = image.data.length + image.readOnly.length + image.stack.length;
  const bytes = new Uint8Array(head + cases.length * INPUT_BYTES);
  bytes.set(image.data);
  bytes.set(image.readOnly, image.data.length);
  bytes.set(image.stack, image.data.length + image.readOnly.length);
  const view = new DataView(bytes.buffer);
  cases.forEach((item, i) => {
    const at = head + i * INPUT_BYTES;
    const state = caseState(item);
    view.setUint32(at, item.mode === "32-bit" ? 0 : 1, true);
    view.setUint32(at + 4, state.eip, true);
    view.setUint32(at + 8, item.bytes.length, true);
    bytes.set(item.bytes, at + 12);
    state.registers.forEach((value, n) => view.setInt32(at + 28 + 4 * n, value, true));
    view.setUint32(at + 60, state.eflags, true);
    bytes.set(state.fx, at + 64);
  });
  return bytes;
}

export function decodeOutput(bytes: Uint8Array): CaseResult[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const results: CaseResult[] = [];
  for (let at = 0; at + OUTPUT_BYTES <= bytes.length;) {
    const registers = new Int32Array(8);
    for (let n = 0; n < 8; n++) registers[n] = view.getInt32(at + 16 + 4 * n, true);
    const count = view.getUint32(at + 564, true);
    const memory = Array.from({ length: count }, (_, i) => ({
      address: view.getUint32(at + OUTPUT_BYTES + 8 * i, true),
      value: view.getUint32(at + OUTPUT_BYTES + 8 * i + 4, true),
    }));
    results.push({
      vector: view.getInt32(at, true),
      error: view.getUint32(at + 4, true),
      cr2: view.getUint32(at + 8, true),
      eip: view.getUint32(at + 12, true),
      registers,
      eflags: view.getUint32(at + 48, true),
      fx: bytes.slice(at + 52, at + 564),
      memory,
    });
    at += OUTPUT_BYTES + 8 * count;
  }
  return results;
}
