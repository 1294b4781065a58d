/** pcapng files (IETF draft-ietf-opsawg-pcapng): section, interfaces, enhanced packets, statistics with drop counts. */

export interface PcapFrame {
  interface: number;
  /** Milliseconds since 1970; microseconds are kept. */
  time: number;
  bytes: Uint8Array;
}

export interface PcapFile {
  interfaces: string[];
  frames: PcapFrame[];
  /** Frames that were captured but not kept. */
  dropped: number;
}

export class PcapError extends Error {
  override name = "PcapError";
  readonly offset: number;
  constructor(offset: number, reason: string) {
    super(`at byte ${offset}: ${reason}`);
    this.offset = offset;
  }
}

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const SIMPLE_PACKET = 3;
const STATISTICS = 5;
const ENHANCED_PACKET = 6;
const BYTE_ORDER = 0x1a2b3c4d;
const LINK_ETHERNET = 1;
const OPTION_NAME = 2;
const OPTION_RESOLUTION = 9;
const OPTION_DROPPED = 5;
const TWO_32 = 0x100000000;

function padded(length: number): number {
  return (length + 3) & ~3;
}

export function writePcapng(file: PcapFile): Uint8Array {
  const names = file.interfaces.map((name) => new TextEncoder().encode(name));
  let size = 28 + file.interfaces.length * 36;
  for (const name of names) size += 20 + 4 + padded(name.length) + 8 + 4;
  for (const { bytes } of file.frames) size += 32 + padded(bytes.length);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  let at = 0;
  const u32 = (value: number) => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const u16 = (value: number) => {
    view.setUint16(at, value, true);
    at += 2;
  };
  const put = (bytes: Uint8Array) => {
    out.set(bytes, at);
    at += padded(bytes.length);
  };
  const time = (milliseconds: number) => {
    const microseconds = Math.round(milliseconds * 1000);
    u32(Math.floor(microseconds / TWO_32));
    u32(microseconds % TWO_32);
  };
  const block = (type: number, length: number, body: () => void) => {
    u32(type);
    u32(length);
    body();
    u32(length);
  };
  block(SECTION, 28, () => {
    u32(BYTE_ORDER);
    u16(1);
    u16(0);
    // Section length not given.
    u32(0xffffffff);
    u32(0xffffffff);
  });
  for (const name of names) {
    block(INTERFACE, 20 + 4 + padded(name.length) + 8 + 4, () => {
      u16(LINK_ETHERNET);
      u16(0);
      u32(0);
      u16(OPTION_NAME);
      u16(name.length);
      put(name);
      u16(OPTION_RESOLUTION);
      u16(1);
      u32(6);
      u32(0);
    });
  }
  for (const frame of file.frames) {
    block(ENHANCED_PACKET, 32 + padded(frame.bytes.length), () => {
      u32(frame.interface);
      time(frame.time);
      u32(frame.bytes.length);
      u32(frame.bytes.length);
      put(frame.bytes);
    });
  }
  const end = file.frames.at(-1)?.time ?? 0;
  for (const i of names.keys()) {
    block(STATISTICS, 36, () => {
      u32(i);
      time(end);
      u16(OPTION_DROPPED);
      u16(8);
      // The ring does not know whose frames it lost: the first interface carries the count.
      u32(i === 0 ? file.dropped : 0);
      u32(0);
    });
  }
  return out.subarray(0, at);
}

/** Throws `PcapError` with the offset of what is wrong. Blocks of other kinds are skipped. */
export function readPcapng(bytes: Uint8Array): PcapFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const file: PcapFile = { interfaces: [], frames: [], dropped: 0 };
  let little = true;
  let base = 0;
  const ticks: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + 12 > bytes.length) throw new PcapError(at, "the last block is cut off");
    const type = view.getUint32(at, little);
    if (type === SECTION) {
      little = view.getUint32(at + 8, true) === BYTE_ORDER;
      if (!little && view.getUint32(at + 8, false) !== BYTE_ORDER)
        throw new PcapError(at + 8, "no byte-order mark");
      base = file.interfaces.length;
    } else if (at === 0) throw new PcapError(0, "not a pcapng file: it does not begin with a section header");
    const length = view.getUint32(at + 4, little);
    if (length < 12 || length % 4 !== 0 || at + length > bytes.length)
      throw new PcapError(at + 4, "wrong block length");
    if (view.getUint32(at + length - 4, little) !== length)
      throw new PcapError(at + length - 4, "block lengths differ");
    const end = at + length - 4;
    if (type === INTERFACE) {
      if (length < 20) throw new PcapError(at, "interface block too short");
      const link = view.getUint16(at + 8, little);
      if (link !== LINK_ETHERNET) throw new PcapError(at + 8, `link type ${link}, expected Ethernet (1)`);
      let name = `interface ${file.interfaces.length}`;
      let resolution = 1000;
      for (let option = at + 16; option + 4 <= end;) {
        const code = view.getUint16(option, little);
        const size = view.getUint16(option + 2, little);
        if (code === 0) break;
        if (option + 4 + size > end) throw new PcapError(option, "option too long");
        if (code === OPTION_NAME)
          name = new TextDecoder().decode(bytes.subarray(option + 4, option + 4 + size));
        if (code === OPTION_RESOLUTION && size >= 1) {
          const value = bytes[option + 4];
          resolution = (value & 0x80) !== 0 ? 2 ** (value & 0x7f) / 1000 : 10 ** value / 1000;
        }
        option += 4 + padded(size);
      }
      file.interfaces.push(name);
      ticks.push(resolution);
    } else if (type === ENHANCED_PACKET) {
      if (length < 32) throw new PcapError(at, "packet block too short");
      const index = base + view.getUint32(at + 8, little);
      const captured = view.getUint32(at + 20, little);
      if (index >= ticks.length) throw new PcapError(at + 8, "packet of an interface that is not described");
      if (captured > end - at - 28) throw new PcapError(at + 20, "packet longer than its block");
      const count = view.getUint32(at + 12, little) * TWO_32 + view.getUint32(at + 16, little);
      file.frames.push({
        interface: index,
        time: count / ticks[index],
        bytes: bytes.slice(at + 28, at + 28 + captured),
      });
    } else if (type === SIMPLE_PACKET && ticks.length > base) {
      const captured = Math.min(view.getUint32(at + 8, little), end - at - 12);
      file.frames.push({ interface: base, time: 0, bytes: bytes.slice(at + 12, at + 12 + captured) });
    } else if (type === STATISTICS) {
      for (let option = at + 20; option + 4 <= end;) {
        const code = view.getUint16(option, little);
        const size = view.getUint16(option + 2, little);
        if (code === 0 || option + 4 + size > end) break;
        if (code === OPTION_DROPPED && size === 8)
          file.dropped += view.getUint32(option + (little ? 4 : 8), little);
        option += 4 + padded(size);
      }
    }
    at += length;
  }
  if (bytes.length === 0) throw new PcapError(0, "the file is empty");
  return file;
}
