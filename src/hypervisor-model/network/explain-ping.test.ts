import { expect, it } from "vitest";
import { DEFAULT_ZONE } from "./default-zone.ts";
import { explainPing } from "./explain-ping.ts";
import { simulatedState, type GuestState, type LaboratoryState } from "./laboratory-state.ts";
import type { PingSource } from "./ping-step.ts";
import { Fabric } from "./fabric.ts";
import { NO_FAULTS, type LinkFaults } from "./link.ts";
import { DEFAULT_NETWORKS, resolveNetworks } from "./network-config.ts";

function guest(name: string, network: string, cidr: string, gateway?: string): GuestState {
  return {
    name,
    interfaces: [
      { name: "ens33", network, port: `${network}/${name}:ens33`, cable: true, up: true, addresses: [cidr] },
    ],
    routes: gateway === undefined ? [] : [{ to: "default", via: gateway, device: "ens33" }],
    nameServers: ["119.29.29.29"],
    forwards: false,
  };
}

/** web and db on vmnet8, inner on vmnet1, router between the two, desk in the classroom. */
function laboratory() {
  const web = guest("web", "vmnet8", "192.168.10.130/24", "192.168.10.2");
  const db = guest("db", "vmnet8", "192.168.10.131/24", "192.168.10.2");
  const inner = guest("inner", "vmnet1", "192.168.56.20/24", "192.168.56.3");
  const router = guest("router", "vmnet8", "192.168.10.3/24");
  router.interfaces.push({
    name: "ens34",
    network: "vmnet1",
    port: "vmnet1/router:ens34",
    cable: true,
    up: true,
    addresses: ["192.168.56.3/24"],
  });
  router.forwards = true;
  const desk = guest("desk", "vmnet0", "10.20.30.50/24", "10.20.30.1");
  const fabric = new Fabric({
    networks: DEFAULT_NETWORKS,
    zone: DEFAULT_ZONE,
    seed: 1,
    now: 0,
    startTime: 0,
  });
  const guests = [web, db, inner, router, desk];
  const ports = new Map(
    guests
      .flatMap(({ interfaces }) => interfaces)
      .map(({ network, port }) => [port, fabric.attach(network, port.split("/")[1], () => {})]),
  );
  return {
    web,
    db,
    inner,
    router,
    desk,
    fabric,
    port: (name: string) => ports.get(name)!,
    get state(): LaboratoryState {
      const statuses = DEFAULT_NETWORKS.map(({ name }) => fabric.status(name));
      return {
        guests,
        networks: resolveNetworks(DEFAULT_NETWORKS),
        zone: DEFAULT_ZONE,
        ...simulatedState(statuses),
      };
    },
  };
}

const explain = (state: LaboratoryState, from: string, target: string) =>
  explainPing(state, { type: "guest", name: from }, target);

function last(state: LaboratoryState, from: string, target: string) {
  return explain(state, from, target).at(-1);
}

it("a ping that should work ends with the one who answers", () => {
  const { state } = laboratory();
  expect(last(state, "web", "192.168.10.2")).toMatchObject({ ok: true, type: "answers" });
  expect(last(state, "web", "110.242.68.4")).toMatchObject({ ok: true, device: "www.a.shifen.com" });
  expect(explain(state, "web", "www.baidu.com").map(({ type }) => type)).toEqual([
    "name-resolved",
    "by-gateway",
    "translated",
    "answers",
  ]);
  expect(last(state, "web", "10.20.30.50")).toMatchObject({ ok: true, device: "desk" });
});

type Laboratory = ReturnType<typeof laboratory>;
const causes: [string, string, object, (lab: Laboratory) => void][] = [
  [
    "an interface that is down",
    "192.168.10.2",
    { device: "web", type: "interface-down" },
    ({ web }) => (web.interfaces[0].up = false),
  ],
  [
    "no address",
    "192.168.10.2",
    { device: "web", type: "no-address" },
    ({ web }) => (web.interfaces[0].addresses = []),
  ],
  [
    "a cable that is out",
    "192.168.10.2",
    { device: "web", type: "cable-out" },
    ({ web }) => (web.interfaces[0].cable = false),
  ],
  ["no gateway", "110.242.68.4", { device: "web", type: "no-route" }, ({ web }) => (web.routes = [])],
  [
    "a wrong gateway",
    "110.242.68.4",
    { device: "web", type: "arp-unanswered", address: "192.168.10.9" },
    ({ web }) => (web.routes[0].via = "192.168.10.9"),
  ],
  [
    "a gateway outside the subnet",
    "110.242.68.4",
    { type: "gateway-not-in-subnet" },
    ({ web }) => (web.routes[0].via = "192.168.11.2"),
  ],
  [
    "a prefix that is too long",
    "192.168.10.2",
    { device: "web", type: "no-route" },
    ({ web }) => {
      web.interfaces[0].addresses = ["192.168.10.130/28"];
      web.routes = [];
    },
  ],
  [
    "a prefix too short on the way back",
    "192.168.10.131",
    { device: "db", type: "no-route" },
    ({ db }) => {
      db.interfaces[0].addresses = ["192.168.10.131/32"];
      db.routes = [];
    },
  ],
  [
    "the other network",
    "192.168.10.131",
    { type: "other-network", owner: "db", on: "vmnet1" },
    ({ db }) => (db.interfaces[0].network = "vmnet1"),
  ],
  [
    "two owners of an address",
    "192.168.10.131",
    { type: "duplicate-address", owners: "db, router" },
    ({ router }) => router.interfaces[0].addresses.push("192.168.10.131/24"),
  ],
  ["no name server", "www.baidu.com", { type: "no-name-server" }, ({ web }) => (web.nameServers = [])],
  [
    "a name server that is not there",
    "www.baidu.com",
    { type: "name-server-unreachable" },
    ({ web }) => (web.nameServers = ["192.168.10.77"]),
  ],
  ["a name nobody has", "none.test", { type: "unknown-name" }, () => {}],
  ["an address nobody has on the Internet", "8.8.8.8", { type: "unknown-host" }, () => {}],
  [
    "a firewall",
    "192.168.10.131",
    { device: "db", type: "ping-ignored" },
    ({ db }) => (db.ignoresPing = true),
  ],
  [
    "a device that the fabric put on its own address",
    "192.168.10.2",
    { device: "web", type: "duplicate-own", owners: "double, web" },
    ({ fabric }) =>
      fabric.addTroublemaker("vmnet8", { type: "duplicate-address", address: "192.168.10.130" }, 0),
  ],
  [
    "a device that has the destination's address, and that it is whom ARP believes",
    "192.168.10.131",
    { device: "web", type: "duplicate-address", owners: "double, db", believed: "double" },
    ({ fabric, web }) => {
      fabric.addTroublemaker("vmnet8", { type: "duplicate-address", address: "192.168.10.131" }, 0);
      const mac = fabric.status("vmnet8").devices.find(({ name }) => name === "double")!.mac;
      web.neighbours = [{ address: "192.168.10.131", mac }];
    },
  ],
  [
    "the gateway that a rogue DHCP server has named",
    "110.242.68.4",
    { device: "rogue-dhcp", type: "rogue-gateway" },
    ({ fabric, web }) => {
      const own = { address: "192.168.10.5", first: "192.168.10.60", last: "192.168.10.90" };
      fabric.addTroublemaker("vmnet8", { type: "rogue-dhcp", ...own }, 0);
      web.routes[0].via = own.address;
    },
  ],
  [
    "a neighbour that is no router",
    "110.242.68.4",
    { device: "vmnet8 host", type: "no-router" },
    ({ web }) => (web.routes[0].via = "192.168.10.1"),
  ],
  [
    "its own cable that loses everything",
    "192.168.10.2",
    { device: "vmnet8", type: "cable-loses", cable: "web:ens33", direction: "in" },
    spoiltCable("vmnet8/web:ens33", "in", { lossPercent: 100 }),
  ],
  [
    "the answer lost on its own cable",
    "192.168.10.2",
    { type: "cable-loses", cable: "web:ens33", direction: "out" },
    spoiltCable("vmnet8/web:ens33", "out", { lossPercent: 100 }),
  ],
  [
    "the other guest's cable that spoils everything",
    "192.168.10.131",
    { type: "cable-corrupts", cable: "db:ens33" },
    spoiltCable("vmnet8/db:ens33", "out", { corruptPercent: 100 }),
  ],
  [
    "the gateway's cable that is too slow",
    "110.242.68.4",
    { type: "cable-delays", cable: "gateway", direction: "in" },
    spoiltCable("vmnet8/gateway", "in", { delayMs: 3000 }),
  ],
  [
    "the gateway's cable that is out",
    "192.168.10.2",
    { type: "cable-down", cable: "gateway" },
    ({ fabric }) => fabric.setLink(fabric.portNamed("vmnet8", "gateway"), false),
  ],
  [
    "two VLANs",
    "192.168.10.131",
    { type: "other-vlan", owner: "db", vlan: 1, other: 20 },
    ({ fabric, port }) => fabric.setPortMode(port("vmnet8/db:ens33"), { type: "access", vlan: 20 }),
  ],
];

function spoiltCable(name: string, direction: "in" | "out", faults: Partial<LinkFaults>) {
  return ({ fabric, port }: Laboratory) => {
    const [network, device] = name.split("/");
    const at = device.includes(":") ? port(name) : fabric.portNamed(network, device);
    fabric.setFaults(at, direction, { ...NO_FAULTS, ...faults });
  };
}

const sources: [string, PingSource, string, object][] = [
  [
    "the host reaches a guest",
    { type: "device", network: "vmnet8", name: "host" },
    "192.168.10.130",
    { ok: true, device: "vmnet8 host", type: "answers" },
  ],
  [
    "the host's adapter does not lead to another network",
    { type: "device", network: "vmnet1", name: "host" },
    "192.168.10.130",
    { ok: false, device: "vmnet1 host", type: "no-route" },
  ],
  [
    "the teacher reaches the Internet by name",
    { type: "device", network: "vmnet0", name: "teacher" },
    "www.baidu.com",
    { ok: true, device: "www.a.shifen.com", type: "answers" },
  ],
  [
    "a guest reaches the teacher",
    { type: "guest", name: "desk" },
    "10.20.30.11",
    { ok: true, device: "teacher", type: "answers" },
  ],
  [
    "a guest behind the NAT reaches the teacher",
    { type: "guest", name: "web" },
    "10.20.30.11",
    { ok: true, device: "teacher", type: "answers" },
  ],
  [
    "a classmate cannot begin with a guest behind the NAT",
    { type: "device", network: "vmnet0", name: "classmate" },
    "192.168.10.130",
    { ok: false, device: "vmnet0 router", type: "behind-nat", owner: "web", network: "vmnet8" },
  ],
  [
    "nor can a host of the Internet",
    { type: "internet", address: "110.242.68.4" },
    "192.168.10.130",
    { ok: false, device: "www.a.shifen.com", type: "behind-nat", owner: "web" },
  ],
  [
    "hosts of the Internet reach each other",
    { type: "internet", address: "110.242.68.4" },
    "119.29.29.29",
    { ok: true, type: "answers", address: "119.29.29.29" },
  ],
];

it.each(sources)("%s", (_, from, target, end) => {
  expect(explainPing(laboratory().state, from, target).at(-1)).toMatchObject(end);
});

it("a cable that loses some frames is a step on the way, not the cause", () => {
  const lab = laboratory();
  spoiltCable("vmnet8/gateway", "out", { lossPercent: 40 })(lab);
  const steps = explain(lab.state, "web", "192.168.10.2");
  expect(steps).toContainEqual(expect.objectContaining({ ok: true, type: "cable-faulty", cable: "gateway" }));
  expect(steps.every(({ ok }) => ok)).toBe(true);
});

it.each(causes)("names %s", (_, target, cause, spoil) => {
  const lab = laboratory();
  spoil(lab);
  expect(last(lab.state, "web", target)).toMatchObject({ ok: false, ...cause });
});

it("follows a guest that routes, and the answer's way back", () => {
  const { state, web, router } = laboratory();
  // web sends its answer to the NAT gateway, which does not know vmnet1.
  expect(last(state, "inner", "192.168.10.130")).toMatchObject({
    ok: false,
    device: "vmnet8 gateway",
    type: "behind-nat",
    owner: "inner",
  });
  web.routes.push({ to: "192.168.56.0/24", via: "192.168.10.3", device: "ens33" });
  expect(last(state, "inner", "192.168.10.130")).toMatchObject({
    ok: true,
    device: "inner",
    type: "answers",
  });
  router.forwards = false;
  expect(last(state, "inner", "192.168.10.130")).toMatchObject({
    ok: false,
    device: "router",
    type: "not-forwarding",
  });
});

it("guests that send a packet in a circle are found out", () => {
  const { state, web, db } = laboratory();
  db.forwards = web.forwards = true;
  web.routes[0].via = "192.168.10.131";
  db.routes[0].via = "192.168.10.130";
  expect(last(state, "web", "110.242.68.4")).toMatchObject({ ok: false, type: "loop" });
});
