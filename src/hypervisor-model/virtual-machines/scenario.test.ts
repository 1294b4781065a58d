import { describe, expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { resolveNetworks } from "../network/network-config.ts";
import { newDefinition } from "./definition.ts";
import { describeProblem } from "./reasons.ts";
import { networkSettings } from "./scenario-networks.ts";
import { unmet } from "./scenario-player.ts";
import { checkScenario, choicesOf, parseScenario, scenarioDocument } from "./scenario.ts";

/** A file with two machines on two networks, changed in one place. */
const file = (change: object = {}) => ({
  ringside: 1,
  networks: [
    { name: "vmnet8", kind: "nat" },
    { name: "vmnet1", kind: "host-only" },
  ],
  machines: [
    { name: "a", nics: [{ network: "vmnet8" }] },
    { name: "b", nics: [{ network: "vmnet1" }] },
  ],
  ...change,
});
const machines = (machine: object) => file({ machines: [file().machines[0], { name: "b", ...machine }] });
const network = (network: object) => file({ networks: [...file().networks, { name: "vmnet2", ...network }] });
const nat = (settings: object) =>
  file({
    networks: [{ name: "vmnet8", kind: "nat", subnet: "192.168.10.0/24", ...settings }, file().networks[1]],
  });
const steps = (...steps: unknown[]) => file({ steps });
const refusals = (document: unknown) => {
  const checked = checkScenario(document);
  return checked.type === "refused" ? checked.problems.map(describeProblem) : [];
};

describe("a bad file is refused with the path and the reason", () => {
  test.each<[string, unknown, string]>([
    ["no object", [], "expected object, found array"],
    ["no version", { machines: [] }, "ringside: missing"],
    ["a newer version", file({ ringside: 2 }), "ringside: version 2 was written by a newer Ringside"],
    [
      "an unknown field",
      file({ machine: [] }),
      "machine: unknown field (known: ringside, networks, machines",
    ],
    ["no machines", { ringside: 1 }, "machines: missing"],
    ["a network without kind", network({}), "networks[2].kind: missing"],
    ["a network of an unknown kind", network({ kind: "lan" }), 'networks[2].kind: expected "nat"'],
    [
      "a network twice",
      network({ kind: "nat", name: "vmnet8" }),
      'networks[2].name: "vmnet8" is already used',
    ],
    [
      "a bad subnet",
      network({ kind: "nat", subnet: "10.0.0.1/24" }),
      "networks[2].subnet: expected a subnet",
    ],
    [
      "overlapping subnets",
      network({ kind: "nat", subnet: "192.168.0.0/16" }),
      'networks[2].subnet: overlaps the subnet of "vmnet8"',
    ],
    [
      "a bridged network elsewhere",
      network({ kind: "bridged", subnet: "10.0.0.0/24" }),
      "networks[2].subnet: a bridged network always has 10.20.30.0/24",
    ],
    [
      "a gateway on a host-only network",
      network({ kind: "host-only", gateway: "192.168.102.2" }),
      "networks[2].gateway: only a nat network",
    ],
    ["a gateway outside", nat({ gateway: "10.0.0.2" }), "networks[0].gateway: 10.0.0.2 is outside"],
    [
      "a gateway at the host's address",
      nat({ gateway: "192.168.10.1" }),
      "networks[0].gateway: 192.168.10.1 is taken",
    ],
    [
      "a gateway inside the pool",
      nat({ dhcp: { first: "192.168.10.2", last: "192.168.10.9" } }),
      "networks[0].gateway: 192.168.10.2 lies inside",
    ],
    [
      "a pool backwards",
      nat({ dhcp: { first: "192.168.10.9", last: "192.168.10.8" } }),
      "networks[0].dhcp: the range ends",
    ],
    [
      "a pool beyond the subnet",
      nat({ dhcp: { first: "192.168.10.9", last: "192.168.11.8" } }),
      "networks[0].dhcp.last: 192.168.11.8 is outside",
    ],
    [
      "a gateway inside the usual range",
      nat({ gateway: "192.168.10.200" }),
      "networks[0].gateway: 192.168.10.200 lies inside the DHCP range 192.168.10.128 to 192.168.10.254",
    ],
    [
      "one port forwarded twice",
      nat({
        forwards: [
          { protocol: "tcp", port: 80, to: "192.168.10.5:80" },
          { protocol: "tcp", port: 80, to: "192.168.10.6:80" },
        ],
      }),
      'networks[0].forwards[1].port: "tcp 80" is already used',
    ],
    [
      "a lease that is too short",
      nat({ dhcp: { leaseSeconds: 1 } }),
      "networks[0].dhcp.leaseSeconds: expected at least 10, found 1",
    ],
    [
      "a range that is too long",
      nat({ subnet: "10.0.0.0/8", gateway: "10.0.0.2", dhcp: { first: "10.0.1.0", last: "10.9.0.0" } }),
      "networks[0].dhcp: expected at most 65536 entries, found 589569",
    ],
    [
      "more networks than can be",
      file({ networks: Array.from({ length: 101 }, (_, i) => ({ name: `n${i}`, kind: "host-only" })) }),
      "networks: expected at most 100 entries, found 101",
    ],
    [
      "a VLAN that is none",
      machines({ nics: [{ network: "vmnet1", vlan: 4095 }] }),
      "machines[1].nics[0].vlan: expected at most 4094",
    ],
    [
      "a fault on the cable of a device that its network has not",
      steps({ fault: { network: "vmnet8", device: "teacher", lossPercent: 5 } }),
      "steps[0].fault.device: expected gateway or host, found",
    ],
    [
      "a fault that changes nothing of a device's cable",
      steps({ fault: { network: "vmnet8", device: "gateway" } }),
      "steps[0].fault: expected at least one thing to change",
    ],
    [
      "a fault of nothing but its direction",
      steps({ fault: { network: "vmnet8", machine: "a", direction: "in" } }),
      "steps[0].fault: expected at least one thing to change",
    ],
    [
      "a plug that is too loose",
      steps({ fault: { network: "vmnet8", machine: "a", flap: { upMs: 1, downMs: 500 } } }),
      "steps[0].fault.flap.upMs: expected at least 10",
    ],
    [
      "a rogue DHCP server without a range",
      steps({ fault: { network: "vmnet8", rogueDhcp: { address: "192.168.10.66", last: "192.168.10.99" } } }),
      "steps[0].fault.rogueDhcp.first: missing",
    ],
    [
      "a double on a network that is not there",
      steps({ fault: { network: "vmnet9", duplicateAddress: "192.168.10.66" } }),
      'steps[0].fault.network: no network "vmnet9"',
    ],
    ["dhcp as text", nat({ dhcp: "on" }), "networks[0].dhcp: expected object, found string"],
    [
      "a forward to nowhere",
      nat({ forwards: [{ protocol: "tcp", port: 8080, to: "192.168.10.130" }] }),
      "networks[0].forwards[0].to: expected an IPv4 address and port",
    ],
    ["a name twice", machines({ name: "A" }), 'machines[1].name: "A" is already used by machines[0]'],
    ["memory as text", machines({ memoryMiB: "64" }), "machines[1].memoryMiB: expected number, found string"],
    [
      "an unknown engine",
      machines({ engine: "qemu" }),
      'machines[1].engine: expected "v86" or "core", found "qemu"',
    ],
    [
      "an unknown network",
      machines({ nics: [{ network: "vmnet9" }] }),
      'machines[1].nics[0].network: no network "vmnet9"',
    ],
    [
      "an unknown card",
      machines({ nics: [{ network: "vmnet1", model: "e1000" }] }),
      "machines[1].nics[0].model: expected",
    ],
    [
      "a bad MAC",
      machines({ nics: [{ network: "vmnet1", mac: "1" }] }),
      "machines[1].nics[0].mac: expected a unicast MAC",
    ],
    [
      "two media",
      machines({ image: { iso: "a", disk: "b" } }),
      "machines[1].image: expected the name of an image",
    ],
    [
      "an initrd alone",
      machines({ image: { initrd: "a" } }),
      "machines[1].image: expected the name of an image",
    ],
    [
      "three disks",
      machines({ disks: ["x", "y", "z"].map((name) => ({ name, sizeMiB: 1 })) }),
      "machines[1].disks: expected at most 2 entries",
    ],
    [
      "two system disks",
      machines({ disks: ["x", "y"].map((name) => ({ name, role: "system", sizeMiB: 64 })) }),
      "machines[1].disks[1].role: a machine has at most one system disk",
    ],
    ["a step that is no object", steps(5), "steps[0]: expected object, found number"],
    ["a step of no kind", steps({ on: "a" }), "steps[0]: a step has exactly one of"],
    ["a step of two kinds", steps({ on: "a", run: "x", power: "a" }), "steps[0]: a step has exactly one of"],
    [
      "a step with an unknown field",
      steps({ on: "a", run: "x", expects: {} }),
      "steps[0].expects: unknown field",
    ],
    ["a step on nobody", steps({ on: "c", run: "x" }), 'steps[0].on: no machine "c"'],
    [
      "an exit status as text",
      steps({ on: "a", run: "x", expect: { exit: "0" } }),
      "steps[0].expect.exit: expected a number",
    ],
    [
      "an exit status beyond 255",
      steps({ on: "a", run: "x", expect: { exit: 256 } }),
      "steps[0].expect.exit: expected at most",
    ],
    [
      "a bad expression",
      steps({ on: "a", run: "x", expect: { outputMatches: "(" } }),
      "steps[0].expect.outputMatches",
    ],
    ["an unknown power", steps({ power: "a", to: "sleep" }), 'steps[0].to: expected "on" or "off"'],
    [
      "a fault on another network",
      steps({ fault: { network: "vmnet1", machine: "a", linkUp: false } }),
      "steps[0].fault.network",
    ],
    [
      "a fault that changes nothing",
      steps({ fault: { network: "vmnet8", machine: "a" } }),
      "steps[0].fault: expected at least one",
    ],
    [
      "a revert to nothing",
      steps({ revert: "a", to: "clean" }),
      'steps[0].to: machine "a" has no snapshot "clean"',
    ],
    ["a clone with a taken name", steps({ clone: "a", as: "b" }), "steps[0].as: there is already a machine"],
  ])("%s", (_, document, reason) => {
    const found = refusals(document);
    expect(found).toHaveLength(1);
    expect(found[0].slice(0, reason.length)).toBe(reason);
  });

  test("text that is no JSON, with its line and column", () => {
    const checked = parseScenario('{\n  "ringside": 1,\n  oops\n}');
    expect(checked.type === "refused" && checked.problems).toEqual([
      { path: "", reason: { key: "not-json", line: 3, column: 3 } },
    ]);
  });

  test("every problem at once", () => {
    expect(refusals(machines({ memoryMiB: "64", engine: "qemu" }))).toHaveLength(2);
  });
});

describe("what is left out", () => {
  test("has the contract's defaults", () => {
    const checked = checkScenario({ ...file(), steps: [{ on: "a", run: "true" }] });
    expect(checked).toMatchObject({
      type: "ok",
      value: {
        machines: [
          { image: "tiny", engine: "v86", memoryMiB: 64, nics: [{ model: "ne2000" }], disks: [] },
          {},
        ],
        steps: [{ type: "run", timeoutSeconds: 30 }],
      },
    });
  });

  test("follows VMware's rule for addresses", () => {
    expect(networkSettings([{ name: "vmnet8", kind: "nat" }])).toEqual([
      {
        name: "vmnet8",
        kind: "nat",
        subnet: "192.168.10.0/24",
        gateway: "192.168.10.2",
        dhcp: { first: "192.168.10.128", last: "192.168.10.254" },
        forwards: [],
      },
    ]);
  });

  test("is a subnet by the place in the list, whatever the network is called", () => {
    const networks = ["a", "constructor", "__proto__"].map((name) => ({ name, kind: "host-only" as const }));
    const checked = checkScenario({ ringside: 1, networks, machines: [] });
    expect(checked.type).toBe("ok");
    expect(networkSettings(networks).map(({ subnet }) => subnet)).toEqual([
      "192.168.100.0/24",
      "192.168.101.0/24",
      "192.168.102.0/24",
    ]);
  });

  test("is a range of 65536 addresses in a subnet that is larger", () => {
    const [settings] = networkSettings([{ name: "vmnet8", kind: "nat", subnet: "10.0.0.0/8" }]);
    expect(settings.dhcp).toMatchObject({ first: "10.0.0.128", last: "10.1.0.127" });
    expect(resolveNetworks([{ name: "vmnet8", kind: "nat", subnet: "10.0.0.0/8" }])[0].dhcp).toMatchObject({
      first: 0x0a000080,
      last: 0x0a01007f,
    });
  });

  test("is the classroom LAN for a bridged network", () => {
    const [settings] = networkSettings([{ name: "vmnet0", kind: "bridged" }]);
    expect(settings).toMatchObject({ subnet: "10.20.30.0/24", gateway: null });
  });
});

test("a clone can be powered on from its step on, and not before", () => {
  const clone = [
    { snapshot: "a", name: "s" },
    { clone: "a", snapshot: "s", as: "c" },
  ];
  expect(refusals(steps(...clone, { power: "c", to: "on" }))).toEqual([]);
  expect(refusals(steps({ power: "c", to: "on" }, ...clone))).toEqual(['steps[0].power: no machine "c"']);
});

test("a snapshot of an earlier run can be reverted to, and a clone cannot take a stored machine's name", () => {
  const document = steps({ revert: "a", to: "old" }, { clone: "a", as: "c" });
  const problems = (stored: Map<string, string[]>) => {
    const checked = checkScenario(document, stored);
    return checked.type === "refused" ? checked.problems.map(({ path }) => path) : [];
  };
  expect(problems(new Map([["a", ["old"]]]))).toEqual([]);
  expect(
    problems(
      new Map([
        ["a", []],
        ["c", []],
      ]),
    ),
  ).toEqual(["steps[0].to", "steps[1].as"]);
});

test("a clone's addresses are its own, and no more than the original has network cards", () => {
  const mac = "00:0c:29:2d:2e:6b";
  const document = {
    ...file(),
    machines: [{ name: "a", nics: [{ network: "vmnet8", mac }] }],
    steps: [{ clone: "a", as: "c", macs: [mac, "00:0c:29:00:00:01"] }],
  };
  const checked = checkScenario(document);
  expect(checked.type === "refused" && checked.problems.map(({ path }) => path)).toEqual([
    "steps[0].macs[0]",
    "steps[0].macs",
  ]);
});

test("a machine that is exported and imported again is the same", () => {
  const definition = newDefinition({ name: "web", memoryMiB: 48 }, new Random(3), 0, { names: [], macs: [] });
  const document = scenarioDocument([{ name: "vmnet8", kind: "nat" }], [definition]);
  const checked = checkScenario(JSON.parse(JSON.stringify(document)));
  if (checked.type === "refused") throw new Error(checked.problems.map(describeProblem).join("; "));
  const again = newDefinition(choicesOf(checked.value.machines[0]), new Random(3), 0, {
    names: [],
    macs: [],
  });
  expect(scenarioDocument([], [again])).toEqual(scenarioDocument([], [definition]));
});

test.each([
  [{ exit: 0 }, 0, "", undefined],
  [{ exit: 0 }, 3, "", "exit status 3, expected 0"],
  [{ exit: "nonzero" as const }, 0, "", "exit status 0, expected another"],
  [{ exit: "nonzero" as const }, 2, "", undefined],
  [{ output: "4 packets" }, 0, "3 packets", 'the output does not contain "4 packets"'],
  [{ outputMatches: "^[34] p" }, 0, "3 packets", undefined],
  [{ outputMatches: "x$" }, 0, "x\ny", "the output does not match /x$/"],
  [undefined, 9, "", undefined],
])("expecting %j of status %i and output %j: %s", (expected, exit, output, answer) => {
  expect(unmet(expected, exit, output)).toBe(answer);
});
