import { expect, test } from "vitest";
import { parseGuestFacts } from "./guest-facts.ts";

const output = (routes: string, input = "-P INPUT ACCEPT", forward = "0", ignore = "0") =>
  [routes, "# made by ifup\nnameserver 119.29.29.29\nnameserver 192.168.10.2", forward, ignore, input].join(
    "\n==ringside==\n",
  );

test("Routes by a gateway are read, those that follow from an address are not", () => {
  const { routes } = parseGuestFacts(
    output(
      "default via 192.168.10.2 dev ens33\n10.1.0.0/16 via 192.168.10.9 dev ens33 metric 10\n192.168.10.0/24 dev ens33 proto kernel scope link src 192.168.10.130\n172.16.0.5 dev ens34 scope link",
    ),
  );
  expect(routes).toEqual([
    { to: "default", via: "192.168.10.2", device: "ens33" },
    { to: "10.1.0.0/16", via: "192.168.10.9", device: "ens33" },
    { to: "172.16.0.5/32", device: "ens34" },
  ]);
});
test("Name servers stand in the order of resolv.conf", () => {
  expect(parseGuestFacts(output("")).nameServers).toEqual(["119.29.29.29", "192.168.10.2"]);
});
test("Forwarding and ignored pings are read from the kernel's switches", () => {
  const { forwards, ignoresPing } = parseGuestFacts(output("", "-P INPUT ACCEPT", "1", "1"));
  expect([forwards, ignoresPing]).toEqual([true, true]);
});
test.each([
  ["-P INPUT DROP", true],
  ["-P INPUT ACCEPT\n-A INPUT -p icmp -j DROP", true],
  [
    "-P INPUT ACCEPT\n-A INPUT -p icmp -m icmp --icmp-type 8 -j REJECT --reject-with icmp-port-unreachable",
    true,
  ],
  ["-P INPUT DROP\n-A INPUT -p icmp -j ACCEPT", false],
  ["-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 80 -j DROP", false],
  ["-P INPUT ACCEPT\n-A INPUT -s 10.0.0.1/32 -p icmp -j DROP", false],
])("The firewall %j drops echo requests: %s", (rules, drops) => {
  expect(parseGuestFacts(output("", rules)).ignoresPing).toBe(drops);
});
test("Output that is none of this gives nothing", () => {
  expect(parseGuestFacts("sh: ip: not found")).toEqual({
    routes: [],
    nameServers: [],
    forwards: false,
    ignoresPing: false,
    neighbours: [],
  });
});
test("The ARP table is read, without entries that nobody answered for", () => {
  const table = "192.168.10.2 dev ens33 lladdr 00:50:56:c0:00:02 REACHABLE\n192.168.10.9 dev ens33 FAILED";
  expect(parseGuestFacts(`${output("")}\n==ringside==\n${table}`).neighbours).toEqual([
    { address: "192.168.10.2", mac: "00:50:56:c0:00:02" },
  ]);
});
