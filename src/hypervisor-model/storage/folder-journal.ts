/** The journal of a folder store: records of a length (u32, little endian), a SHA-256 and a document (document-codec.ts). */
import { createHash } from "node:crypto";
import { decodeDocument, encodeDocument } from "./document-codec.ts";
import { DamagedError } from "./errors.ts";

const RECORD_HEADER = 36;

export interface PackPlace {
  pack: number;
  file: number;
  offset: number;
  length: number;
  codec: "raw" | "deflate";
  ids: Uint8Array;
}

export interface JournalRecord {
  put: { collection: string; key: string; value: unknown }[];
  delete: { collection: string; key: string }[];
  packs: PackPlace[];
}

export function encodeRecord(record: JournalRecord): Uint8Array {
  const payload = encodeDocument(record);
  const bytes = new Uint8Array(RECORD_HEADER + payload.length);
  new DataView(bytes.buffer).setUint32(0, payload.length, true);
  bytes.set(createHash("sha256").update(payload).digest(), 4);
  bytes.set(payload, RECORD_HEADER);
  return bytes;
}

/**
 * The records of a journal and where the last whole one ends: what a crash has cut off at the end does not count. Throws
 * DamagedError when one before that is not what it was.
 */
export function readRecords(bytes: Uint8Array, folder: string): { records: JournalRecord[]; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: JournalRecord[] = [];
  let at = 0;
  while (at + RECORD_HEADER <= bytes.length) {
    const end = at + RECORD_HEADER + view.getUint32(at, true);
    if (end > bytes.length) break;
    const payload = bytes.subarray(at + RECORD_HEADER, end);
    const digest = createHash("sha256").update(payload).digest();
    if (!digest.equals(bytes.subarray(at + 4, at + RECORD_HEADER))) {
      if (end === bytes.length) break;
      throw new DamagedError(
        `the journal of the store in ${folder} is damaged at byte ${at}`,
        "another digest",
        digest.toString("hex"),
      );
    }
    records.push(decodeDocument(payload) as JournalRecord);
    at = end;
  }
  return { records, end: at };
}
