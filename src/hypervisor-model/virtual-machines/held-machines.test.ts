import { expect, it } from "vitest";
import { HeldMachines } from "./held-machines.ts";
import type { RunningStatus } from "./running-machine-types.ts";

function fake(type: "running" | "paused") {
  const machine = {
    status: { type } as RunningStatus,
    pause: () => Promise.resolve(void (machine.status = { type: "paused" })),
    run: () => Promise.resolve(void (machine.status = { type: "running" })),
  };
  return machine;
}

it("pauses machines and lets them run on", async () => {
  const web = fake("running");
  const held = new HeldMachines(() => web);
  await held.set(["web"], false);
  expect(web.status.type).toBe("paused");
  await held.set(["web"], true);
  expect(web.status.type).toBe("running");
});

it("leaves a machine paused that its user has paused", async () => {
  const web = fake("paused");
  const held = new HeldMachines(() => web);
  await held.set(["web"], false);
  await held.set(["web"], true);
  expect(web.status.type).toBe("paused");
});
