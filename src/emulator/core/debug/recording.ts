/**
 * A recorded session of the bare PC as a file: its program, all that came in from outside with the instruction counts, and
 * what the machine was like at the end. The machine is deterministic, so a replay ends in the same state.
 */
import type { Pc } from "../pc.ts";
import type { TimelineRecord } from "./history.ts";

export interface SessionRecording {
  version: 1;
  source: string;
  /** The count it was made at. */
  instructions: number;
  /** Of registers and memory there. */
  digest: string;
  records: readonly TimelineRecord[];
}

const LONGEST_SOURCE = 1 << 20;
const MOST_RECORDS = 100_000;
/** Longer ones take minutes to repeat. */
export const MOST_INSTRUCTIONS = 1e9;

/** FNV-1a over the registers and RAM: tells two states apart, no more. */
export function stateDigest({ cpu, memory }: Pc): string {
  let hash = 0x811c9dc5;
  const add = (words: Int32Array) => {
    for (let i = 0; i < words.length; i++) hash = Math.imul(hash ^ words[i], 0x01000193);
  };
  add(cpu.r.subarray(0, 12));
  add(memory.words.subarray(0, memory.ramBytes >>> 2));
  return (hash >>> 0).toString(16).padStart(8, "0");
}

export function encodeRecording(recording: SessionRecording): string {
  return JSON.stringify(recording, (_, value: unknown) => (value instanceof Uint8Array ? [...value] : value));
}

const isCount = (value: unknown, highest: number): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= highest;

function byteList(value: unknown): Uint8Array | undefined {
  if (!Array.isArray(value) || value.length > 65_536 || !value.every((byte) => isCount(byte, 255))) return;
  return Uint8Array.from(value as number[]);
}

function inputOf(found: Record<string, unknown>): TimelineRecord["input"] | undefined {
  const bytes = byteList(found.bytes);
  switch (found.type) {
    case "flush":
      return { type: "flush" };
    case "serial":
      return bytes && (found.port === 0 || found.port === 1)
        ? { type: "serial", port: found.port, bytes }
        : undefined;
    case "scancodes": {
      const codes = byteList(found.codes);
      return codes && { type: "scancodes", codes: [...codes] };
    }
    case "memory":
      return bytes && isCount(found.address, 0xffffffff)
        ? { type: "memory", address: found.address, bytes }
        : undefined;
    case "register":
      return typeof found.name === "string" && Number.isInteger(found.value)
        ? { type: "register", name: found.name, value: (found.value as number) | 0 }
        : undefined;
    default:
      return undefined;
  }
}

/** Undefined for what is no recording. */
export function decodeRecording(text: string): SessionRecording | undefined {
  let found: Partial<Record<keyof SessionRecording, unknown>> | null;
  try {
    found = JSON.parse(text) as typeof found;
  } catch {
    return undefined;
  }
  if (typeof found !== "object" || found === null || found.version !== 1) return undefined;
  const { source, instructions, digest, records: list } = found;
  if (typeof source !== "string" || source.length > LONGEST_SOURCE || typeof digest !== "string") return;
  if (!isCount(instructions, MOST_INSTRUCTIONS) || !Array.isArray(list) || list.length > MOST_RECORDS) return;
  const records: TimelineRecord[] = [];
  let last = 0;
  for (const one of list as Partial<TimelineRecord>[]) {
    const given = one?.input as Record<string, unknown> | null | undefined;
    const input = typeof given === "object" && given !== null ? inputOf(given) : undefined;
    if (input === undefined || !isCount(one.instructions, instructions)) return undefined;
    if (!isCount(one.time, Number.MAX_SAFE_INTEGER) || one.instructions < last) return undefined;
    last = one.instructions;
    records.push({ instructions: one.instructions, time: one.time, input });
  }
  return { version: 1, source, instructions, digest, records };
}
