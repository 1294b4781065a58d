import { expect, it } from "vitest";
import { DEFAULT_ZONE } from "./default-zone.ts";
import { explainPing, type GuestState, type LaboratoryState } from "./explain-ping.ts";
import { DEFAULT_NETWORKS, resolveNetworks } from "./network-config.ts";

function guest(name: string, network: string, cidr: string, gateway?: string): GuestState {
  return {
    name,
    interfaces: [{ name: "ens33", network, cable: true, up: true, addresses: [cidr] }],
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
    cable: true,
    up: true,
    addresses: ["192.168.56.3/24"],
  });
  router.forwards = true;
  const desk = guest("desk", "vmnet0", "10.20.30.50/24", "10.20.30.1");
  const state: LaboratoryState = {
    guests: [web, db, inner, router, desk],
    networks: resolveNetworks(DEFAULT_NETWORKS),
    zone: DEFAULT_ZONE,
  };
  return { web, db, inner, router, desk, state };
}

function last(state: LaboratoryState, from: string, target: string) {
  return explainPing(state, from, target).at(-1);
}

it("a ping that should work ends with the one who answers", () => {
  const { state } = laboratory();
  expect(last(state, "web", "192.168.10.2")).toMatchObject({ ok: true, type: "answers" });
  expect(last(state, "web", "110.242.68.4")).toMatchObject({ ok: true, device: "www.a.shifen.com" });
  expect(explainPing(state, "web", "www.baidu.com").map(({ type }) => type)).toEqual([
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
];

it.each(causes)("names %s", (_, target, cause, spoil) => {
  const lab = laboratory();
  spoil(lab);
  expect(last(lab.state, "web", target)).toMatchObject({ ok: false, ...cause });
});

it("follows a guest that routes, and the answer's way back", () => {
  const { state, web, router } = laboratory();
  // web sends its answer to the NAT gateway, which does not know vmnet1.
  expect(last(state, "inner", "192.168.10.130")).toMatchObject({ ok: false, type: "unknown-host" });
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
