import { describe, expect, test } from "vitest";
import {
  LIFECYCLE,
  MACHINE_ACTIONS,
  MACHINE_STATES,
  nextState,
  refusal,
  type MachineAction,
  type MachineEvent,
  type MachineState,
} from "./lifecycle.ts";
import { describeReason } from "./reasons.ts";

describe("the lifecycle table", () => {
  test("has a row for each state and in it an answer for each action", () => {
    expect(MACHINE_STATES).toHaveLength(9);
    for (const state of MACHINE_STATES) {
      expect(Object.keys(LIFECYCLE[state].may).sort(), state).toEqual([...MACHINE_ACTIONS].sort());
    }
  });

  test("leads only to states that exist, and to each of them", () => {
    const targets = new Set(MACHINE_STATES.flatMap((state) => Object.values(LIFECYCLE[state].on)));
    expect([...targets].sort()).toEqual([...MACHINE_STATES].sort());
  });

  test("leads from each state back to off", () => {
    for (const start of MACHINE_STATES) {
      const reached = new Set<MachineState>([start]);
      for (const state of reached) for (const next of Object.values(LIFECYCLE[state].on)) reached.add(next);
      expect(reached.has("off"), start).toBe(true);
    }
  });

  const begins: [MachineAction, MachineEvent[]][] = [
    ["power-on", ["start"]],
    ["boot-cold", ["start"]],
    ["shut-down", ["stop"]],
    ["power-off", ["stop", "discard"]],
    ["reset", ["reset"]],
    ["suspend", ["suspend"]],
    ["resume", ["resume"]],
    ["pause", ["pause"]],
    ["continue", ["continue"]],
  ];
  test.each(begins)("allows %s only where its event leads somewhere", (action, events) => {
    for (const state of MACHINE_STATES) {
      if (refusal(state, action) !== undefined) continue;
      expect(
        events.some((event) => nextState(state, event) !== undefined),
        state,
      ).toBe(true);
    }
  });

  test("lets only machines that are off be edited", () => {
    expect(MACHINE_STATES.filter((state) => refusal(state, "edit-hardware") === undefined)).toEqual(["off"]);
  });

  test("can always pull the plug, except where there is no power", () => {
    expect(MACHINE_STATES.filter((state) => refusal(state, "power-off") !== undefined)).toEqual(["off"]);
  });

  test("has a sentence for each refusal", () => {
    for (const state of MACHINE_STATES) {
      for (const action of MACHINE_ACTIONS) {
        const reason = refusal(state, action);
        if (reason !== undefined) expect(describeReason(reason)).toMatch(/^[a-z].{8,}$/);
      }
    }
  });

  test("names what a busy machine is doing", () => {
    expect(refusal("suspending", "reset")).toEqual({ key: "busy", state: "suspending" });
  });
});

describe("a machine's life", () => {
  test.each<[string, MachineEvent[], MachineState]>([
    ["start and pull the plug", ["start", "started", "stop", "stopped"], "off"],
    ["the guest shuts itself down", ["start", "started", "halted"], "off"],
    ["suspend and resume", ["start", "started", "suspend", "suspend-done", "resume", "resumed"], "running"],
    ["throw the suspended state away", ["start", "started", "suspend", "suspend-done", "discard"], "off"],
    ["a suspend that fails leaves it running", ["start", "started", "suspend", "suspend-failed"], "running"],
    ["a saved state that does not fit is kept", ["resume", "resume-failed"], "suspended"],
    ["the Worker dies", ["start", "started", "crashed"], "crashed"],
    ["reset after a crash", ["start", "started", "crashed", "reset", "started"], "running"],
  ])("%s", (_, events, end) => {
    let state: MachineState = "off";
    for (const event of events) {
      const next = nextState(state, event);
      expect(next, `${event} in ${state}`).toBeDefined();
      state = next!;
    }
    expect(state).toBe(end);
  });

  test("a late report means nothing to a machine that is off", () => {
    for (const event of ["started", "halted", "crashed", "stopped"] as const) {
      expect(nextState("off", event)).toBeUndefined();
    }
  });
});
