import { expect, test } from "vitest";
import { Draft } from "./draft.ts";
import { signal } from "./signals.ts";

function draftOf(text: string) {
  const stored = signal({ text });
  return { stored, draft: new Draft(stored, () => stored.get().text) };
}

test("A draft without changes follows what another tab has stored", () => {
  const { stored, draft } = draftOf("old");
  stored.set({ text: "theirs" });
  draft.follow();
  expect([draft.value, draft.changed, draft.overtaken]).toEqual(["theirs", false, false]);
});
test("A draft with changes keeps them, and knows that it is overtaken", () => {
  const { stored, draft } = draftOf("old");
  draft.set("mine");
  expect(draft.overtaken).toBe(false);
  stored.set({ text: "theirs" });
  draft.follow();
  expect([draft.value, draft.overtaken]).toEqual(["mine", true]);
  draft.reset();
  expect([draft.value, draft.overtaken]).toEqual(["theirs", false]);
});
test("What it has stored itself does not overtake it", async () => {
  const { stored, draft } = draftOf("old");
  draft.set("mine");
  expect(await draft.save(async (text) => stored.set({ text }))).toBe(true);
  expect([draft.changed, draft.overtaken]).toEqual([false, false]);
});
test("A draft that could not be stored stays, with the reason", async () => {
  const { draft } = draftOf("old");
  draft.set("mine");
  expect(await draft.save(() => Promise.reject(new Error("full")))).toBe(false);
  expect([draft.value, draft.changed, `${draft.failure}`]).toEqual(["mine", true, "Error: full"]);
});
