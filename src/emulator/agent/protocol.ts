/**
 * Messages between host and guest agent: type (u8), id (u16, little-endian) and at most 2048 bytes of payload, each in a
 * SLIP frame. The guest's side is images/tiny; README there describes the protocol.
 */
import type { AgentNic, AgentStatus, GuestIdentity } from "./agent-types.ts";

export const PAYLOAD_LIMIT = 2048;
export const FRAME_LIMIT = 3 + PAYLOAD_LIMIT;
/** Bytes of output that a run or a read may send before the host grants more. */
export const INITIAL_CREDIT = 65536;
export const COMMAND_LIMIT = 65536;

export const HELLO = 0x01;
export const RUN = 0x02;
export const RUN_MORE = 0x03;
export const KILL = 0x04;
export const READ = 0x05;
export const WRITE = 0x06;
export const WRITE_DATA = 0x07;
export const WRITE_END = 0x08;
export const GO = 0x0a;
export const RESIZE = 0x0b;
export const CREDIT = 0x0c;
export const IDENTITY = 0x0d;

export const STATUS = 0x81;
export const STDOUT = 0x82;
export const STDERR = 0x83;
export const EXIT = 0x84;
export const DATA = 0x85;
export const DONE = 0x86;
export const ERROR = 0x8f;

export interface Message {
  type: number;
  id: number;
  payload: Uint8Array;
}

export function encodeMessage({ type, id, payload }: Message): Uint8Array {
  if (payload.length > PAYLOAD_LIMIT)
    throw new RangeError(`a message carries at most ${PAYLOAD_LIMIT} bytes`);
  const frame = new Uint8Array(3 + payload.length);
  frame[0] = type;
  frame[1] = id & 0xff;
  frame[2] = id >> 8;
  frame.set(payload, 3);
  return frame;
}

export function decodeMessage(frame: Uint8Array): Message | undefined {
  if (frame.length < 3) return undefined;
  return { type: frame[0], id: frame[1] | (frame[2] << 8), payload: frame.subarray(3) };
}

export function u16(...values: number[]): Uint8Array {
  return Uint8Array.from(values.flatMap((value) => [value & 0xff, (value >> 8) & 0xff]));
}

export function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}

export function readI32(bytes: Uint8Array): number {
  if (bytes.length < 4) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getInt32(0, true);
}

const text = new TextDecoder();

/** `key=value` lines. Unknown keys are left out, missing ones have the value of a guest that says nothing. */
export function decodeStatus(payload: Uint8Array): AgentStatus {
  const values = new Map<string, string>();
  const nics: AgentNic[] = [];
  for (const line of text.decode(payload).split("\n")) {
    const equals = line.indexOf("=");
    if (equals < 1) continue;
    const [key, value] = [line.slice(0, equals), line.slice(equals + 1)];
    if (key === "nic") nics.push(decodeNic(value));
    else values.set(key, value);
  }
  const status: AgentStatus = {
    version: Number(values.get("version") ?? 0),
    stage: values.get("stage") === "wait" ? "wait" : "run",
    ready: values.get("ready") === "1",
    hostname: values.get("hostname") ?? "",
    bootId: values.get("boot_id") ?? "",
    kernel: values.get("kernel") ?? "",
    root: values.get("root") === "disk" ? "disk" : "memory",
    nics,
  };
  const error = values.get("error");
  if (error !== undefined && error !== "") status.error = error;
  return status;
}

function decodeNic(value: string): AgentNic {
  const [name = "", mac = "", state = "", ...addresses] = value.split(" ").filter((word) => word !== "");
  return { name, mac, up: state === "up", addresses };
}

export function encodeIdentity(identity: GuestIdentity): Uint8Array {
  const lines: string[] = [];
  const add = (key: string, value: string | number | undefined) => {
    if (value !== undefined) lines.push(`${key}=${String(value).replace(/[\r\n]/g, " ")}\n`);
  };
  add("hostname", identity.hostname);
  add("time", identity.time === undefined ? undefined : (identity.time / 1000).toFixed(6));
  add("timezone", identity.timezone);
  add("seed", identity.seed === undefined ? undefined : hex(identity.seed));
  add("machine-id", identity.machineId);
  identity.macs?.forEach((mac, i) => add(`mac${i}`, mac));
  add("columns", identity.columns);
  add("rows", identity.rows);
  return new TextEncoder().encode(lines.join(""));
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
