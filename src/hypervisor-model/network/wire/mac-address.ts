/** Ethernet addresses as numbers below 2^48: compared with `===`, used as map keys, stored without allocation. */
import { read16, read32, write16, write32 } from "./byte-order.ts";

export const BROADCAST_MAC = 0xffffffffffff;
const TWO_32 = 0x100000000;

export function readMac(bytes: Uint8Array, at: number): number {
  return read16(bytes, at) * TWO_32 + read32(bytes, at + 2);
}

export function writeMac(bytes: Uint8Array, at: number, mac: number): void {
  write16(bytes, at, Math.floor(mac / TWO_32));
  write32(bytes, at + 2, mac >>> 0);
}

/** The I/G bit: group addresses are flooded. Broadcast is one of them. */
export function isGroupMac(mac: number): boolean {
  return (Math.floor(mac / 0x10000000000) & 1) === 1;
}

export function formatMac(mac: number): string {
  return mac
    .toString(16)
    .padStart(12, "0")
    .replace(/(..)(?!$)/g, "$1:");
}

export function parseMac(text: string): number | undefined {
  if (!/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(text)) return undefined;
  return Number.parseInt(text.replace(/[:-]/g, ""), 16);
}
