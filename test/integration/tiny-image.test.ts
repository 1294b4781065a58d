/** What the tiny image itself offers, seen from inside running guests: network service, namespaces, cgroups, disks, consoles. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../src/common/random.ts";
import {
  GO,
  HELLO,
  IDENTITY,
  RUN,
  STATUS,
  decodeMessage,
  decodeStatus,
  encodeMessage,
} from "../../src/emulator/agent/protocol.ts";
import { encodeSlip, SlipDecoder } from "../../src/emulator/agent/slip.ts";
import { AGENT_PORT } from "../../src/emulator/machine.ts";
import { compileV86 } from "../../src/emulator/v86/compile-node.ts";
import { V86Machine } from "../../src/emulator/v86/v86-machine.ts";
import {
  startMachine,
  type MachineSpec,
  type RunningMachine,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";
import { consoleShows, imagesFolder, repositoryHost, sleep, text, tinySpec } from "../support/machines.ts";
import { COURSE_CONFIGURATION } from "../support/course.ts";

const MIB = 2 ** 20;
const host = repositoryHost();
const machines: RunningMachine[] = [];

async function boot(overrides: Partial<MachineSpec>): Promise<RunningMachine> {
  const machine = startMachine(tinySpec(overrides), host, { mode: "cold" });
  machines.push(machine);
  await machine.ready;
  return machine;
}
afterAll(async () => {
  for (const machine of machines) await machine.powerOff().catch(() => undefined);
});

/** What a command printed on both streams, and its status when that is not 0. */
async function sh(machine: RunningMachine, command: string): Promise<string> {
  const { exit, stdout } = await machine.agent.run(`{ ${command}\n} 2>&1`);
  return text(stdout).trim() + (exit === 0 ? "" : `\n[exit ${exit}]`);
}

const imageFile = (path: string) => readFileSync(join(imagesFolder, path));

function systemDisk() {
  const bytes = new Uint8Array(64 * MIB);
  bytes.set(gunzipSync(imageFile("tiny/system-disk.img.gz")));
  return bytes;
}

const CONFIGURATION = "/etc/sysconfig/network-scripts/ifcfg-ens33";

describe("a guest with a system disk and two network cards of different models", () => {
  let guest: RunningMachine;
  const configure = async (content: string) => {
    await guest.agent.writeFile(CONFIGURATION, new TextEncoder().encode(content));
    return sh(guest, "systemctl restart network");
  };

  beforeAll(async () => {
    guest = await boot({
      name: "tiny",
      nics: [
        { model: "ne2000", mac: "00:0c:29:2d:2e:6b", connected: true },
        { model: "virtio", mac: "00:0c:29:2d:2e:6c", connected: true },
      ],
      disks: [{ type: "bytes", bytes: systemDisk(), readOnly: false }],
    });
  });

  test("becomes ready, with its interfaces named ens33 and ens34 and both down", async () => {
    await expect.poll(() => guest.agent.status?.ready, { timeout: 20_000 }).toBe(true);
    expect(guest.agent.status?.nics.map(({ name, mac, up }) => `${name} ${mac} ${up}`)).toEqual([
      "ens33 00:0c:29:2d:2e:6b false",
      "ens34 00:0c:29:2d:2e:6c false",
    ]);
  });

  test("the course's ifcfg-ens33 takes effect with `systemctl restart network`", async () => {
    expect(await configure(COURSE_CONFIGURATION)).toBe("");
    const shown = await sh(guest, "ip a s ens33");
    expect(shown).toMatch(/^\d: ens33: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 .* state UP /);
    expect(shown).toContain("link/ether 00:0c:29:2d:2e:6b brd ff:ff:ff:ff:ff:ff");
    expect(shown).toContain("inet 192.168.10.130/24 brd 192.168.10.255 scope global ens33");
    expect(await sh(guest, "ip route show default")).toBe("default via 192.168.10.2 dev ens33");
    expect(await sh(guest, "cat /etc/resolv.conf")).toBe("nameserver 119.29.29.29");
    expect(await sh(guest, "systemctl is-active network")).toBe("active");
  });

  const ADDRESS = "inet 192.168.10.130/24";
  const ROUTE = "default via 192.168.10.2";

  // As initscripts' ifup-eth of CentOS 7: what cannot be set is told and passed over.
  test.each([
    [
      'IPADDR="192.168.10.130"',
      'IPADDR="192.168.10.300"',
      ["Error adding address 192.168.10.300 for ens33."],
    ],
    [
      'PREFIX="24"',
      'PREFIX="99"',
      [
        "Error adding address 192.168.10.130 for ens33.",
        "Error adding default gateway 192.168.10.2 for ens33.",
      ],
    ],
    ['IPADDR="192.168.10.130"', 'IPADR="192.168.10.130"', []],
  ])(
    "a network whose file has %s changed to %s is up without address and route, and the service is active",
    async (right, wrong, told) => {
      expect(await configure(COURSE_CONFIGURATION.replace(right, wrong))).toBe("");
      const status = await sh(guest, "systemctl status network");
      for (const text of told) expect(status).toContain(text);
      expect(status).toContain("Active: active");
      expect(await sh(guest, "ip -4 addr show ens33; ip route show default")).toBe("");
      expect(await sh(guest, "ip link show ens33")).toContain("state UP");
    },
  );

  test.each([
    ["an unknown BOOTPROTO", 'BOOTPROTO="none"', 'BOOTPROTO="dchp"', [ADDRESS, ROUTE]],
    ["an ONBOOT that is not no", 'ONBOOT="yes"', 'ONBOOT="yse"', [ADDRESS, ROUTE]],
    ["a gateway of another subnet", 'GATEWAY="192.168.10.2"', 'GATEWAY="192.168.11.2"', [ADDRESS]],
    ["a gateway that is no address", 'GATEWAY="192.168.10.2"', 'GATEWAY="192.168.10"', [ADDRESS]],
  ])("with %s, the rest of the file takes effect", async (_, right, wrong, has) => {
    expect(await configure(COURSE_CONFIGURATION.replace(right, wrong))).toBe("");
    const shown = await sh(guest, "ip -4 addr show ens33; ip route show default");
    for (const text of [ADDRESS, ROUTE]) expect(shown.includes(text)).toBe(has.includes(text));
  });

  test.each([
    ["DEVICE", 'DEVICE="ens99"', "Device ens99 does not seem to be present"],
    ["HWADDR", 'HWADDR="00:0C:29:00:00:99"', "Device ens33 has different MAC address than expected"],
  ])("a network whose %s is another's fails, and the log says why", async (_, wrong, reason) => {
    expect(await configure(`${COURSE_CONFIGURATION}${wrong}\n`)).toContain("Job for network.service failed");
    expect(await sh(guest, "systemctl status network")).toContain(reason);
    expect(await sh(guest, "systemctl is-active network")).toBe("failed\n[exit 3]");
  });

  test("an interface with ONBOOT=no stays down", async () => {
    expect(await configure(COURSE_CONFIGURATION.replace('ONBOOT="yes"', "ONBOOT=no"))).toBe("");
    expect(await sh(guest, "ip -br link show ens33")).toContain("DOWN");
  });

  test("iptables takes a rule of address translation and shows it", async () => {
    expect(
      await sh(
        guest,
        "iptables -t nat -A POSTROUTING -s 10.0.0.0/24 -o ens33 -j MASQUERADE && iptables -t nat -S POSTROUTING",
      ),
    ).toBe("-P POSTROUTING ACCEPT\n-A POSTROUTING -s 10.0.0.0/24 -o ens33 -j MASQUERADE");
  });

  test("two network namespaces joined by veth reach each other, and a PID namespace starts at 1", async () => {
    const result = await sh(
      guest,
      `ip netns add red && ip link add blue type veth peer name eth0 netns red
       ip address add 10.9.0.1/24 dev blue; ip link set blue up
       ip netns exec red sh -c 'ip address add 10.9.0.2/24 dev eth0; ip link set eth0 up'
       ping -c 1 -W 5 10.9.0.2 | grep received; ip netns delete red
       unshare -p -f --mount-proc sh -c 'echo pid $$'`,
    );
    expect(result).toBe("1 packets transmitted, 1 packets received, 0% packet loss\npid 1");
  });

  test("a control group ends a process that goes over its memory limit", async () => {
    expect(await sh(guest, "cat /sys/fs/cgroup/cgroup.subtree_control")).toBe("cpu io memory pids");
    const result = await sh(
      guest,
      `mkdir /sys/fs/cgroup/small && echo 8M > /sys/fs/cgroup/small/memory.max
       sh -c 'echo $$ > /sys/fs/cgroup/small/cgroup.procs; exec dd if=/dev/zero of=/dev/null bs=24M count=1'
       echo status $?; grep oom_kill /sys/fs/cgroup/small/memory.events; rmdir /sys/fs/cgroup/small`,
    );
    expect(result).toContain("status 137\noom_kill 1");
  });

  test("a module is loaded when its kind of interface is made", async () => {
    expect(await sh(guest, "ip link add spare type dummy && ip -br link show spare && lsmod")).toMatch(
      /^spare .*\n(.*\n)*dummy /,
    );
  });

  test("modprobe kvm-amd gives the kernel's own refusal on a processor without SVM", async () => {
    expect(await sh(guest, "modprobe kvm-amd; dmesg | tail -n 3")).toMatch(
      /modprobe: can't load module kvm-amd .*: Not supported\n(.*\n)*.*kvm: no hardware support/,
    );
  });

  test("a file system in a file can be mounted, and it takes a loop device that was not there", async () => {
    expect(
      await sh(
        guest,
        "dd if=/dev/zero of=/tmp/fs bs=1M count=4 2>/dev/null; mke2fs -q /tmp/fs && mount -o loop /tmp/fs /mnt && df /mnt | grep -c loop; umount /mnt",
      ),
    ).toBe("1");
  });

  test("the console's size follows the terminal's", async () => {
    await guest.agent.resize(101, 33);
    expect(await sh(guest, "stty size -F /dev/ttyS0")).toBe("33 101");
  });

  test("a new identity gives the running guest its name, clock and hardware address", async () => {
    const time = Date.UTC(2031, 4, 6, 7, 8, 9);
    await guest.agent.setIdentity({ hostname: "renamed", time, macs: ["00:0c:29:00:00:77"] });
    expect(await sh(guest, "hostname; date -u +%Y-%m-%d; cat /sys/class/net/ens33/address")).toBe(
      "renamed\n2031-05-06\n00:0c:29:00:00:77",
    );
  });

  test("vi on the serial console writes Chinese text", async () => {
    const type = (keys: string) => guest.console.write(new TextEncoder().encode(keys));
    type("vi /root/课程.txt\r");
    await consoleShows(guest, "1/1 100%");
    type("i你好，虚拟化");
    await sleep(500);
    type("\u001b"); // vi takes an Escape with a key right behind it for one key
    await consoleShows(guest, "[Modified]");
    await consoleShows(guest, "你好，虚拟化");
    // Back over two characters, the third from the end goes as a whole.
    type("hhx");
    await sleep(300);
    type(":wq\r");
    const read = async () => text(await guest.agent.readFile("/root/课程.txt"));
    await expect.poll(() => read().catch(() => ""), { timeout: 10_000 }).toBe("你好，拟化\n");
  });

  test.each([
    [
      "file systems",
      "for t in ext2 ext3 ext4 squashfs overlay 9p iso9660 vfat; do grep -cw $t /proc/filesystems; done | sort -u",
      "1",
    ],
    [
      "ext2, ext3 and ext4 made and mounted",
      `for t in ext2 ext3 ext4; do
         truncate -s 16M /tmp/f && mkfs.$t -q -F /tmp/f && mount -t $t -o loop /tmp/f /mnt && umount /mnt && echo $t
       done; rm /tmp/f`,
      "ext2\next3\next4",
    ],
    [
      "bridge, VLAN and tap",
      `ip link add br9 type bridge; ip tuntap add tap9 mode tap; ip link set tap9 master br9
       ip link add link br9 name br9.7 type vlan id 7; ip -d link show br9.7 | grep -o 'vlan protocol 802.1Q id 7'
       ip -br link show master br9 | cut -d' ' -f1; ip link del br9; ip link del tap9`,
      "vlan protocol 802.1Q id 7\ntap9",
    ],
    ["IPv6", "ip link set lo up; ping -6 -c 1 ::1 | grep -o '1 packets received'", "1 packets received"],
    [
      "namespaces of every kind",
      "ls /proc/self/ns | grep -v for_children | tr '\\n' ' '",
      "cgroup ipc mnt net pid time user uts",
    ],
    [
      "the kernel's options that labs and both engines need",
      `zcat /proc/config.gz | grep -cE '^CONFIG_(X86_PAE|COMPAT_32BIT_TIME|VIRTIO_CONSOLE|VIRTIO_BALLOON|VIRTIO_NET|NE2K_PCI|NF_TABLES|INIT_ON_FREE_DEFAULT_ON)=y'`,
      "8",
    ],
    [
      "sed -ri",
      "echo ONBOOT=no > /tmp/f; sed -ri 's/^(ONBOOT)=no$/\\1=yes/' /tmp/f; cat /tmp/f",
      "ONBOOT=yes",
    ],
    ["lscpu", "lscpu | grep -c '^Architecture: *i686'", "1"],
    [
      "httpd and wget",
      `echo page > /var/www/html/a; httpd -p 127.0.0.1:8080 -h /var/www/html
       wget -qO- http://127.0.0.1:8080/a; killall httpd`,
      "page",
    ],
    ["nc", "(nc -l -p 9999 -e /bin/echo over &); sleep 1; nc 127.0.0.1 9999 < /dev/null", "over"],
    ["traceroute", "traceroute -n 127.0.0.1 | tail -n 1 | grep -o ' 1  127.0.0.1'", "1  127.0.0.1"],
    [
      "tcpdump",
      `(sleep 2; ping -c 1 127.0.0.1 > /dev/null) &
       timeout 20 tcpdump -c 1 -n -i lo icmp 2> /dev/null | grep -o 'ICMP echo request'`,
      "ICMP echo request",
    ],
  ])("has %s", async (_, command, answer) => {
    expect(await sh(guest, command)).toBe(answer);
  });

  test("root logs in on the screen", async () => {
    const rows: string[] = [];
    guest.display.onUpdate((update) => {
      if (update.type === "text-row") rows[update.row] = String.fromCharCode(...update.characters);
    });
    const screen = () => rows.join("\n");
    await expect.poll(screen, { timeout: 10_000 }).toContain("login:");
    for (const code of [0x13, 0x18, 0x18, 0x14, 0x1c]) guest.display.sendScancodes([code, code | 0x80]);
    await expect.poll(screen, { timeout: 10_000 }).toMatch(/\[root@\w+ ~\]#/);
  });

  test("what the guest changed is there after `reboot`", async () => {
    const before = guest.agent.status!.bootId;
    await sh(guest, "echo kept > /root/kept");
    const again = new Promise<void>((resolve) => {
      guest.agent.onStatus((status) => {
        if (status.stage === "run" && status.bootId !== before) resolve();
      });
    });
    guest.agent.run("reboot").catch(() => undefined);
    await again;
    expect(guest.agent.status?.root).toBe("disk");
    expect(await sh(guest, "cat /root/kept")).toBe("kept");
  });

  test("the reboot left the system disk clean: its journal had nothing to recover", async () => {
    const log = await sh(guest, "dmesg | grep EXT4-fs");
    expect(log).toContain("mounted filesystem");
    expect(log).not.toContain("recovery");
  });
});

describe("small guests", () => {
  test("48 MiB are enough, and a disk without the label is not written to", async () => {
    const disk = { type: "bytes", bytes: new Uint8Array(16 * MIB).fill(0x5a), readOnly: false } as const;
    const guest = await boot({ memoryMiB: 48, disks: [disk] });
    expect(guest.agent.status?.root).toBe("memory");
    await sh(guest, "echo x > /root/x; sync");
    expect(guest.driveActivity().disks[0].writtenBytes).toBe(0);
    expect(await sh(guest, "cmp /dev/sda /dev/zero | head -n 1")).toContain("differ: char 1");
  });

  test("32 MiB are enough to configure a network card and run a program", async () => {
    const guest = await boot({ memoryMiB: 32 });
    expect(
      await sh(guest, "ip address add 10.0.0.1/24 dev ens33; ip link set ens33 up; ip -4 -br a s ens33"),
    ).toContain("10.0.0.1/24");
  });
});

describe("the guest's agent", () => {
  test("answers after thousands of frames of random bytes and of damaged requests", async () => {
    const seed = 20261124;
    const random = new Random(seed);
    const decoder = new SlipDecoder(4096);
    let heard: (() => void) | undefined;
    let dropped = 0;
    let wanted = -1;
    let stage = "";
    const machine = await V86Machine.create(await compileV86(), {
      hardware: { memoryMiB: 64, nics: [], diskBytes: [], hasCdrom: false, hasFloppy: false, bootOrder: [] },
      firmware: { bios: imageFile("firmware/bios.bin"), vgaBios: imageFile("firmware/vgabios-stdvga.bin") },
      boot: { type: "linux", kernel: imageFile("tiny/vmlinuz"), commandLine: "console=tty0 quiet" },
      drives: {},
      seed,
      startTime: Date.UTC(2026, 0, 1),
      events: {
        status: () => undefined,
        transmit: () => undefined,
        screen: () => undefined,
        drive: () => undefined,
        serial: (port, bytes) => {
          if (port !== AGENT_PORT) return;
          decoder.push(bytes, (frame) => {
            const message = decodeMessage(frame);
            if (message?.type !== STATUS) return;
            stage = decodeStatus(message.payload).stage;
            dropped = Number(/^dropped=(\d+)$/m.exec(text(message.payload))?.[1]);
            if (message.id === wanted) heard?.();
          });
        },
      },
    });
    const hello = (id: number) =>
      new Promise<void>((resolve, reject) => {
        wanted = id;
        const timer = setTimeout(() => reject(new Error(`no answer to HELLO ${id}, seed ${seed}`)), 20_000);
        heard = () => (clearTimeout(timer), resolve());
        machine.sendSerial(
          AGENT_PORT,
          encodeSlip(encodeMessage({ type: HELLO, id, payload: new Uint8Array() })),
        );
      });
    await machine.run();
    await expect.poll(() => stage, { timeout: 60_000 }).toBe("run");

    /** A request of any type with any payload. What would run or rename something at random is left out. */
    const request = () => {
      let type = random.below(4) === 0 ? random.below(256) : 1 + random.below(IDENTITY);
      if (type === RUN || type === IDENTITY) type = GO;
      const length = random.below(16) === 0 ? random.below(3000) : random.below(40);
      return [type, random.below(256), random.below(2), ...random.bytes(length)];
    };
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 100; i++) {
        const kind = random.below(3);
        let bytes = kind === 0 ? random.bytes(random.below(60)) : encodeSlip(Uint8Array.from(request()));
        if (kind === 2 && bytes.length > 0) {
          bytes = bytes.slice(random.below(2), bytes.length - random.below(3));
          for (let n = random.below(3); n > 0 && bytes.length > 0; n--) {
            bytes[random.below(bytes.length)] = [0xc0, 0xdb, random.below(256)][random.below(3)];
          }
        }
        machine.sendSerial(AGENT_PORT, bytes);
      }
      await hello(1000 + round);
    }
    expect(dropped).toBeGreaterThan(100);
    const run = "echo alive > /dev/null";
    machine.sendSerial(
      AGENT_PORT,
      encodeSlip(encodeMessage({ type: RUN, id: 5000, payload: new TextEncoder().encode(run) })),
    );
    await hello(2000);
    await machine.destroy();
  });
});
