/** The core against the machine contract. */
import { expect, test } from "vitest";
import { bench, describeMachine, until } from "../contract/machine-contract.ts";
import { Code } from "../contract/rom.ts";
import type { TripleFault } from "../triple-fault.ts";
import { CoreMachine } from "./core-machine.ts";

describeMachine("the core", (options) => CoreMachine.create(options));

test("a triple fault resets the machine as a PC does, and what it came from is told", async () => {
  // lidt [0] with a limit of 0, then int3: no vector, no double fault vector.
  const code = new Code()
    .print("x")
    .raw(0xc7, 0x06, 0x00, 0x06, 0x00, 0x00, 0x0f, 0x01, 0x1e, 0x00, 0x06, 0xcc);
  const faults: (TripleFault | undefined)[] = [];
  const { machine, output } = await bench((options) => CoreMachine.create(options), code, {
    events: { reset: (fault) => faults.push(fault) },
  });
  await machine.run();
  await until(() => faults.length >= 2);
  await machine.pause();
  expect(output()).toMatch(/^xx/);
  expect(faults[0]?.faults.map(({ vector }) => vector)).toEqual([13, 13, 8, 13]);
  await machine.reset();
  expect(faults.at(-1)).toBeUndefined();
  await machine.destroy();
});
