import { describe, expect, test } from "vitest";
import { freshSeed, Random } from "./random.ts";
const draw = (seed: number) => Array.from(new Random(seed).bytes(32));

describe("a seeded random source", () => {
  test("repeats from the same seed and differs from another", () => {
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5)).not.toEqual(draw(6));
  });

  test("stays within its limits and reaches each value", () => {
    const random = new Random(0);
    const seen = new Set<number>();
    for (let i = 0; i < 1000; i++) seen.add(random.below(7));
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test("gives each bit of its words about half the time", () => {
    const random = new Random(99);
    const ones = new Uint32Array(32);
    for (let i = 0; i < 10_000; i++) {
      const word = random.uint32();
      for (let bit = 0; bit < 32; bit++) ones[bit] += (word >>> bit) & 1;
    }
    for (const count of ones) expect(Math.abs(count - 5000)).toBeLessThan(300);
  });

  test("makes version 4 UUIDs", () => {
    expect(new Random(1).uuid()).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });
});

test("fresh seeds differ", () => {
  expect(freshSeed()).not.toBe(freshSeed());
});
