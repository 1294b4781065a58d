import { expect, test } from "vitest";
import { hashOf, parseRoute } from "./route.ts";

test("The address of a workspace names each of its parts", () => {
  expect(parseRoute("#/network/vmnet8/capture")).toEqual({
    type: "workspace",
    name: "network",
    rest: ["vmnet8", "capture"],
  });
});
test("A part with a slash comes back as it was", () => {
  const at = { type: "workspace", name: "network", rest: ["web-1/ens33", "重庆 %"] } as const;
  expect(parseRoute(hashOf(at))).toEqual(at);
});
test("An address with a broken percent sign leads nowhere", () => {
  expect(parseRoute("#/network/%E4%")).toEqual({ type: "unknown" });
});
test("A machine that is named by no id leads nowhere", () => {
  expect(parseRoute("#/machine/../x")).toEqual({ type: "unknown" });
});
test("A link to a lab may have settings and no slash", () => {
  expect(parseRoute("#lab/L15?lang=zh-CN&seed=5")).toEqual({ type: "workspace", name: "lab", rest: ["L15"] });
});
test.each(["", "#", "#/", "#/home", "#home", "#/?lang=en"])("%j is Home", (hash) => {
  expect(parseRoute(hash)).toEqual({ type: "home" });
});
