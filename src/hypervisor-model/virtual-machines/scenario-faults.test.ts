import { expect, test } from "vitest";
import { DEFAULT_ZONE } from "../network/default-zone.ts";
import { Fabric } from "../network/fabric.ts";
import { DEFAULT_NETWORKS } from "../network/network-config.ts";
import type { NetworkFault } from "../network/network-fault.ts";
import { faultSteps } from "./scenario-faults.ts";
import { parseScenario } from "./scenario.ts";

test("What is wrong on cables and networks becomes steps that a scenario accepts", () => {
  const fabric = new Fabric({
    networks: DEFAULT_NETWORKS,
    zone: DEFAULT_ZONE,
    seed: 1,
    now: 0,
    startTime: 0,
  });
  const web = fabric.attach("vmnet8", "web:ens33", () => {});
  const gone = fabric.attach("vmnet8", "not-exported:ens33", () => {});
  fabric.setFaults(web, "both", { delayMs: 20 });
  fabric.setFaults(web, "out", { lossPercent: 50 });
  fabric.setFlap(web, { upMs: 500, downMs: 100 });
  fabric.setFaults(gone, "in", { lossPercent: 1 });
  fabric.setFaults(fabric.portNamed("vmnet8", "gateway"), "both", { corruptPercent: 3 });
  fabric.setLink(fabric.portNamed("vmnet0", "teacher"), false);
  const troublemakers: NetworkFault[] = [
    { type: "duplicate-address", address: "192.168.56.20" },
    { type: "rogue-dhcp", address: "192.168.56.5", first: "192.168.56.60", last: "192.168.56.90" },
  ];
  const statuses = DEFAULT_NETWORKS.map(({ name }) => fabric.status(name));
  const steps = faultSteps(DEFAULT_NETWORKS, statuses, new Map([["vmnet1", troublemakers]]), ["web"]);
  expect(steps).toEqual([
    { fault: { network: "vmnet0", device: "teacher", linkUp: false } },
    { fault: { network: "vmnet1", duplicateAddress: "192.168.56.20" } },
    {
      fault: {
        network: "vmnet1",
        rogueDhcp: { address: "192.168.56.5", first: "192.168.56.60", last: "192.168.56.90" },
      },
    },
    { fault: { network: "vmnet8", device: "gateway", corruptPercent: 3 } },
    { fault: { network: "vmnet8", machine: "web", direction: "in", delayMs: 20 } },
    { fault: { network: "vmnet8", machine: "web", direction: "out", delayMs: 20, lossPercent: 50 } },
    { fault: { network: "vmnet8", machine: "web", flap: { upMs: 500, downMs: 100 } } },
  ]);
  const machines = [{ name: "web", nics: [{ network: "vmnet8" }] }];
  const document = { ringside: 1, networks: DEFAULT_NETWORKS, machines, steps };
  expect(parseScenario(JSON.stringify(document))).toMatchObject({ type: "ok" });
});
