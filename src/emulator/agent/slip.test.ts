import { expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { encodeSlip, SlipDecoder } from "./slip.ts";

function decodeAll(bytes: Uint8Array, limit = 4096) {
  const decoder = new SlipDecoder(limit);
  const frames: Uint8Array[] = [];
  decoder.push(bytes, (frame) => frames.push(frame));
  return { frames, dropped: decoder.dropped };
}

test("END and ESC inside a frame are escaped as RFC 1055 says", () => {
  expect([...encodeSlip(Uint8Array.of(0xc0, 1, 0xdb))]).toEqual([0xc0, 0xdb, 0xdc, 1, 0xdb, 0xdd, 0xc0]);
});

test("any bytes come back, in whatever pieces they arrive", () => {
  const seed = 1055;
  const random = new Random(seed);
  const frames = Array.from({ length: 50 }, () => random.bytes(1 + random.below(300)));
  const stream = frames.flatMap((frame) => [...encodeSlip(frame)]);
  const decoder = new SlipDecoder(4096);
  const found: Uint8Array[] = [];
  for (let at = 0; at < stream.length;) {
    const piece = 1 + random.below(40);
    decoder.push(Uint8Array.from(stream.slice(at, at + piece)), (frame) => found.push(frame));
    at += piece;
  }
  expect(found, `seed ${seed}`).toEqual(frames);
});

test("empty frames are ignored", () => {
  expect(decodeAll(Uint8Array.of(0xc0, 0xc0, 0xc0, 7, 0xc0))).toEqual({
    frames: [Uint8Array.of(7)],
    dropped: 0,
  });
});

test("a frame that is too long is dropped and counted, and the next one is heard", () => {
  const stream = [...encodeSlip(new Uint8Array(11).fill(1)), ...encodeSlip(Uint8Array.of(2))];
  expect(decodeAll(Uint8Array.from(stream), 10)).toEqual({ frames: [Uint8Array.of(2)], dropped: 1 });
});

test("a frame with a wrong escape is dropped and counted", () => {
  expect(decodeAll(Uint8Array.of(0xc0, 1, 0xdb, 9, 0xc0, 2, 0xc0))).toEqual({
    frames: [Uint8Array.of(2)],
    dropped: 1,
  });
});
