import { expect, test } from "vitest";
import { checkStep, halfWidth } from "./check-engine.ts";
import type { Check } from "./lab.ts";
import type { LabWorld } from "./lab-world.ts";

function worldWith(output: string, exit = 0): LabWorld {
  return {
    machines: () => [],
    power: () => "off",
    run: async () => ({ exit, output }),
    networks: () => [{ name: "vmnet8", kind: "nat", subnet: "192.168.10.0/24", gateway: "192.168.10.2" }],
    frames: async () => [],
    snapshots: async () => ({ roots: [], current: null, isTemplate: false }),
    parentOf: async () => undefined,
  };
}

async function holds(check: Record<string, unknown>, world: LabWorld): Promise<boolean> {
  const step = {
    id: "s",
    choices: [],
    answer: undefined,
    checks: [{ id: "c", not: false, ...check } as Check],
  };
  return (await checkStep(step, world, new Map()))[0].ok;
}

const file = (settings: Record<string, string>) => ({ type: "file", file: "/f", on: "a", settings }) as const;

test.each([
  ['ONBOOT="yes"', true],
  ["ONBOOT=yes", true],
  ["ONBOOT='yes'", true],
  ["ONBOOT=no\nONBOOT=yes", true],
  ["ONBOOT=yes\nONBOOT=no", false],
  ["#ONBOOT=yes", false],
  ["ONBOOT=yesterday", false],
])("the setting %j is read as a shell reads it", async (text, expected) => {
  expect(await holds(file({ ONBOOT: "yes" }), worldWith(text))).toBe(expected);
});

test("a file that is not there has no settings", async () => {
  expect(await holds(file({ ONBOOT: "yes" }), worldWith("ONBOOT=yes", 1))).toBe(false);
});

test("a guest that cannot be asked fails a negative check too", async () => {
  const world = worldWith("");
  world.run = () => Promise.reject(new Error("a is not running"));
  const check = { type: "guest", guest: "a", run: "true" } as const;
  expect(await holds(check, world)).toBe(false);
  expect(await holds({ ...check, not: true }, world)).toBe(false);
});

test("a negative check holds where the positive one does not", async () => {
  const check = { type: "guest", guest: "a", run: "x", matches: "secret" } as const;
  expect(await holds({ ...check, not: true }, worldWith("nothing"))).toBe(true);
  expect(await holds({ ...check, not: true }, worldWith("the secret"))).toBe(false);
});

test("full-width characters count as half-width ones", async () => {
  expect(halfWidth("ＯＮ：１２．")).toBe("ON:12.");
  expect(
    await holds({ type: "guest", guest: "a", run: "x", matches: "^VT-x:1$" }, worldWith("ＶＴ－ｘ：１")),
  ).toBe(true);
});

test("a network's settings are compared one by one", async () => {
  const check = { type: "network", network: "vmnet8", subnet: "192.168.10.0/24" } as const;
  expect(await holds({ ...check, gateway: "192.168.10.2" }, worldWith(""))).toBe(true);
  expect(await holds({ ...check, gateway: "192.168.10.1" }, worldWith(""))).toBe(false);
});
