/** Where on a disk file systems may begin: at its first sector, or in the four partitions of a master boot record. */
import type { ByteSource } from "../formats/image.ts";

const SECTOR = 512;
const TABLE = 446;

export interface Partition {
  /** 0: the whole disk. */
  number: number;
  offset: number;
  byteLength: number;
}

export async function readPartitions(source: ByteSource): Promise<Partition[]> {
  const whole: Partition = { number: 0, offset: 0, byteLength: source.byteLength };
  if (source.byteLength < SECTOR) return [whole];
  const bytes = await source.read(0, SECTOR);
  if (bytes[510] !== 0x55 || bytes[511] !== 0xaa) return [whole];
  const fields = new DataView(bytes.buffer, bytes.byteOffset, SECTOR);
  const partitions = [0, 1, 2, 3].flatMap((entry): Partition[] => {
    const at = TABLE + entry * 16;
    const offset = fields.getUint32(at + 8, true) * SECTOR;
    const byteLength = fields.getUint32(at + 12, true) * SECTOR;
    const isUsed = bytes[at + 4] !== 0 && offset > 0 && byteLength > 0;
    return isUsed && offset + byteLength <= source.byteLength
      ? [{ number: entry + 1, offset, byteLength }]
      : [];
  });
  return [whole, ...partitions];
}

/** The bytes of a partition as a source of their own. */
export function partOf(source: ByteSource, { offset, byteLength }: Partition): ByteSource {
  return { byteLength, read: (at, length) => source.read(offset + at, length) };
}
