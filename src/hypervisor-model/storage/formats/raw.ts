/** Raw images: the bytes of the disk and nothing else. */
import { expectFormat, type ByteSink, type ByteSource, type DiskContents, type ImageFile } from "./image.ts";

/** Bytes read or written at once. */
const STEP = 1 << 20;

export function parseRaw(source: ByteSource): ImageFile {
  const { byteLength } = source;
  expectFormat(
    byteLength > 0 && byteLength % 512 === 0,
    "a raw disk image consists of whole sectors",
    `${byteLength} bytes`,
    "a multiple of 512",
  );
  return {
    format: "raw",
    sizeBytes: byteLength,
    description: `raw, ${byteLength} bytes`,
    async *clusters() {
      for (let offset = 0; offset < byteLength; offset += STEP) {
        const bytes = await source.read(offset, Math.min(STEP, byteLength - offset));
        if (bytes.some((byte) => byte !== 0)) yield { offset, bytes };
      }
    },
  };
}

export async function serialiseRaw(contents: DiskContents, sink: ByteSink): Promise<void> {
  for (let offset = 0; offset < contents.sizeBytes; offset += STEP) {
    const length = Math.min(STEP, contents.sizeBytes - offset);
    await sink(
      contents.hasData(offset, length) ? await contents.read(offset, length) : new Uint8Array(length),
    );
  }
}
