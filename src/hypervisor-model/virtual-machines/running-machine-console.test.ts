import { expect, test } from "vitest";
import { ByteRing, PanicWatch } from "./running-machine-console.ts";
import { hostName } from "./running-machine.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (ring: ByteRing) => new TextDecoder().decode(ring.read());

test("the ring keeps the last bytes in order", () => {
  const ring = new ByteRing(5);
  ring.push(bytes("abc"));
  expect(text(ring)).toBe("abc");
  ring.push(bytes("de"));
  expect(text(ring)).toBe("abcde");
  ring.push(bytes("fg"));
  expect(text(ring)).toBe("cdefg");
  ring.push(bytes("0123456789"));
  expect(text(ring)).toBe("56789");
});

test("a kernel's panic is found across pieces, and only at the start of a line", () => {
  const found: string[] = [];
  const watch = new PanicWatch((line) => found.push(line));
  watch.push(bytes("echo Kernel panic - not syncing: no\r\n[    1.166"));
  watch.push(bytes("911] Kernel panic - not syncing: sysrq triggered crash\r\n"));
  expect(found).toEqual(["Kernel panic - not syncing: sysrq triggered crash"]);
});

test.each([
  ["Web Server 1", "web-server-1"],
  ["虚拟机", "linux"],
  ["--a--", "a"],
  ["x".repeat(80), "x".repeat(63)],
])("the machine %s is called %s in its guest", (name, expected) => {
  expect(hostName(name)).toBe(expected);
});
