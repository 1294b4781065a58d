import { expect, test } from "vitest";
import { compareOn } from "./comparison.ts";

test("an exit is one click from the instruction of the kernel's source that caused it", () => {
  const { events } = compareOn("svm-nested", "port-input");
  const inputs = events.filter(({ source }) => source?.text === "in al, 0x80");
  expect(inputs).toHaveLength(3);
  expect(inputs[0]).toMatchObject({
    type: "exit",
    reason: "IOIO",
    level: 0,
    source: { label: "run_port_input" },
  });
});

test("a system call's trap names the process's INT, under its own label", () => {
  const { events } = compareOn("trap-and-emulate", "system-call");
  const trap = events.find(({ reason }) => reason === "INT 80h");
  expect(trap).toMatchObject({ level: 3, source: { label: "user_system_call", text: "int 0x80" } });
});

test("transitions are traps, exits, hypercalls, callouts and switches, not what follows from them", () => {
  expect(compareOn("paravirtual", "file-read").transitions).toBe(6);
  expect(compareOn("svm-nested", "file-read").transitions).toBe(129);
});

test("an exit has the VMCB's fields before and after", () => {
  const { events } = compareOn("svm-nested", "port-input");
  const [, second] = events.filter(({ source }) => source?.text === "in al, 0x80");
  const change = (field: string) => second.vmcb?.find((one) => one.field === field);
  // The IN is two bytes long; EXITINFO1 is that of the IN before.
  expect(change("RIP")).toEqual({ field: "RIP", before: second.eip + 2, after: second.eip });
  expect(change("EXITINFO1")).toBeUndefined();
});

test("world switches cost what was published for a round trip, times the exits that were counted", () => {
  const { switchCosts } = compareOn("svm-nested", "file-read");
  expect(switchCosts).toContainEqual({ processor: "sandybridge (1Q2011)", cycles: 129 * 784 });
  expect(compareOn("paravirtual", "file-read").switchCosts).toEqual([]);
});
