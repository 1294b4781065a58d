/**
 * Packet commands of a CD-ROM drive: SCSI Multimedia Commands (MMC-3, T10/1363-D) and SFF-8020i for the ATAPI transport.
 * A function from packet to answer; moving the data is ata-drive.ts's work.
 */

import type { BlockDevice } from "../../machine.ts";

const CD_SECTOR = 2048;
const NOT_READY = [2, 0x3a, 0] as const;
const MEDIUM_CHANGED = [6, 0x28, 0] as const;
const INVALID_COMMAND = [5, 0x20, 0] as const;
const INVALID_FIELD = [5, 0x24, 0] as const;
const OUT_OF_RANGE = [5, 0x21, 0] as const;
const MAX_BLOCKS = 512;

export type PacketAnswer =
  | { type: "done" }
  | { type: "data"; bytes: Uint8Array }
  /** Bytes of the medium. */
  | { type: "read"; offset: number; length: number }
  /** Sense key, additional sense code, qualifier. */
  | { type: "error"; sense: readonly [number, number, number] };

export interface PacketTarget {
  readonly medium: BlockDevice | undefined;
  readonly sense: readonly number[];
  /** Set when a disc was put in or taken out; the next command reports it once. */
  mediumChanged: boolean;
}

function be16(packet: Uint8Array, at: number): number {
  return (packet[at] << 8) | packet[at + 1];
}

function be32(packet: Uint8Array, at: number): number {
  return ((packet[at] << 24) | (packet[at + 1] << 16) | (packet[at + 2] << 8) | packet[at + 3]) >>> 0;
}

function data(bytes: readonly number[], limit: number): PacketAnswer {
  return { type: "data", bytes: Uint8Array.from(bytes.slice(0, limit)) };
}

export function answerPacket(packet: Uint8Array, drive: PacketTarget): PacketAnswer {
  switch (packet[0]) {
    case 0x03: {
      const [key, code, qualifier] = drive.sense;
      return data([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, code, qualifier, 0, 0, 0, 0], packet[4]);
    }
    case 0x12:
      return data(inquiry(), be16(packet, 3));
    case 0x1b: // START STOP UNIT: the tray is opened and closed by the owner of the machine.
    case 0x1e: // PREVENT ALLOW MEDIUM REMOVAL
    case 0xbb: // SET CD SPEED
      return { type: "done" };
    case 0x5a:
      return modeSense(packet);
    case 0x46:
      return data([0, 0, 0, 4, 0, 0, 0, drive.medium === undefined ? 0 : 8], be16(packet, 7));
    case 0x4a:
      return (packet[1] & 1) !== 0
        ? data([0, 6, 4, 0x10, 0, drive.medium === undefined ? 0 : 2, 0, 0], be16(packet, 7))
        : { type: "error", sense: INVALID_FIELD };
    default:
  }
  if (drive.mediumChanged) {
    drive.mediumChanged = false;
    return { type: "error", sense: MEDIUM_CHANGED };
  }
  const { medium } = drive;
  const known = [0x00, 0x25, 0x28, 0x2b, 0x42, 0x43, 0x51, 0xa8, 0xbe].includes(packet[0]);
  if (!known) return { type: "error", sense: INVALID_COMMAND };
  if (medium === undefined) return { type: "error", sense: NOT_READY };
  const blocks = Math.floor(medium.byteLength / CD_SECTOR);
  switch (packet[0]) {
    case 0x25: {
      const last = Math.max(0, blocks - 1);
      return data(
        [last >>> 24, (last >>> 16) & 255, (last >>> 8) & 255, last & 255, 0, 0, CD_SECTOR >> 8, 0],
        8,
      );
    }
    case 0x28:
      return read(be32(packet, 2), be16(packet, 7), blocks);
    case 0xa8:
      return read(be32(packet, 2), be32(packet, 6), blocks);
    case 0xbe: {
      const length = (packet[6] << 16) | be16(packet, 7);
      // User data of a mode 1 sector is what the medium has; raw sectors are not kept.
      if ((packet[9] & 0xf8) !== 0x10 && length > 0) return { type: "error", sense: INVALID_FIELD };
      return read(be32(packet, 2), length, blocks);
    }
    case 0x42:
      return data([0, 0x15, 0, 0], be16(packet, 7));
    case 0x43:
      return readToc(packet, blocks);
    case 0x51:
      return data([0, 32, 0x0e, 1, 1, 1, 1, 0, ...Array.from({ length: 26 }, () => 0)], be16(packet, 7));
    default: // TEST UNIT READY, SEEK
      return { type: "done" };
  }
}

function read(block: number, count: number, blocks: number): PacketAnswer {
  if (count === 0) return { type: "done" };
  if (block + count > blocks) return { type: "error", sense: OUT_OF_RANGE };
  if (count > MAX_BLOCKS) return { type: "error", sense: INVALID_FIELD };
  return { type: "read", offset: block * CD_SECTOR, length: count * CD_SECTOR };
}

function inquiry(): number[] {
  const text = "RINGSIDE" + "CD-ROM".padEnd(16) + "1.0 ";
  return [0x05, 0x80, 0x00, 0x21, 31, 0, 0, 0, ...Array.from(text, (c) => c.charCodeAt(0))];
}

/** Mode parameter header of MODE SENSE (10): "CD-ROM, data" or, without a disc, what the drive last had. */
function modePage(body: number[]): number[] {
  return [0, 6 + body.length, 0x70, 0, 0, 0, 0, 0, ...body];
}

function modeSense(packet: Uint8Array): PacketAnswer {
  const page = packet[2] & 0x3f;
  const limit = be16(packet, 7);
  if (page === 0x01) return data(modePage([0x01, 6, 0, 5, 0, 0, 0, 0]), limit);
  if (page === 0x2a) {
    const speed = [0x02, 0xc2];
    return data(modePage([0x2a, 18, 0, 0, 0, 0, 0x29, 0, ...speed, 0, 2, 2, 0, ...speed, 0, 0, 0, 0]), limit);
  }
  return { type: "error", sense: INVALID_FIELD };
}

function readToc(packet: Uint8Array, blocks: number): PacketAnswer {
  const msf = (packet[1] & 2) !== 0;
  const limit = be16(packet, 7);
  const format = packet[2] & 15 || packet[9] >> 6;
  const address = (block: number): number[] => {
    if (!msf) return [block >>> 24, (block >>> 16) & 255, (block >>> 8) & 255, block & 255];
    const frames = block + 150;
    return [0, Math.floor(frames / 4500), Math.floor(frames / 75) % 60, frames % 75];
  };
  if (format === 1) return data([0, 10, 1, 1, 0, 0x14, 1, 0, ...address(0)], limit);
  if (format !== 0) return { type: "error", sense: INVALID_FIELD };
  const track = packet[6];
  if (track > 1 && track !== 0xaa) return { type: "error", sense: INVALID_FIELD };
  const first = track <= 1 ? [0, 0x14, 1, 0, ...address(0)] : [];
  const body = [1, 1, ...first, 0, 0x14, 0xaa, 0, ...address(blocks)];
  return data([0, body.length, ...body], limit);
}
