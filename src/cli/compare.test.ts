import { afterEach, expect, test, vi } from "vitest";
import { compare } from "./compare.ts";

afterEach(() => vi.restoreAllMocks());

async function output(...argv: string[]): Promise<string> {
  let text = "";
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  expect(await compare(argv)).toBe(0);
  return text;
}

test("a workload on two architectures is a line each, with its counts", async () => {
  const text = await output("file-read", "--on", "svm-nested", "--on", "container");
  expect(text.split("\n")).toEqual([
    "file-read",
    expect.stringMatching(/^ {2}svm-nested +\d+ instructions {2}device disk 129, exit IOIO 129$/),
    expect.stringMatching(/^ {2}container +\d+ instructions {2}device disk 129, kernel-entry vector 80h 1$/),
    "",
  ]);
});

test("--events lists each event with ring, address and reason, and how the run ended", async () => {
  const text = await output("port-input", "--on", "svm-nested", "--iterations", "2", "--events");
  const lines = text.trimEnd().split("\n");
  expect(lines.at(-1)).toBe("ended: finished");
  expect(lines.filter((line) => /ring 0 {2}[0-9A-F]{8} {2}exit +IOIO$/.test(line))).toHaveLength(24);
});

test("--sensitive has a line for each of the eighteen instructions", async () => {
  const lines = (await output("--sensitive")).trimEnd().split("\n");
  expect(lines).toHaveLength(18);
  expect(lines[5]).toMatch(/^POPF +0h +\S+h {2}no trap/);
});

test.each([
  [["nothing"], 'no workload "nothing"'],
  [["boot", "--on", "vax"], 'no architecture "vax"'],
  [["boot", "--iterations", "0"], "expected 1 to 200"],
  [["boot", "--events"], "--events needs"],
])("%j is refused", async (argv, message) => {
  await expect(compare(argv)).rejects.toThrow(message);
});
