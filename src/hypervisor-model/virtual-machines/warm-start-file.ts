/**
 * A `MachineState` as one array of bytes. Layout, little-endian: magic, length of the header (u32), the header as JSON,
 * then from the next page boundary on the pages, their numbers, and the engine's device state.
 */
import { PAGE_SIZE, type MachineState } from "../../emulator/machine.ts";

const MAGIC = 0x54535752; // "RWST"
const VERSION = 1;

interface Header {
  version: number;
  /** What the state fits: `warmStartKey`. */
  key: string;
  state: Omit<MachineState, "devices" | "pageNumbers" | "pages">;
  pages: number;
  deviceBytes: number;
}

const pageUp = (offset: number) => Math.ceil(offset / PAGE_SIZE) * PAGE_SIZE;

export function encodeStateFile(key: string, state: MachineState): Uint8Array {
  const { devices, pageNumbers, pages, ...rest } = state;
  const header: Header = {
    version: VERSION,
    key,
    state: rest,
    pages: pageNumbers.length,
    deviceBytes: devices.length,
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = pageUp(8 + json.length);
  const numbersAt = start + pages.length;
  const devicesAt = numbersAt + pageNumbers.length * 4;
  const file = new Uint8Array(devicesAt + devices.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, json.length, true);
  file.set(json, 8);
  file.set(pages, start);
  file.set(new Uint8Array(pageNumbers.buffer, pageNumbers.byteOffset, pageNumbers.byteLength), numbersAt);
  file.set(devices, devicesAt);
  return file;
}

/** `undefined` when the file is not a state for `key`: the machine then boots cold. */
export function decodeStateFile(key: string, file: Uint8Array): MachineState | undefined {
  if (file.length < 8) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const jsonLength = view.getUint32(4, true);
  if (view.getUint32(0, true) !== MAGIC || 8 + jsonLength > file.length) return undefined;
  let header: Header;
  try {
    header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + jsonLength)));
  } catch {
    return undefined;
  }
  if (header.version !== VERSION || header.key !== key) return undefined;
  const start = pageUp(8 + jsonLength);
  const numbersAt = start + header.pages * PAGE_SIZE;
  const devicesAt = numbersAt + header.pages * 4;
  if (devicesAt + header.deviceBytes > file.length) return undefined;
  return {
    ...header.state,
    pages: file.subarray(start, numbersAt),
    pageNumbers: new Uint32Array(file.slice(numbersAt, devicesAt).buffer),
    devices: file.subarray(devicesAt, devicesAt + header.deviceBytes),
  };
}

export async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  return through(bytes, new CompressionStream("gzip"));
}

/** Throws when the bytes are no gzip or damaged. */
export async function gunzip(bytes: Uint8Array): Promise<Uint8Array> {
  return through(bytes, new DecompressionStream("gzip"));
}

function through(bytes: Uint8Array, stream: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  const passage = new Passage(stream);
  passage.write(bytes as Uint8Array<ArrayBuffer>);
  return passage.end();
}

/** Bytes on their way through a stream, in parts. A `Blob` of them would go through the browser's own process first. */
export class Passage {
  readonly #writer: WritableStreamDefaultWriter<BufferSource>;
  readonly #parts: Uint8Array[] = [];
  readonly #read: Promise<void>;

  constructor({ readable, writable }: CompressionStream | DecompressionStream) {
    this.#writer = writable.getWriter();
    this.#read = this.#collect(readable.getReader());
    this.#read.catch(() => undefined);
  }

  async #collect(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    for (let part = await reader.read(); !part.done; part = await reader.read()) this.#parts.push(part.value);
  }

  /** What is wrong with the bytes is told by `end`. */
  write(part: Uint8Array<ArrayBuffer>): void {
    this.#writer.write(part).catch(() => undefined);
  }

  async end(): Promise<Uint8Array> {
    this.#writer.close().catch(() => undefined);
    await this.#read;
    const result = new Uint8Array(this.#parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of this.#parts) {
      result.set(part, at);
      at += part.length;
    }
    return result;
  }
}
