import { spawn, type ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { DEFAULT_ZONE } from "./default-zone.ts";
import { FabricService } from "./fabric-service.ts";
import { LanCable, LanError, type LanPlace } from "./lan-cable.ts";

/** Node 20 has no WebSocket of its own. */
const NodeWebSocket = createRequire(import.meta.url)("ws") as typeof WebSocket;
const relays: ChildProcess[] = [];
const opened: { close(): void }[] = [];
let port = 0;

/** The relay is a process of its own, on the loopback interface. */
async function startRelay(wanted: number): Promise<{ relay: ChildProcess; port: number }> {
  const relay = spawn(process.execPath, [
    join(import.meta.dirname, "../../../test/support/relay.mjs"),
    `${wanted}`,
  ]);
  relays.push(relay);
  const line = await new Promise<string>((resolve, reject) => {
    relay.stdout.once("data", (data: Buffer) => resolve(data.toString()));
    relay.stderr.once("data", (data: Buffer) => reject(new Error(data.toString())));
  });
  return { relay, port: Number(line) };
}

function cable(place: LanPlace): { cable: LanCable; received: Uint8Array[] } {
  const received: Uint8Array[] = [];
  const made = new LanCable({ place, receive: (frame) => received.push(frame), WebSocket: NodeWebSocket });
  opened.push(made);
  return { cable: made, received };
}

async function relayCable(at = port) {
  const made = cable({ type: "relay", url: `ws://127.0.0.1:${at}/` });
  await expect.poll(() => made.cable.status.state, { timeout: 10_000 }).toBe("open");
  return made;
}

async function rawClient(at = port): Promise<WebSocket> {
  const socket = new NodeWebSocket(`ws://127.0.0.1:${at}/`);
  opened.push(socket);
  await new Promise((resolve) => (socket.onopen = resolve));
  return socket;
}

beforeAll(async () => {
  ({ port } = await startRelay(0));
});
afterEach(() => {
  for (const made of opened.splice(0)) made.close();
});
afterAll(() => {
  for (const relay of relays) relay.kill();
});

const frame = (first: number, length = 60) => new Uint8Array(length).fill(first);

it("a frame goes through a relay to another computer as one binary message", async () => {
  const [a, b] = [await relayCable(), await relayCable()];
  a.cable.send(frame(7));
  await expect.poll(() => b.received).toEqual([frame(7)]);
  expect(a.received).toEqual([]);
});

it("texts and frames too short or too long are counted and dropped", async () => {
  const { cable: ours, received } = await relayCable();
  const client = await rawClient();
  client.send("hello");
  client.send(new Uint8Array(0));
  client.send(frame(1, 13));
  client.send(frame(1, 70_000));
  client.send(frame(2));
  await expect.poll(() => received).toEqual([frame(2)]);
  expect(ours.status.drops).toMatchObject({ "not-a-frame": 3, "too-long": 1 });
});

it("a flood from outside is cut to the rate of a switch port", async () => {
  const { cable: ours, received } = await relayCable();
  const client = await rawClient();
  for (let n = 0; n < 60_000; n++) client.send(frame(3));
  const seen = () => received.length + ours.status.drops["too-many"];
  const began = performance.now();
  await expect.poll(seen, { timeout: 60_000 }).toBe(60_000);
  const seconds = (performance.now() - began) / 1000;
  expect(received.length).toBeLessThanOrEqual(20_000 * (2 + seconds));
});

it("frames wait for the relay in a bounded queue", async () => {
  const { cable: ours } = cable({ type: "relay", url: `ws://127.0.0.1:${port}/` });
  const other = await relayCable();
  const early = cable({ type: "relay", url: `ws://127.0.0.1:${port}/` });
  for (let n = 0; n < 100; n++) early.cable.send(frame(n));
  await expect.poll(() => other.received.length).toBe(64);
  expect(early.cable.status.drops["not-connected"]).toBe(36);
  expect(other.received[0]).toEqual(frame(36));
  expect(ours.status.state).toBe("open");
});

it("a relay that was lost is found again by itself", async () => {
  const first = await startRelay(0);
  const { cable: ours, received } = await relayCable(first.port);
  first.relay.kill();
  await expect.poll(() => ours.status.state, { timeout: 10_000 }).toBe("waiting");
  expect(ours.status.problem).toContain("1006");
  await startRelay(first.port);
  await expect.poll(() => ours.status.state, { timeout: 20_000 }).toBe("open");
  (await rawClient(first.port)).send(frame(9));
  await expect.poll(() => received).toEqual([frame(9)]);
});

it("tabs that name the same LAN hear each other, and others do not", async () => {
  const [a, b] = [cable({ type: "tabs", lan: "room" }), cable({ type: "tabs", lan: "room" })];
  const other = cable({ type: "tabs", lan: "other" });
  a.cable.send(frame(5));
  await expect.poll(() => b.received).toEqual([frame(5)]);
  expect(a.received).toEqual([]);
  expect(other.received).toEqual([]);
});

it.each([
  ["no address", { type: "relay", url: "relay" }],
  ["another protocol", { type: "relay", url: "http://127.0.0.1/" }],
  ["a LAN without a name", { type: "tabs", lan: "" }],
] as [string, LanPlace][])("%s is refused", (_, place) => {
  expect(() => cable(place)).toThrow(LanError);
});

it("two laboratories on one LAN are one network: the gateway of one answers the host of the other", async () => {
  const nat = { name: "vmnet8", kind: "nat" as const, hostAdapter: false };
  const hostOnly = {
    name: "vmnet1",
    kind: "host-only" as const,
    subnet: "192.168.10.0/24",
    dhcp: false as const,
  };
  const here = new FabricService({ networks: [nat], zone: DEFAULT_ZONE, seed: 1 });
  const there = new FabricService({ networks: [hostOnly], zone: DEFAULT_ZONE, seed: 2 });
  opened.push(here, there);
  const lan = here.joinLan("vmnet8", { type: "tabs", lan: "class" });
  const ping = () => there.probe("vmnet1", "adapter", { type: "ping", to: "192.168.10.2" }, 300);
  expect(await ping()).toEqual({ type: "silent" });
  there.joinLan("vmnet1", { type: "tabs", lan: "class" });
  await expect.poll(ping).toMatchObject({ type: "answered", by: "192.168.10.2" });
  expect(here.lans()).toEqual([expect.objectContaining({ port: lan, network: "vmnet8", state: "open" })]);
  here.leaveLan(lan);
  expect(await ping()).toEqual({ type: "silent" });
});
