import { expect, test } from "vitest";
import { hostBudget, MACHINE_LIMIT, startRefusal } from "./host-resources.ts";

const guestsOf = (memoryMiB: number, memoryGiB?: number) => {
  const running: number[] = [];
  while (startRefusal(hostBudget({ memoryGiB }, running), memoryMiB) === undefined) running.push(memoryMiB);
  return running.length;
};

test.each([
  [2, 64, 2],
  [4, 64, 4],
  [8, 64, 9],
  [8, 512, 1],
  [2, 512, 0],
])("a computer with %i GiB carries of guests with %i MiB: %i", (memoryGiB, memoryMiB, count) => {
  expect(guestsOf(memoryMiB, memoryGiB)).toBe(count);
});

test("a browser that does not tell its memory is taken for 4 GiB", () => {
  expect(guestsOf(64, undefined)).toBe(guestsOf(64, 4));
});

test("the refusal says what is needed and what is free", () => {
  expect(startRefusal(hostBudget({ memoryGiB: 2 }, [64, 64]), 64)).toEqual({
    key: "memory-budget",
    neededMiB: 112,
    freeMiB: 32,
    budgetMiB: 256,
  });
});

test("a budget set by the user counts instead of the computer's share", () => {
  expect(startRefusal(hostBudget({ memoryGiB: 2 }, [], 2000), 1024)).toBeUndefined();
});

test("there is a limit to the number of machines, however small", () => {
  const budget = hostBudget({}, Array<number>(MACHINE_LIMIT).fill(4), 1e6);
  expect(startRefusal(budget, 4)).toEqual({
    key: "too-many-machines",
    running: MACHINE_LIMIT,
    limit: MACHINE_LIMIT,
  });
});
