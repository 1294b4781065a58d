import { expect, test } from "vitest";
import { reclaimedShare, sharesPerPage, taxedAllocation } from "./memory-sharing.ts";

test("without a tax two machines with equal shares get the same memory", () => {
  expect(taxedAllocation(360, 256, 0)).toEqual({ active: 180, idle: 180 });
});

test("with a tax of 75 % the active machine takes all it wants from the idle one", () => {
  expect(taxedAllocation(360, 256, 0.75)).toEqual({ active: 256, idle: 104 });
});

test("while the active machine still wants more, both pay the same for a page", () => {
  const { active, idle } = taxedAllocation(360, 360, 0.75);
  expect(sharesPerPage(1, active, 1, 0.75)).toBeCloseTo(sharesPerPage(1, idle, 0, 0.75), 12);
});

test("a page that nobody else has is not given back", () => {
  expect(reclaimedShare(0.4, 1)).toBe(0);
});
