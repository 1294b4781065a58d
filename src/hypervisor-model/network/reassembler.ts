/** Puts IPv4 fragments together (RFC 791 §3.2) within fixed bounds: few packets at a time, each for a short while. */
import type { Ipv4Packet } from "./wire/ipv4.ts";

const MAX_PACKETS = 16;
const MAX_PIECES = 64;
const LIFETIME_MS = 15_000;

interface Pending {
  since: number;
  pieces: Ipv4Packet[];
}

export class Reassembler {
  readonly #pending = new Map<string, Pending>();

  /** The whole packet when this was its last missing piece. */
  add(fragment: Ipv4Packet, now: number): Ipv4Packet | undefined {
    const key = `${fragment.source}:${fragment.destination}:${fragment.protocol}:${fragment.identification}`;
    for (const [old, entry] of this.#pending) {
      if (now - entry.since > LIFETIME_MS) this.#pending.delete(old);
    }
    let entry = this.#pending.get(key);
    if (entry === undefined) {
      if (this.#pending.size >= MAX_PACKETS) this.#pending.delete(this.#pending.keys().next().value!);
      entry = { since: now, pieces: [] };
      this.#pending.set(key, entry);
    }
    if (entry.pieces.length >= MAX_PIECES) {
      this.#pending.delete(key);
      return undefined;
    }
    // The piece may be a view of a larger buffer that its owner uses again.
    entry.pieces.push({ ...fragment, payload: fragment.payload.slice() });
    const whole = join(entry.pieces);
    if (whole !== undefined) this.#pending.delete(key);
    return whole;
  }
}

function join(pieces: Ipv4Packet[]): Ipv4Packet | undefined {
  const sorted = [...pieces].sort((a, b) => a.fragmentOffset - b.fragmentOffset);
  let end = 0;
  for (const piece of sorted) {
    if (piece.fragmentOffset > end) return undefined;
    end = Math.max(end, piece.fragmentOffset + piece.payload.length);
  }
  const last = sorted.find((piece) => !piece.moreFragments);
  if (last === undefined || last.fragmentOffset + last.payload.length !== end) return undefined;
  const payload = new Uint8Array(end);
  for (const piece of sorted) payload.set(piece.payload, piece.fragmentOffset);
  return { ...sorted[0], moreFragments: false, fragmentOffset: 0, payload };
}
