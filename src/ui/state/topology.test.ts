import { expect, test } from "vitest";
import { DEFAULT_NETWORKS, resolveNetworks } from "../../hypervisor-model/network/network-config.ts";
import { neighbour, nodeNamed, topologyOf, type TopologyMachine } from "./topology.ts";

const networks = resolveNetworks(DEFAULT_NETWORKS);
const nic = (network: string | null, connected = true) => ({
  network,
  connected,
  model: "ne2000",
  mac: "00:0c:29:00:00:01",
});
const web: TopologyMachine = { id: "1", name: "web", running: true, nics: [nic("vmnet8"), nic("vmnet1")] };

function statusWith(name: string, up: boolean) {
  const port = { port: 1, name, up, framesIn: 3, framesOut: 4, bytesIn: 0, bytesOut: 0 };
  return new Map([["vmnet8", { name: "vmnet8", ports: [port] } as never]]);
}

test("A machine with two adapters stands on two switches", () => {
  const { links } = topologyOf(networks, new Map(), [web]);
  const its = links.filter((link) => link.nic?.machine === "1");
  expect(its.map(({ to }) => to.id)).toEqual(["switch:vmnet8", "switch:vmnet1"]);
});
test("A cable is up only where the switch says so", () => {
  const state = (up: boolean) =>
    topologyOf(networks, statusWith("vmnet8/web:ens33", up), [web]).links.find(({ id }) => id === "1:0")!
      .state;
  expect([state(true), state(false)]).toEqual(["up", "down"]);
});
test("A cable of a machine that is off is neither up nor down", () => {
  const { links } = topologyOf(networks, new Map(), [{ ...web, running: false }]);
  expect(links.find(({ id }) => id === "1:0")!.state).toBe("off");
});
test("A network that is gone leaves the cable loose", () => {
  const { links } = topologyOf(networks, new Map(), [{ ...web, nics: [nic("vmnet7")] }]);
  expect(links.find(({ id }) => id === "1:0")).toMatchObject({ state: "loose", network: null });
});
test("Only networks with a gateway lead to the Internet", () => {
  const { links } = topologyOf(networks, new Map(), []);
  expect(links.filter(({ state }) => state === "wan").map(({ network }) => network)).toEqual([
    "vmnet0",
    "vmnet8",
  ]);
});
test("The arrow to the right goes to the next switch, not to a machine below", () => {
  const { nodes } = topologyOf(networks, new Map(), [web]);
  const from = nodes.find(({ id }) => id === "switch:vmnet0")!;
  const found = neighbour(
    from,
    nodes.filter(({ type }) => type === "switch" || type === "machine"),
    "ArrowRight",
  );
  expect(found?.id).toBe("switch:vmnet1");
});
test.each([
  ["vmnet8", "switch:vmnet8"],
  ["web:ens33", "machine:1"],
  ["gateway", "gateway:vmnet8"],
  ["host", "host"],
  ["www.a.shifen.com", "internet"],
])("A hop's end %s is found in the drawing", (name, id) => {
  expect(nodeNamed(topologyOf(networks, new Map(), [web]), "vmnet8", name)?.id).toBe(id);
});
