/**
 * Networks of two tabs of the built page on one LAN, and of a tab and another computer over a relay: the fabric's own Worker,
 * under the page's own Content-Security-Policy, spoken to as the page does.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright";
import { DEFAULT_ZONE } from "../../src/hypervisor-model/network/default-zone.ts";
import type { FabricSetup } from "../../src/hypervisor-model/network/fabric-service.ts";
import type { LanPlace } from "../../src/hypervisor-model/network/lan-cable.ts";
import { newVisitor, openRingside, type Ringside } from "./page.ts";

const NodeWebSocket = createRequire(import.meta.url)("ws") as typeof WebSocket;
const assets = join(import.meta.dirname, "../../dist/page/assets");
let ringside: Ringside;
let relay: ChildProcess;
let relayAddress = "";
let tabs: Page[];

type FabricCall = (method: string, ...values: unknown[]) => Promise<unknown>;

/** Starts the page's fabric Worker in a tab, with one host-only or NAT network. */
async function startFabric(page: Page, setup: FabricSetup): Promise<void> {
  const worker = readdirSync(assets).find((name) => /^fabric-worker.*\.js$/.test(name))!;
  await page.evaluate(
    ([file, given]) => {
      const { port1, port2 } = new MessageChannel();
      const made = new Worker(new URL(`assets/${file}`, document.baseURI), { type: "module" });
      made.postMessage({ setup: given, control: port2 }, [port2]);
      // Comlink's own messages: a call of a method with plain values.
      const call: FabricCall = (method, ...values) =>
        new Promise((resolve, reject) => {
          const id = crypto.randomUUID();
          port1.addEventListener("message", function heard(event: MessageEvent) {
            if (event.data.id !== id) return;
            port1.removeEventListener("message", heard);
            if (event.data.type === "HANDLER") reject(new Error(JSON.stringify(event.data.value)));
            else resolve(event.data.value);
          });
          port1.start();
          const argumentList = values.map((value) => ({ type: "RAW", value }));
          port1.postMessage({ id, type: "APPLY", path: [method], argumentList });
        });
      Object.assign(globalThis, { fabric: call });
    },
    [worker, setup] as const,
  );
}

const fabric = (page: Page, method: string, ...values: unknown[]) =>
  page.evaluate(([name, given]) => (globalThis as unknown as { fabric: FabricCall }).fabric(name, ...given), [
    method,
    values,
  ] as const);
const joinLan = (page: Page, network: string, place: LanPlace) => fabric(page, "joinLan", network, place);
const ping = (page: Page, to = "192.168.10.2") =>
  fabric(page, "probe", "vmnet1", "adapter", { type: "ping", to }, 500);

beforeAll(async () => {
  relay = spawn(process.execPath, [join(import.meta.dirname, "../support/relay.mjs"), "0"]);
  const port = await new Promise<string>((resolve) =>
    relay.stdout!.once("data", (data) => resolve(`${data}`)),
  );
  relayAddress = `ws://127.0.0.1:${Number(port)}/`;
  ringside = await openRingside();
  const visitor = await newVisitor(ringside);
  tabs = [await visitor.newPage(), await visitor.newPage()];
  const setups: FabricSetup[] = [
    {
      networks: [{ name: "vmnet1", kind: "host-only", subnet: "192.168.10.0/24", dhcp: false }],
      zone: DEFAULT_ZONE,
      seed: 1,
    },
    { networks: [{ name: "vmnet8", kind: "nat", hostAdapter: false }], zone: DEFAULT_ZONE, seed: 2 },
  ];
  for (const [i, tab] of tabs.entries()) {
    await tab.goto(ringside.address);
    await startFabric(tab, setups[i]);
  }
});
afterAll(async () => {
  await ringside?.close();
  relay?.kill();
});

test("A network of one tab reaches the gateway in another tab once both have joined one LAN", async () => {
  expect(await ping(tabs[0])).toEqual({ type: "silent" });
  const ports = [
    await joinLan(tabs[0], "vmnet1", { type: "tabs", lan: "class" }),
    await joinLan(tabs[1], "vmnet8", { type: "tabs", lan: "class" }),
  ];
  await expect.poll(() => ping(tabs[0])).toMatchObject({ type: "answered", by: "192.168.10.2" });
  for (const [i, port] of ports.entries()) await fabric(tabs[i], "leaveLan", port);
});

test("A network joined to a relay sends its frames to the relay's other clients", async () => {
  const frames: Uint8Array[] = [];
  const other = new NodeWebSocket(relayAddress);
  other.binaryType = "arraybuffer";
  other.onmessage = (event) => frames.push(new Uint8Array(event.data as ArrayBuffer));
  await new Promise((resolve) => (other.onopen = resolve));
  await joinLan(tabs[0], "vmnet1", { type: "relay", url: relayAddress });
  await expect
    .poll(() => fabric(tabs[0], "lans"), { timeout: 10_000 })
    .toMatchObject([{ network: "vmnet1", state: "open" }]);
  // Nobody has it: an ARP question to all.
  await ping(tabs[0], "192.168.10.77");
  await expect
    .poll(() => frames.map((frame) => [frame[0], frame[12], frame[13]]))
    .toContainEqual([255, 8, 6]);
  other.close();
});
