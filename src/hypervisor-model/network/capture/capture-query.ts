/** Questions to a capture that would be slow to answer on the page's thread: which frames a filter shows, who said what. */
import type { CaptureRing } from "../capture-ring.ts";
import { parseFilter } from "./display-filter.ts";
import { dissect } from "./dissect.ts";
import { followStream, type Stream } from "./follow-stream.ts";

export interface Matches {
  /** Numbers of the frames that the filter shows, ascending. */
  numbers: Uint32Array;
  /** The first frame that was not looked at. */
  next: number;
}

/** Looks at up to `limit` frames from number `from` on. Throws `FilterError`. */
export function matchingFrames(ring: CaptureRing, filter: string, from: number, limit: number): Matches {
  const shows = parseFilter(filter);
  const start = Math.max(0, from - 1 - ring.dropped);
  const end = Math.min(ring.size, start + limit);
  const numbers: number[] = [];
  for (let i = start; i < end; i++) {
    const frame = ring.at(i)!;
    if (shows(dissect(frame.bytes), frame.bytes)) numbers.push(frame.number);
  }
  return { numbers: Uint32Array.from(numbers), next: ring.dropped + end + 1 };
}

/** The TCP connection that a frame belongs to; its parts name frames by number. Undefined when it is not TCP. */
export function streamOf(ring: CaptureRing, number: number): Stream | undefined {
  const frames: Uint8Array[] = [];
  for (let i = 0; i < ring.size; i++) frames.push(ring.at(i)!.bytes);
  const first = ring.dropped + 1;
  const stream = followStream(frames, number - first);
  return stream && { ...stream, parts: stream.parts.map((part) => ({ ...part, frame: part.frame + first })) };
}
