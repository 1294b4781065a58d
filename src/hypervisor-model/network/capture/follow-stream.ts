/**
 * What the two ends of a TCP connection said to each other, put together from captured frames (RFC 9293 §3.4): repeated and
 * overtaking segments are sorted out by their sequence numbers, and a hole where the capture misses bytes is told.
 */
import { ETHERTYPE_IPV4, parseEthernet } from "../wire/ethernet.ts";
import { formatAddress } from "../wire/ipv4-address.ts";
import { isFragment, parseIpv4, PROTOCOL_TCP } from "../wire/ipv4.ts";
import { isMalformed } from "../wire/malformed.ts";
import { parseTcp, TCP_ACK, TCP_SYN, type TcpSegment } from "../wire/tcp.ts";

export interface StreamPart {
  /** Whether the end that opened the connection said it. */
  from: "client" | "server";
  bytes: Uint8Array;
  /** Bytes before it that the capture does not have. */
  missing: number;
  /** Place in the list of the frame that completed it. */
  frame: number;
}

export interface Stream {
  client: string;
  server: string;
  parts: StreamPart[];
  /** More was said than is kept. */
  truncated: boolean;
}

interface Captured {
  source: number;
  destination: number;
  segment: TcpSegment;
}

/** Segments that wait for an earlier one; then the hole is taken as one. */
const MAX_WAITING = 64;
const MAX_BYTES = 4 * 1024 * 1024;

class Side {
  next: number | undefined;
  readonly waiting = new Map<number, { payload: Uint8Array; frame: number }>();
}

/** The connection that frame `index` belongs to; undefined when it is not TCP. */
export function followStream(frames: readonly Uint8Array[], index: number): Stream | undefined {
  const chosen = index in frames ? tcpOf(frames[index]) : undefined;
  if (chosen === undefined) return undefined;
  const one = endOf(chosen.source, chosen.segment.sourcePort);
  const other = endOf(chosen.destination, chosen.segment.destinationPort);
  let client: string | undefined;
  const sides = new Map([
    [one, new Side()],
    [other, new Side()],
  ]);
  const said: { by: string; bytes: Uint8Array; missing: number; frame: number }[] = [];
  let total = 0;
  let truncated = false;
  const take = (by: string, side: Side, payload: Uint8Array, missing: number, frame: number) => {
    side.next = (side.next! + missing + payload.length) >>> 0;
    if (total + payload.length > MAX_BYTES) truncated = true;
    else {
      total += payload.length;
      said.push({ by, bytes: payload, missing, frame });
    }
  };
  for (const [frame, bytes] of frames.entries()) {
    const found = tcpOf(bytes);
    if (found === undefined) continue;
    const { segment } = found;
    const by = endOf(found.source, segment.sourcePort);
    const to = endOf(found.destination, segment.destinationPort);
    if (!((by === one && to === other) || (by === other && to === one))) continue;
    const side = sides.get(by)!;
    if ((segment.flags & TCP_SYN) !== 0) {
      // The same ports again: a new connection, of which the chosen frame is a part or not.
      if (
        frame > index &&
        side.next !== undefined &&
        segment.sequence !== (side.next - 1) >>> 0 &&
        said.length > 0
      )
        break;
      if (frame <= index && said.length > 0) said.length = total = 0;
      side.next = (segment.sequence + 1) >>> 0;
      side.waiting.clear();
      client = (segment.flags & TCP_ACK) === 0 ? by : to;
      continue;
    }
    side.next ??= segment.sequence;
    client ??= segment.sourcePort > segment.destinationPort ? by : to;
    if (segment.payload.length === 0) continue;
    side.waiting.set(segment.sequence, { payload: segment.payload, frame });
    drain(
      side,
      (payload, missing, at) => take(by, side, payload, missing, at),
      side.waiting.size > MAX_WAITING,
    );
  }
  for (const [by, side] of sides) {
    drain(side, (payload, missing, at) => take(by, side, payload, missing, at), true);
  }
  const opener = client ?? one;
  return {
    client: opener,
    server: opener === one ? other : one,
    parts: said.map(({ by, ...part }) => ({ from: by === opener ? "client" : "server", ...part })),
    truncated,
  };
}

/** Hands on what follows without a hole; with `force` a hole is passed over. */
function drain(
  side: Side,
  take: (payload: Uint8Array, missing: number, frame: number) => void,
  force: boolean,
): void {
  for (;;) {
    let nearest: { sequence: number; ahead: number } | undefined;
    for (const [sequence, { payload }] of side.waiting) {
      const ahead = (sequence - side.next!) | 0;
      if (ahead + payload.length <= 0) side.waiting.delete(sequence);
      else if (nearest === undefined || ahead < nearest.ahead) nearest = { sequence, ahead };
    }
    if (nearest === undefined || (nearest.ahead > 0 && !force)) return;
    const { payload, frame } = side.waiting.get(nearest.sequence)!;
    side.waiting.delete(nearest.sequence);
    take(payload.subarray(Math.max(0, -nearest.ahead)), Math.max(0, nearest.ahead), frame);
  }
}

function endOf(address: number, port: number): string {
  return `${formatAddress(address)}:${port}`;
}

function tcpOf(bytes: Uint8Array): Captured | undefined {
  const frame = parseEthernet(bytes);
  if (isMalformed(frame) || frame.type !== "ethernet2" || frame.etherType !== ETHERTYPE_IPV4)
    return undefined;
  const packet = parseIpv4(frame.payload);
  if (isMalformed(packet) || packet.protocol !== PROTOCOL_TCP || isFragment(packet)) return undefined;
  const segment = parseTcp(packet.payload, packet.source, packet.destination);
  if (isMalformed(segment)) return undefined;
  return { source: packet.source, destination: packet.destination, segment };
}
