/** What an ext file system keeps inside inodes and in the blocks of directories: names, and data too small for a block. */

export interface DirectoryEntry {
  inode: number;
  name: string;
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const ATTRIBUTES_MAGIC = 0xea020000;
/** The attribute `system.data`: its name is told by an index and the rest of it. */
const SYSTEM_INDEX = 7;

/** Inline data that found no room where the numbers of blocks would be: an extended attribute in the inode itself. */
export function inlineData(inode: Uint8Array): Uint8Array {
  const fields = view(inode);
  const none = new Uint8Array(0);
  const start = inode.length > 132 ? 128 + fields.getUint16(128, true) : inode.length;
  if (start + 4 > inode.length || fields.getUint32(start, true) !== ATTRIBUTES_MAGIC) return none;
  const first = start + 4;
  for (let at = first; at + 16 <= inode.length && fields.getUint32(at, true) !== 0;) {
    const nameLength = inode[at];
    const name = textOf(inode.subarray(at + 16, at + 16 + nameLength));
    if (inode[at + 1] === SYSTEM_INDEX && name === "data") {
      const from = first + fields.getUint16(at + 2, true);
      return inode.slice(from, from + fields.getUint32(at + 8, true));
    }
    at += (16 + nameLength + 3) & ~3;
  }
  return none;
}

const decoder = new TextDecoder();

/** A name as it is shown: control characters are replaced, as what is not UTF-8 is. */
export function textOf(bytes: Uint8Array): string {
  // oxlint-disable-next-line no-control-regex
  return decoder.decode(bytes).replace(/[\u0000-\u001f\u007f-\u009f]/g, "\ufffd");
}

export function readEntries(block: Uint8Array, inodes: number, found: DirectoryEntry[]): void {
  const fields = view(block);
  for (let at = 0; at + 8 <= block.length;) {
    const inode = fields.getUint32(at, true);
    const length = fields.getUint16(at + 4, true) || 65536;
    const nameLength = block[at + 6];
    if (length < 8 || at + length > block.length) return;
    if (inode > 0 && inode <= inodes && nameLength > 0 && nameLength + 8 <= length) {
      const name = textOf(block.subarray(at + 8, at + 8 + nameLength));
      if (name !== "." && name !== "..") found.push({ inode, name });
    }
    at += length;
  }
}
