import { expect, test } from "vitest";
import { CLARK_RULE, fitDirtying, precopyRounds, stopAndCopySeconds } from "./precopy.ts";

const FIXED = { ...CLARK_RULE, step: 0, lowestRate: 100, highestRate: 100 };

test("at a constant dirty rate below the bandwidth each round is the same fraction of the one before", () => {
  // 5 MB/s are dirtied, 12.5 MB/s are sent.
  const rounds = precopyRounds(500, { scale: 5, exponent: 1, limit: 500 }, FIXED);
  for (let i = 1; i < rounds.length - 1; i++) {
    expect(rounds[i].megabytes / rounds[i - 1].megabytes).toBeCloseTo(0.4, 10);
  }
  expect(rounds.at(-1)?.megabytes).toBeLessThan(FIXED.stopBelow);
});

test("a workload that is always dirty again is stopped at the highest rate with all of it to send", () => {
  const rounds = precopyRounds(512, { scale: 1e6, exponent: 1, limit: 256 });
  expect(rounds.at(-1)).toMatchObject({ megabytes: 256, rate: 500 });
  expect(rounds.at(-1)?.seconds).toBeCloseTo(4.096, 10);
});

test("no more rounds are sent than the rule allows", () => {
  expect(precopyRounds(100, { scale: 12, exponent: 1, limit: 100 }, { ...FIXED, rounds: 30 })).toHaveLength(
    30,
  );
});

test("a workload is found again from the rounds it made", () => {
  const made = precopyRounds(700, { scale: 13, exponent: 0.57, limit: 800 });
  const observed = new Map(made.slice(0, 6).map(({ megabytes }, i) => [i + 1, megabytes]));
  expect(fitDirtying(observed, 800).exponent).toBeCloseTo(0.57, 5);
});

test("512 MB over 128 Mbit/s take 32 seconds", () => {
  expect(stopAndCopySeconds(512, 128)).toBe(32);
});
