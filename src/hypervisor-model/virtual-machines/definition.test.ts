import { describe, expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import {
  duplicateOf,
  freeName,
  hardwareOf,
  isNicAddress,
  nameRefusal,
  newDefinition,
  newMac,
  parseDefinition,
  type MachineDefinition,
} from "./definition.ts";

const nothingTaken = { names: [], macs: [] };
const machine = (): MachineDefinition => newDefinition({ name: "web" }, new Random(1), 1000, nothingTaken);
const change = (patch: object) => ({ ...machine(), ...patch });
const nic = () => machine().nics[0];
const disk = () => machine().disks[0];

describe("a new machine", () => {
  test("has VMware's typical values and can be read back", () => {
    const definition = machine();
    expect(definition).toMatchObject({
      version: 1,
      name: "web",
      image: { type: "library", name: "tiny" },
      engine: "v86",
      memoryMiB: 64,
      nics: [{ network: "vmnet8", model: "ne2000", connected: true }],
      disks: [{ name: "system", role: "system", sizeMiB: 64 }],
      cdrom: { medium: null },
      floppy: null,
      createdAt: 1000,
    });
    expect(parseDefinition(JSON.parse(JSON.stringify(definition)))).toEqual({
      type: "ok",
      value: definition,
    });
  });

  test("started from the user's own disk image gets no second disk", () => {
    const image = { type: "disk", medium: { type: "file", path: "x.img" } } as const;
    expect(newDefinition({ image }, new Random(1), 0, nothingTaken).disks).toEqual([]);
  });

  test("is the same again from the same seed", () => {
    expect(machine()).toEqual(machine());
  });

  test("takes a free name when none is given", () => {
    const taken = { names: ["Linux", "linux (2)"], macs: [] };
    expect(newDefinition({}, new Random(1), 0, taken).name).toBe("Linux (3)");
  });
});

describe("a document is refused with the path and the reason", () => {
  test.each<[string, unknown, string, string]>([
    ["no object", 5, "", "wrong-type"],
    ["an array", [], "", "wrong-type"],
    ["no version", change({ version: undefined }), "version", "not-one-of"],
    ["version 0", change({ version: 0 }), "version", "not-one-of"],
    ["a newer version", { version: 2, anything: 1 }, "version", "newer-version"],
    ["an unknown field", change({ cores: 2 }), "cores", "unknown-field"],
    ["a bad id", change({ id: "web" }), "id", "bad-value"],
    ["an empty name", change({ name: "" }), "name", "bad-value"],
    ["a name with a line end", change({ name: "a\nb" }), "name", "bad-value"],
    ["an unknown engine", change({ engine: "qemu" }), "engine", "not-one-of"],
    ["memory as text", change({ memoryMiB: "64" }), "memoryMiB", "wrong-type"],
    ["half a mebibyte", change({ memoryMiB: 64.5 }), "memoryMiB", "not-an-integer"],
    ["too little memory", change({ memoryMiB: 1 }), "memoryMiB", "too-small"],
    ["too much memory", change({ memoryMiB: 4096 }), "memoryMiB", "too-large"],
    ["an unknown image type", change({ image: { type: "ova" } }), "image.type", "not-one-of"],
    ["an image without its name", change({ image: { type: "library" } }), "image.name", "missing-field"],
    ["a network card as array", change({ nics: [[]] }), "nics[0]", "wrong-type"],
    ["a bad MAC", change({ nics: [{ ...nic(), mac: "00:0c:29" }] }), "nics[0].mac", "bad-value"],
    [
      "a multicast MAC",
      change({ nics: [{ ...nic(), mac: "01:00:5e:00:00:01" }] }),
      "nics[0].mac",
      "bad-value",
    ],
    ["the same MAC twice", change({ nics: [nic(), nic()] }), "nics[1].mac", "duplicate"],
    ["three network cards", change({ nics: Array(3).fill(nic()) }), "nics", "too-many"],
    ["three disks", change({ disks: Array(3).fill(disk()) }), "disks", "too-many"],
    ["two system disks", change({ disks: [disk(), disk()] }), "disks[1].role", "two-system-disks"],
    [
      "two disks beside its image's own",
      change({
        image: { type: "disk", medium: { type: "file", path: "x" } },
        disks: [disk(), { ...disk(), role: undefined }],
      }),
      "disks",
      "too-many-disks",
    ],
    ["a boot device twice", change({ bootOrder: ["disk", "disk"] }), "bootOrder", "bad-value"],
  ])("%s", (_, document, path, key) => {
    const checked = parseDefinition(document);
    expect(checked.type === "refused" && checked.problems.map((p) => [p.path, p.reason.key])).toEqual([
      [path, key],
    ]);
  });
});

describe("names", () => {
  test.each([
    ["web", [], undefined],
    ["  ", [], "name-empty"],
    ["x".repeat(81), [], "name-too-long"],
    ["a\tb", [], "name-characters"],
    ["Web", ["web"], "name-taken"],
    ["网站", ["网站"], "name-taken"],
  ])("%j beside %j: %s", (name, taken, key) => {
    expect(nameRefusal(name, taken)?.key).toBe(key);
  });

  test("a copy of a copy counts on instead of growing", () => {
    expect(freeName("web (2)", ["web", "web (2)"])).toBe("web (3)");
  });

  test("a free name is found even for a name that could never be used", () => {
    expect(freeName("\n", [])).toBe("Linux");
  });
});

describe("addresses", () => {
  test("begin with VMware's prefix and never repeat within the library", () => {
    const random = new Random(7);
    const taken = new Set<string>();
    for (let i = 0; i < 2000; i++) {
      expect(newMac(random, taken)).toMatch(/^00:0c:29(:[0-9a-f]{2}){3}$/);
    }
    expect(taken.size).toBe(2000);
  });

  test("an address that is taken is passed over", () => {
    const first = newMac(new Random(7), new Set());
    expect(newMac(new Random(7), new Set([first]))).not.toBe(first);
  });

  test.each([
    ["00:0c:29:2d:2e:6b", true],
    ["00:00:00:00:00:00", false],
    ["ff:ff:ff:ff:ff:ff", false],
    ["00-0c-29-2d-2e-6b", false],
  ])("%s can belong to a network card: %s", (mac, answer) => {
    expect(isNicAddress(mac)).toBe(answer);
  });
});

test("a duplicate has its own id, name, seed, addresses and disks, and the same shape", () => {
  const original = machine();
  const copy = duplicateOf(original, new Random(2), 2000, { names: ["web"], macs: [original.nics[0].mac] });
  expect(copy.name).toBe("web (2)");
  expect(copy.createdAt).toBe(2000);
  for (const differs of [
    (d: MachineDefinition) => d.id,
    (d: MachineDefinition) => d.seed,
    (d: MachineDefinition) => d.nics[0].mac,
    (d: MachineDefinition) => d.disks[0].id,
  ]) {
    expect(differs(copy)).not.toBe(differs(original));
  }
  expect({ ...hardwareOf(copy), nics: [] }).toEqual({ ...hardwareOf(original), nics: [] });
  expect(parseDefinition(copy).type).toBe("ok");
});

test("a CD image puts a drive into a machine that has none", () => {
  const image = { type: "iso", medium: { type: "file", path: "a.iso" } } as const;
  const definition = newDefinition({ image, cdrom: null }, new Random(1), 0, nothingTaken);
  expect(hardwareOf(definition)).toMatchObject({ hasCdrom: true, hasFloppy: false });
});
