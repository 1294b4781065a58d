/**
 * The firmware configuration device of QEMU's machines (docs/specs/fw_cfg.rst there): selector at port 510h, data at 511h.
 * SeaBIOS reads the memory map, option ROMs, boot order and other settings from it. No DMA interface.
 */

const KEY_SIGNATURE = 0x00;
const KEY_ID = 0x01;
const KEY_RAM_SIZE = 0x03;
const KEY_CPU_COUNT = 0x05;
const KEY_MAX_CPUS = 0x0f;
const KEY_FILE_DIRECTORY = 0x19;
const KEY_FIRST_FILE = 0x20;
const NAME_BYTES = 56;

export interface FwCfgState {
  version: 1;
  selected: number;
  offset: number;
}

export interface E820Entry {
  address: number;
  bytes: number;
  /** 1 RAM, 2 reserved. */
  type: number;
}

function littleEndian(value: number, bytes: number): Uint8Array {
  const out = new Uint8Array(bytes);
  for (let i = 0, rest = value; i < bytes; i++, rest = Math.floor(rest / 256)) out[i] = rest % 256;
  return out;
}

/** The file `etc/e820`: 20 bytes an entry. */
export function encodeE820(entries: readonly E820Entry[]): Uint8Array {
  const out = new Uint8Array(entries.length * 20);
  entries.forEach((entry, i) => {
    out.set(littleEndian(entry.address, 8), i * 20);
    out.set(littleEndian(entry.bytes, 8), i * 20 + 8);
    out.set(littleEndian(entry.type, 4), i * 20 + 16);
  });
  return out;
}

export class FwCfg {
  readonly #entries = new Map<number, Uint8Array>();
  readonly #files: { name: string; key: number; bytes: number }[] = [];
  #selected = 0;
  #offset = 0;

  constructor(memoryBytes: number) {
    this.#entries.set(KEY_SIGNATURE, new TextEncoder().encode("QEMU"));
    this.#entries.set(KEY_ID, littleEndian(1, 4));
    this.#entries.set(KEY_RAM_SIZE, littleEndian(memoryBytes, 8));
    this.#entries.set(KEY_CPU_COUNT, littleEndian(1, 2));
    this.#entries.set(KEY_MAX_CPUS, littleEndian(1, 2));
    this.#writeDirectory();
  }

  addFile(name: string, contents: Uint8Array): void {
    if (name.length >= NAME_BYTES) {
      throw new RangeError(
        `fw_cfg file name: found ${name.length} characters, expected at most ${NAME_BYTES - 1}`,
      );
    }
    const key = KEY_FIRST_FILE + this.#files.length;
    this.#files.push({ name, key, bytes: contents.length });
    this.#entries.set(key, contents);
    this.#writeDirectory();
  }

  reset(): void {
    this.#selected = 0;
    this.#offset = 0;
  }

  select(key: number): void {
    this.#selected = key & 0xbfff;
    this.#offset = 0;
  }

  /** Port 511h. Beyond the end of an item, and for items that do not exist, zeros. */
  readData(): number {
    const item = this.#entries.get(this.#selected);
    if (item === undefined || this.#offset >= item.length) return 0;
    return item[this.#offset++];
  }

  #writeDirectory(): void {
    const out = new Uint8Array(4 + this.#files.length * 64);
    const view = new DataView(out.buffer);
    view.setUint32(0, this.#files.length);
    const sorted = this.#files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    sorted.forEach((file, i) => {
      view.setUint32(4 + i * 64, file.bytes);
      view.setUint16(8 + i * 64, file.key);
      out.set(new TextEncoder().encode(file.name), 12 + i * 64);
    });
    this.#entries.set(KEY_FILE_DIRECTORY, out);
  }

  save(): FwCfgState {
    return { version: 1, selected: this.#selected, offset: this.#offset };
  }

  restore(state: FwCfgState): void {
    this.#selected = state.selected;
    this.#offset = state.offset;
  }
}
