/**
 * Tiny guests on the networks of one fabric thread: the course's section 4.3 with its own commands and addresses, leases,
 * who reaches whom, a router of two cards, cables and faults. The guests are shared; each test sets up the addresses it needs.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MemoryStore } from "../../src/hypervisor-model/storage/memory-store.ts";
import { DEFAULT_NETWORKS } from "../../src/hypervisor-model/network/network-config.ts";
import { DEFAULT_ZONE } from "../../src/hypervisor-model/network/default-zone.ts";
import { startFabric, type FabricThread } from "../../src/hypervisor-model/network/fabric-thread-node.ts";
import { NO_FAULTS } from "../../src/hypervisor-model/network/link.ts";
import { repositoryHost } from "../support/machines.ts";
import { address, reaches, sh, startGuest, tell, type Guest } from "../support/network-guests.ts";
import { COURSE_CONFIGURATION } from "../support/course.ts";

const SEED = 20261123;
const host = repositoryHost(new MemoryStore());
let fabric: FabricThread;
/** One NE2000 on vmnet8, as the course's machine. */
let web: Guest;
/** A virtio card on vmnet1, host-only. */
let inner: Guest;
/** Two virtio cards: ens33 on vmnet8, ens34 on vmnet1. */
let router: Guest;

beforeAll(async () => {
  fabric = startFabric({ networks: DEFAULT_NETWORKS, zone: DEFAULT_ZONE, seed: SEED });
  web = await startGuest(fabric, host, "web", [["vmnet8", "ne2000", "00:0c:29:2d:2e:6b"]]);
  inner = await startGuest(fabric, host, "inner", [["vmnet1", "virtio", "00:0c:29:00:00:21"]]);
  router = await startGuest(fabric, host, "router", [
    ["vmnet8", "virtio", "00:0c:29:00:00:31"],
    ["vmnet1", "virtio", "00:0c:29:00:00:32"],
  ]);
});
afterAll(async () => {
  for (const guest of [web, inner, router]) await guest?.machine.powerOff().catch(() => undefined);
  fabric?.terminate();
});

describe("the course's section 4.3 on vmnet8", () => {
  beforeAll(async () => {
    const file = new TextEncoder().encode(COURSE_CONFIGURATION);
    await web.machine.agent.writeFile("/etc/sysconfig/network-scripts/ifcfg-ens33", file);
    await sh(web, "systemctl restart network");
  });

  test("the interface has the file's address", async () => {
    expect(await sh(web, "ip a s ens33")).toContain("inet 192.168.10.130/24 brd 192.168.10.255");
  });

  test("the gateway answers with ttl 128", async () => {
    const output = await sh(web, "ping -c 3 192.168.10.2");
    expect(output.match(/64 bytes from 192\.168\.10\.2: .*ttl=128/g)).toHaveLength(3);
  });

  test("www.baidu.com answers as www.a.shifen.com without loss", async () => {
    const output = await sh(web, "ping -c 4 www.baidu.com");
    expect(output).toContain("110.242.68.4");
    expect(output).toContain("4 packets received, 0% packet loss");
    expect(await sh(web, "nslookup www.baidu.com")).toContain("www.a.shifen.com");
  });

  test("the page of www.baidu.com comes whole", async () => {
    await sh(web, "wget -q -O /tmp/page http://www.baidu.com/");
    expect(Number(await sh(web, "wc -c < /tmp/page"))).toBeGreaterThanOrEqual(1024);
    expect(await sh(web, "cat /tmp/page")).toContain("百度一下");
  });

  test("traceroute names the routers on the way", async () => {
    const output = await sh(web, "traceroute -n -w 2 -q 1 -m 8 110.242.68.4");
    expect(output).toMatch(/1\s+192\.168\.10\.2[^]*2\s+100\.64\.0\.1[^]*110\.242\.68\.4/);
  });
});

test("udhcpc takes a lease from the network's range, with gateway and name server", async () => {
  await sh(router, "ip addr flush dev ens33; ip link set ens33 up");
  const output = await sh(router, "udhcpc -i ens33 -n -q -t 3 -T 2 2>&1");
  expect(output).toMatch(/192\.168\.10\.1(2[89]|[3-9]\d) obtained/);
  expect(await sh(router, "ip -4 -o addr show dev ens33")).toMatch(/192\.168\.10\.\d+\/24/);
  expect(await sh(router, "ip route")).toContain("default via 192.168.10.2");
  expect((await fabric.control.status("vmnet8")).leases).toContainEqual(
    expect.objectContaining({ mac: "00:0c:29:00:00:31", state: "leased" }),
  );
});

test("two guests on one network ping each other", async () => {
  await address(web, "ens33", "192.168.10.130/24", "192.168.10.2");
  await address(router, "ens33", "192.168.10.3/24");
  expect(await sh(web, "ping -c 3 -W 2 192.168.10.3")).toContain("3 packets received");
  expect(await sh(router, "ping -c 3 -W 2 192.168.10.130")).toContain("3 packets received");
});

test("a host-only guest reaches its host and its neighbours, and nothing of vmnet8", async () => {
  await address(web, "ens33", "192.168.10.130/24", "192.168.10.2");
  await address(inner, "ens33", "192.168.56.20/24", "192.168.56.1");
  await address(router, "ens34", "192.168.56.3/24");
  await sh(router, "sysctl -w net.ipv4.ip_forward=0");
  expect(await reaches(inner, "192.168.56.1")).toBe(true);
  expect(await reaches(inner, "192.168.56.3")).toBe(true);
  expect(await reaches(inner, "192.168.10.130")).toBe(false);
  expect(await reaches(inner, "110.242.68.4")).toBe(false);
});

test("a guest with two cards routes between two networks once forwarding is on", async () => {
  await address(router, "ens33", "192.168.10.3/24");
  await address(router, "ens34", "192.168.56.3/24");
  await address(inner, "ens33", "192.168.56.20/24", "192.168.56.3");
  await address(web, "ens33", "192.168.10.130/24", "192.168.10.2");
  await sh(web, "ip route replace 192.168.56.0/24 via 192.168.10.3");
  await sh(router, "sysctl -w net.ipv4.ip_forward=0");
  expect(await reaches(inner, "192.168.10.130")).toBe(false);
  await sh(router, "sysctl net.ipv4.ip_forward=1");
  const output = await sh(inner, "ping -c 3 -W 2 192.168.10.130");
  expect(output).toContain("3 packets received");
  expect(output).toContain("ttl=63");
});

test("virtio shows a pulled cable as carrier 0 and no frame passes until it is back", async () => {
  await address(inner, "ens33", "192.168.56.20/24");
  const carrier = () => sh(inner, "cat /sys/class/net/ens33/carrier");
  const setLink = async (up: boolean) => {
    inner.machine.setLink(0, up);
    await fabric.control.setLink(inner.ports[0], up);
  };
  expect(await reaches(inner, "192.168.56.1")).toBe(true);
  await setLink(false);
  await expect.poll(carrier).toBe("0");
  expect(await reaches(inner, "192.168.56.1")).toBe(false);
  await setLink(true);
  await expect.poll(carrier).toBe("1");
  await expect.poll(() => reaches(inner, "192.168.56.1"), { timeout: 10_000 }).toBe(true);
});

test("NE2000 has no link sensing: with the cable pulled its frames stop and the carrier stays", async () => {
  await address(web, "ens33", "192.168.10.130/24", "192.168.10.2");
  expect(await reaches(web, "192.168.10.2")).toBe(true);
  await fabric.control.setLink(web.ports[0], false);
  expect(await reaches(web, "192.168.10.2")).toBe(false);
  expect(await sh(web, "cat /sys/class/net/ens33/carrier")).toBe("1");
  await fabric.control.setLink(web.ports[0], true);
  expect(await reaches(web, "192.168.10.2")).toBe(true);
});

test("a card that moves to another network is there at once", async () => {
  await fabric.control.moveTo(inner.ports[0], "vmnet8");
  await address(inner, "ens33", "192.168.10.20/24");
  expect(await reaches(inner, "192.168.10.2")).toBe(true);
  await fabric.control.moveTo(inner.ports[0], "vmnet1");
  expect(await reaches(inner, "192.168.10.2")).toBe(false);
  await address(inner, "ens33", "192.168.56.20/24");
  expect(await reaches(inner, "192.168.56.1")).toBe(true);
});

/** Does the work while the course's machine has these faults on its cable. */
async function withFaults<T>(
  faults: Partial<typeof NO_FAULTS>,
  direction: "in" | "out" | "both",
  work: () => Promise<T>,
): Promise<T> {
  await fabric.control.setFaults(web.ports[0], direction, faults);
  try {
    return await work();
  } finally {
    await fabric.control.setFaults(web.ports[0], "both", { ...NO_FAULTS });
  }
}

const times = (output: string) => [...output.matchAll(/time=([\d.]+) ms/g)].map(([, time]) => Number(time));

describe("a guest notices the faults of its link:", () => {
  const TARGET = "192.168.10.2";

  beforeAll(async () => {
    await address(web, "ens33", "192.168.10.130/24", TARGET);
    await sh(web, `ping -c 1 ${TARGET}`);
  });

  const pings = (count: number, more = "") =>
    tell(web, `ping -c ${count} -i 0.1 -W 2 ${more} ${TARGET}`).then(({ output }) => output);

  test("loss", async () => {
    const output = await withFaults({ lossPercent: 50 }, "out", () => pings(30));
    const [, lost] = /(\d+)% packet loss/.exec(output)!;
    expect(Number(lost)).toBeGreaterThan(10);
    expect(Number(lost)).toBeLessThan(90);
  });

  test("delay", async () => {
    const output = await withFaults({ delayMs: 60 }, "both", () => pings(5));
    expect(times(output)).toHaveLength(5);
    for (const time of times(output)) expect(time).toBeGreaterThanOrEqual(119);
  });

  test("jitter", async () => {
    const output = await withFaults({ delayMs: 20, jitterMs: 200 }, "out", () => pings(20));
    const found = times(output);
    expect(found).toHaveLength(20);
    expect(Math.max(...found) - Math.min(...found)).toBeGreaterThan(50);
  });

  test("duplicates", async () => {
    const output = await withFaults({ duplicatePercent: 100 }, "out", () => pings(5));
    expect(output).toContain("DUP!");
  });

  test("reordering", async () => {
    // A frame held back 20 ms arrives behind the two that follow it.
    const output = await withFaults({ delayMs: 1, reorderPercent: 40 }, "out", () =>
      tell(web, `ping -c 30 -i 0.01 -W 2 ${TARGET}`).then((result) => result.output),
    );
    const order = [...output.matchAll(/seq=(\d+)/g)].map(([, n]) => Number(n));
    expect(order.length).toBeGreaterThan(20);
    expect(order).not.toEqual(order.toSorted((a, b) => a - b));
  });

  test("corruption: the guest drops what fails its checksums, and the page still comes whole", async () => {
    const output = await withFaults({ corruptPercent: 60 }, "out", () => pings(20));
    expect(output).not.toContain(" 0% packet loss");
    const sum = await sh(web, "wget -q -O - http://110.242.68.4/ | sha256sum");
    await withFaults({ corruptPercent: 10 }, "out", async () => {
      expect(await sh(web, "wget -q -O - http://110.242.68.4/ | sha256sum")).toBe(sum);
    });
  });

  test("a rate limit", async () => {
    const output = await withFaults({ rateKbitPerSecond: 64 }, "out", () => pings(3, "-s 1000"));
    // 1042 bytes and 24 of preamble, FCS and gap at 64 kbit/s take 133 ms.
    expect(times(output)).toHaveLength(3);
    for (const time of times(output)) expect(time).toBeGreaterThanOrEqual(130);
  });
});
