/**
 * Three tiny guests, one on each kind of network: who reaches whom, leases and their renewal, port forwards, VLANs, loose
 * plugs, devices that nobody asked for, and the services of the simulated Internet. Each test sets up the addresses it needs.
 */
import { proxy } from "comlink";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_ZONE } from "../../src/hypervisor-model/network/default-zone.ts";
import type { Decision } from "../../src/hypervisor-model/network/decision.ts";
import { startFabric, type FabricThread } from "../../src/hypervisor-model/network/fabric-thread-node.ts";
import { MemoryStore } from "../../src/hypervisor-model/storage/memory-store.ts";
import { repositoryHost } from "../support/machines.ts";
import { address, reaches, sh, startGuest, tell, type Guest } from "../support/network-guests.ts";
import { COURSE_CONFIGURATION } from "../support/course.ts";

let fabric: FabricThread;
let bridged: Guest;
let nat: Guest;
let hostOnly: Guest;

const CONFIGURATION = "/etc/sysconfig/network-scripts/ifcfg-ens33";

beforeAll(async () => {
  fabric = startFabric({
    networks: [
      { name: "vmnet0", kind: "bridged" },
      { name: "vmnet1", kind: "host-only", subnet: "192.168.56.0/24", dhcp: false },
      {
        name: "vmnet8",
        kind: "nat",
        subnet: "192.168.10.0/24",
        forwards: [{ protocol: "tcp", port: 8080, to: "192.168.10.130:80" }],
      },
    ],
    zone: DEFAULT_ZONE,
    seed: 20261124,
  });
  const host = repositoryHost(new MemoryStore());
  [bridged, nat, hostOnly] = await Promise.all([
    startGuest(fabric, host, "bridged", [["vmnet0", "ne2000", "00:0c:29:00:01:01"]]),
    startGuest(fabric, host, "nat", [["vmnet8", "virtio", "00:0c:29:00:01:02"]]),
    startGuest(fabric, host, "host-only", [["vmnet1", "ne2000", "00:0c:29:00:01:03"]]),
  ]);
});
afterAll(async () => {
  for (const guest of [bridged, nat, hostOnly]) await guest?.machine.powerOff().catch(() => undefined);
  fabric?.terminate();
});

const natAddress = () => address(nat, "ens33", "192.168.10.130/24", "192.168.10.2");
const bridgedAddress = () => address(bridged, "ens33", "10.20.30.50/24", "10.20.30.1");
const hostOnlyAddress = () => address(hostOnly, "ens33", "192.168.56.20/24", "192.168.56.1");

describe("who reaches whom", () => {
  const targets = { bridged: "10.20.30.50", nat: "192.168.10.130", hostOnly: "192.168.56.20" };

  beforeAll(async () => {
    await Promise.all([natAddress(), bridgedAddress(), hostOnlyAddress()]);
  });

  test.each([
    ["bridged", { bridged: true, nat: false, hostOnly: false }],
    ["nat", { bridged: true, nat: true, hostOnly: false }],
    ["hostOnly", { bridged: false, nat: false, hostOnly: true }],
  ] as const)("from the %s guest is as in VMware", async (from, expected) => {
    const guest = { bridged, nat, hostOnly }[from];
    const reached: Record<string, boolean> = {};
    for (const [name, target] of Object.entries(targets)) reached[name] = await reaches(guest, target);
    expect(reached).toEqual(expected);
  });
});

describe("a forwarded port answers with the guest's page", () => {
  beforeAll(async () => {
    await natAddress();
    await sh(nat, "mkdir -p /tmp/www; echo from the guest > /tmp/www/index.html; httpd -p 80 -h /tmp/www");
  });

  test("to the host", async () => {
    const probe = { type: "tcp", to: "10.20.30.10", port: 8080, send: "GET / HTTP/1.0\r\n\r\n" } as const;
    expect(await fabric.control.probe("vmnet8", "outside", probe)).toMatchObject({
      type: "connected",
      received: expect.stringContaining("from the guest"),
    });
  });

  test("to a classmate in the classroom", async () => {
    await bridgedAddress();
    expect(await sh(bridged, "wget -q -O - http://10.20.30.10:8080/")).toBe("from the guest");
  });

  test("to a host-only guest at its host's adapter, and at no other port", async () => {
    await hostOnlyAddress();
    expect(await sh(hostOnly, "wget -q -O - http://192.168.56.1:8080/")).toBe("from the guest");
    expect((await tell(hostOnly, "wget -q -O - http://192.168.56.1:8081/")).output).toContain("refused");
  });
});

test("a guest with ifcfg's BOOTPROTO=dhcp gets a lease, and keeps its address when it renews it", async () => {
  const file = 'TYPE="Ethernet"\nBOOTPROTO="dhcp"\nDEVICE="ens33"\nONBOOT="yes"\n';
  await nat.machine.agent.writeFile(CONFIGURATION, new TextEncoder().encode(file));
  await sh(nat, "ip addr flush dev ens33; systemctl restart network");
  const own = /inet (192\.168\.10\.\d+)\/24/.exec(await sh(nat, "ip -4 addr show ens33"))?.[1];
  expect(own).toMatch(/^192\.168\.10\.1(2[89]|[3-9]\d)$/);
  const lease = async () =>
    (await fabric.control.status("vmnet8")).leases.find(({ address }) => address === own)!;
  const before = await lease();
  const told: Decision[] = [];
  await fabric.control.watchDecisions(
    "vmnet8",
    proxy(({ decisions }: { decisions: Decision[] }) => told.push(...decisions)),
  );
  // udhcpc waits for half of the lease; the signal makes it renew now.
  await sh(nat, "killall -USR1 udhcpc");
  await expect
    .poll(() => told.filter(({ type }) => type === "dhcp-renewed"), { timeout: 20_000 })
    .toContainEqual(expect.objectContaining({ mac: "00:0c:29:00:01:02", address: own }));
  await fabric.control.watchDecisions("vmnet8", undefined);
  expect((await lease()).expires).toBeGreaterThan(before.expires);
  expect(await sh(nat, "ip -4 addr show ens33")).toContain(`${own}/24`);
  await sh(nat, "systemctl stop network; killall -q udhcpc; true");
});

describe("the course's file with", () => {
  const restart = async (content: string) => {
    await nat.machine.agent.writeFile(CONFIGURATION, new TextEncoder().encode(content));
    return tell(nat, "systemctl restart network");
  };

  test("its key IPADDR misspelt has the interface up without an address", async () => {
    await restart(COURSE_CONFIGURATION.replace("IPADDR=", "IPADR="));
    const shown = await sh(nat, "ip addr show ens33");
    expect(shown).toContain("state UP");
    expect(shown).not.toContain("inet 192");
  });

  test("NETMASK in place of PREFIX and NAME= without quotes is the same network", async () => {
    const other = COURSE_CONFIGURATION.replace('PREFIX="24"', "NETMASK=255.255.255.0").replaceAll('"', "");
    expect((await restart(other)).exit).toBe(0);
    expect(await sh(nat, "ip addr show ens33")).toContain("inet 192.168.10.130/24 brd 192.168.10.255");
  });

  test("a gateway that is nobody's address reaches the neighbours and not the Internet", async () => {
    expect((await restart(COURSE_CONFIGURATION.replace('192.168.10.2"', '192.168.10.9"'))).exit).toBe(0);
    expect(await reaches(nat, "192.168.10.1")).toBe(true);
    expect(await reaches(nat, "119.29.29.29")).toBe(false);
  });

  test("DEFROUTE=no has an address and no default route", async () => {
    expect((await restart(COURSE_CONFIGURATION.replace('DEFROUTE="yes"', 'DEFROUTE="no"'))).exit).toBe(0);
    expect(await sh(nat, "ip route show default")).toBe("");
  });

  test("an address that somebody has already is refused, as the other host answers ARP for it", async () => {
    const double = await fabric.control.addTroublemaker("vmnet8", {
      type: "duplicate-address",
      address: "192.168.10.130",
    });
    expect((await restart(COURSE_CONFIGURATION)).exit).not.toBe(0);
    expect(await sh(nat, "systemctl status network; true")).toContain(
      "some other host already uses address 192.168.10.130",
    );
    await fabric.control.removeTroublemaker(double);
    expect((await restart(COURSE_CONFIGURATION)).exit).toBe(0);
    expect(await reaches(nat, "192.168.10.2")).toBe(true);
  });
});

test("a rogue DHCP server leads a guest to a gateway that leads nowhere", async () => {
  const rogue = await fabric.control.addTroublemaker("vmnet1", {
    type: "rogue-dhcp",
    address: "192.168.56.66",
    first: "192.168.56.200",
    last: "192.168.56.210",
  });
  await sh(hostOnly, "ip addr flush dev ens33; ip route flush dev ens33; ip link set ens33 up");
  expect(await sh(hostOnly, "udhcpc -i ens33 -n -q -t 3 -T 2 2>&1")).toContain("192.168.56.200 obtained");
  expect(await sh(hostOnly, "ip route")).toContain("default via 192.168.56.66");
  expect(await reaches(hostOnly, "110.242.68.4")).toBe(false);
  await fabric.control.removeTroublemaker(rogue);
});

test("guests in one VLAN reach each other, and not the guest in another", async () => {
  const guests = [bridged, nat, hostOnly];
  for (const [i, guest] of guests.entries()) {
    await fabric.control.moveTo(guest.ports[0], "vmnet1");
    await fabric.control.setPortMode(guest.ports[0], { type: "access", vlan: i < 2 ? 10 : 20 });
    await sh(guest, "ip addr flush dev ens33");
    await address(guest, "ens33", `192.168.56.${31 + i}/24`);
  }
  expect(await reaches(bridged, "192.168.56.32")).toBe(true);
  expect(await reaches(bridged, "192.168.56.33")).toBe(false);
  await fabric.control.setPortMode(hostOnly.ports[0], { type: "access", vlan: 10 });
  expect(await reaches(bridged, "192.168.56.33")).toBe(true);
  for (const [i, network] of ["vmnet0", "vmnet8", "vmnet1"].entries()) {
    await fabric.control.setPortMode(guests[i].ports[0], undefined);
    await fabric.control.moveTo(guests[i].ports[0], network);
  }
});

test("a loose plug: the guest sees its carrier come and go", async () => {
  await sh(nat, "ip link set ens33 up");
  await fabric.control.onCarrier(
    proxy((port: number, up: boolean) => {
      if (port === nat.ports[0]) nat.machine.setLink(0, up);
    }),
  );
  const changes = async () => Number(await sh(nat, "cat /sys/class/net/ens33/carrier_changes"));
  const before = await changes();
  await fabric.control.setFlap(nat.ports[0], { upMs: 300, downMs: 300 });
  await expect.poll(changes, { timeout: 15_000 }).toBeGreaterThanOrEqual(before + 4);
  await fabric.control.setFlap(nat.ports[0], undefined);
  await expect.poll(() => sh(nat, "cat /sys/class/net/ens33/carrier")).toBe("1");
});

describe("the simulated Internet", () => {
  beforeAll(natAddress);

  test("tells the time by NTP", async () => {
    await sh(nat, "date -s '2001-01-01 00:00:00'; ntpd -n -q -p 203.107.6.88 2>&1; true");
    const seconds = Number(await sh(nat, "date +%s"));
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(30);
  });

  test("has a package mirror whose files can be fetched by name", async () => {
    await sh(nat, "echo nameserver 192.168.10.2 > /etc/resolv.conf");
    const path = "centos/7/os/x86_64/repodata/repomd.xml";
    expect(await sh(nat, `wget -q -O - http://mirrors.tuna.tsinghua.edu.cn/${path}`)).toContain("<repomd");
    expect((await tell(nat, "wget -q -O - http://mirrors.tuna.tsinghua.edu.cn/no-such")).output).toContain(
      "404",
    );
  });

  test("knows no other names", async () => {
    expect((await tell(nat, "nslookup no-such-name.example")).output).toContain("NXDOMAIN");
  });
});
