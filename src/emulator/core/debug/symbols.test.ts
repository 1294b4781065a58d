/** Names of addresses, from a map as nm writes it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { parseSystemMap, Symbols } from "./symbols.ts";

const MAP = `
00000010 A per_cpu_offset
c0100000 T _stext
c0100000 T startup_32
c0100040 t helper.cold
c0100050 d data
no line of a map
c01000 T short
`;

test("a name belongs to its address, and to what follows up to the next", () => {
  const symbols = parseSystemMap(MAP);
  expect(symbols.size).toBe(3);
  expect(symbols.get(0xc0100000)).toBe("_stext");
  expect(symbols.get(0xc0100001)).toBeUndefined();
  expect(symbols.near(0xc010003f)).toBe("_stext+3f");
  expect(symbols.near(0xc0100040)).toBe("helper.cold");
  expect(symbols.near(0xc00fffff)).toBeUndefined();
  expect(symbols.near(0xd0000000)).toBeUndefined();
  expect(symbols.find("data")).toBe(0xc0100050);
  expect(symbols.find("nothing")).toBeUndefined();
});

test("without names nothing has one", () => {
  expect([Symbols.none.near(5), Symbols.none.get(5), Symbols.none.find("x")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("the map of Tiny Linux names the functions of its kernel", () => {
  const file = join(import.meta.dirname, "../../../../images/tiny/System.map.gz");
  const symbols = parseSystemMap(gunzipSync(readFileSync(file)).toString());
  expect(symbols.size).toBeGreaterThan(20_000);
  for (const name of ["schedule", "do_sys_openat2", "default_idle", "asm_exc_page_fault"]) {
    expect(symbols.find(name), name).toBeGreaterThan(0xc0000000);
  }
});
