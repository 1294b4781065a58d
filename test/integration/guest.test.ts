/** The tiny image as a whole machine: boot, agent, files, reset, power, suspend and resume, panic, disks. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import type { AgentStatus } from "../../src/emulator/agent/agent-types.ts";
import { Random } from "../../src/common/random.ts";
import { createDisk } from "../../src/hypervisor-model/storage/disk-document.ts";
import { MemoryStore } from "../../src/hypervisor-model/storage/memory-store.ts";
import {
  startMachine,
  type MachineHost,
  type MachineSpec,
  type Medium,
  type RunningMachine,
  type StartOptions,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";
import { ImageLoader } from "../../src/hypervisor-model/virtual-machines/images.ts";
import { MEDIA } from "../../src/hypervisor-model/virtual-machines/machine-media.ts";
import { imagesFolder, machineSpec, repositoryHost, sleep, text, tinySpec } from "../support/machines.ts";

const MIB = 2 ** 20;
const machines: RunningMachine[] = [];
function start(host: MachineHost, spec: MachineSpec, options?: StartOptions): RunningMachine {
  const machine = startMachine(spec, host, options);
  machines.push(machine);
  return machine;
}
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.powerOff().catch(() => undefined);
});

async function sh(machine: RunningMachine, command: string): Promise<string> {
  const { exit, stdout, stderr } = await machine.agent.run(command);
  if (exit !== 0) throw new Error(`${command} ended with ${exit}: ${text(stderr)}`);
  return text(stdout).trim();
}

const nics = (models: ("ne2000" | "virtio")[]) =>
  models.map((model, i) => ({ model, mac: `00:0c:29:00:00:0${i + 1}`, connected: true }));

/** The status of the boot that follows the one with this id. */
function bootAfter(machine: RunningMachine, bootId: string): Promise<AgentStatus> {
  return new Promise((resolve) => {
    const stop = machine.agent.onStatus((status) => {
      if (status.stage !== "run" || status.bootId === bootId) return;
      stop();
      resolve(status);
    });
  });
}

/** A kernel that takes seconds to load, as over a slow network. */
class SlowKernel extends ImageLoader {
  override async read(...[image, file]: Parameters<ImageLoader["read"]>): Promise<Uint8Array> {
    if (file.role === "kernel") await sleep(4000);
    return super.read(image, file);
  }
}

/** The folder has lost its kernel. */
class LostKernel extends ImageLoader {
  override async read(...[image, file]: Parameters<ImageLoader["read"]>): Promise<Uint8Array> {
    return super.read(
      image,
      file.role === "kernel" ? { ...file, path: "lost", sha256: "0".repeat(64) } : file,
    );
  }
}

/** The image's template of a system disk, a gzip file. */
function systemTemplate(): Uint8Array {
  const { files } = JSON.parse(readFileSync(join(imagesFolder, "tiny/manifest.json"), "utf8"));
  const { path } = files.find((file: { role: string }) => file.role === "system-disk");
  return readFileSync(join(imagesFolder, "tiny", path));
}

/** A fresh system disk of 64 MiB. */
function systemDisk(): Extract<Medium, { type: "bytes" }> {
  const bytes = new Uint8Array(64 * MIB);
  bytes.set(gunzipSync(systemTemplate()));
  return { type: "bytes", bytes, readOnly: false };
}

describe("a guest that was booted cold", () => {
  const host = repositoryHost();

  test("answers through its agent, with its own name, and runs commands with both streams and their status", async () => {
    const machine = start(host, tinySpec({ name: "Web 1" }), { mode: "cold" });
    const status = await machine.ready;
    expect(machine.startedBy).toBe("cold");
    expect(status.stage).toBe("run");
    const result = await machine.agent.run("echo out; echo err >&2; exit 7");
    expect([result.exit, text(result.stdout), text(result.stderr)]).toEqual([7, "out\n", "err\n"]);
    expect(await sh(machine, "hostname")).toBe("web-1");
    expect(await sh(machine, "cat /etc/machine-id")).toBe(machine.id.replaceAll("-", ""));
    expect(Math.abs(Number(await sh(machine, "date +%s")) - Date.now() / 1000)).toBeLessThan(3);
  });

  test.each([64, 40, 32])("has its %i MiB but for what the kernel takes", async (memoryMiB) => {
    const machine = start(host, tinySpec({ memoryMiB, nics: [] }), { mode: "cold" });
    await machine.ready;
    const total = Number(await sh(machine, "sed -n 's/MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo"));
    expect(total / 1024).toBeGreaterThan(memoryMiB - 12);
  });

  test("takes and gives files byte for byte, while commands run beside", async () => {
    const machine = start(host, tinySpec());
    await machine.ready;
    const seed = 20261123;
    const bytes = new Random(seed).bytes(200_000);
    const [, flood] = await Promise.all([
      machine.agent.writeFile("/root/blob", bytes, { mode: 0o600 }),
      machine.agent.run("i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done"),
    ]);
    expect(text(flood.stdout).split("\n")).toHaveLength(301);
    expect(Buffer.compare(await machine.agent.readFile("/root/blob"), bytes), `seed ${seed}`).toBe(0);
    expect(await sh(machine, "stat -c '%a %s' /root/blob")).toBe("600 200000");
    await expect(machine.agent.readFile("/nowhere")).rejects.toMatchObject({
      name: "AgentRequestError",
      errno: 2,
    });
  });

  test("a command that takes too long is killed and named", async () => {
    const machine = start(host, tinySpec());
    await machine.ready;
    await expect(machine.agent.run("sleep 77", { timeoutMs: 500 })).rejects.toMatchObject({
      name: "AgentTimeoutError",
    });
    await sleep(200);
    expect(await sh(machine, "pgrep -f 'sleep 7[7]' || echo none")).toBe("none");
  });
});

describe("power", () => {
  const host = repositoryHost();

  test("a reset boots the guest again, and what was asked before is answered with an error", async () => {
    const machine = start(host, tinySpec());
    const { bootId } = await machine.ready;
    const lost = machine.agent.run("sleep 100");
    const refused = expect(lost).rejects.toMatchObject({ name: "AgentLostError" });
    await machine.reset();
    await refused;
    expect((await bootAfter(machine, bootId)).hostname).toBe("guest");
    expect(await sh(machine, "echo again")).toBe("again");
  });

  test("a guest that reboots by itself comes up again with its name", async () => {
    const machine = start(host, tinySpec({ name: "phoenix" }));
    const { bootId } = await machine.ready;
    machine.agent.run("reboot -f").catch(() => undefined);
    expect((await bootAfter(machine, bootId)).hostname).toBe("phoenix");
    expect(await sh(machine, "hostname")).toBe("phoenix");
  });

  test("a guest that reboots before its kernel is there waits for it", async () => {
    const slow = { ...host, images: new SlowKernel({ type: "folder", path: imagesFolder }) };
    const machine = start(slow, tinySpec({ name: "patience" }));
    const { bootId } = await machine.ready;
    machine.agent.run("reboot -f").catch(() => undefined);
    expect((await bootAfter(machine, bootId)).hostname).toBe("patience");
  });

  test("a guest that reboots while its kernel cannot be loaded has ended, and says so", async () => {
    const without = { ...host, images: new LostKernel({ type: "folder", path: imagesFolder }) };
    // The shape that the image has a state for.
    const machine = start(without, tinySpec({ disks: [systemDisk()] }));
    await machine.ready;
    machine.agent.run("reboot -f").catch(() => undefined);
    expect(await machine.ended).toMatchObject({
      type: "no-kernel",
      error: { name: "ImageError", problem: "not-found" },
    });
  });

  test("a guest that powers itself off has ended", async () => {
    const machine = start(host, tinySpec());
    await machine.ready;
    machine.agent.run("poweroff -f").catch(() => undefined);
    expect(await machine.ended).toEqual({ type: "halted" });
  });

  test("a kernel panic ends the machine with the kernel's own words", async () => {
    const machine = start(host, tinySpec());
    await machine.ready;
    machine.agent.run("echo c > /proc/sysrq-trigger").catch(() => undefined);
    expect(await machine.ended).toMatchObject({ type: "panicked", line: expect.stringContaining("panic") });
  });

  test("a program that prints a kernel's panic message does not end the machine", async () => {
    const machine = start(host, tinySpec());
    await machine.ready;
    await sh(machine, "echo '[    9.000000] Kernel panic - not syncing: no' > /dev/ttyS0");
    await sleep(500);
    expect(machine.status.type).toBe("running");
    expect(await sh(machine, "echo alive")).toBe("alive");
  });

  test("a suspended guest goes on in a new thread with its processes, its files and the time of day", async () => {
    const first = start(host, tinySpec());
    await first.ready;
    await sh(first, "echo kept > /tmp/kept; sleep 1000 & echo $! > /tmp/pid");
    const boot = await sh(first, "cat /proc/sys/kernel/random/boot_id");
    const state = await first.suspend();
    await sleep(2000);
    const second = start(host, tinySpec(), { resume: state });
    await second.ready;
    expect(second.startedBy).toBe("resume");
    expect(await sh(second, "cat /tmp/kept; kill -0 $(cat /tmp/pid) && echo runs")).toBe("kept\nruns");
    expect(await sh(second, "cat /proc/sys/kernel/random/boot_id")).toBe(boot);
    expect(Math.abs(Number(await sh(second, "date +%s")) - Date.now() / 1000)).toBeLessThan(3);
  });

  test("the guest's clock stands still while it is paused, and is set right afterwards", async () => {
    const machine = start(host, tinySpec());
    await machine.ready;
    const uptime = async () => Number((await sh(machine, "cat /proc/uptime")).split(" ")[0]);
    const before = await uptime();
    await machine.pause();
    await sleep(3000);
    await machine.run();
    expect((await uptime()) - before).toBeLessThan(2);
    await sleep(200);
    expect(Math.abs(Number(await sh(machine, "date +%s")) - Date.now() / 1000)).toBeLessThan(3);
  });
});

describe("network cards", () => {
  const host = repositoryHost();
  const addresses = "for i in /sys/class/net/e*; do cat $i/address; done";

  test.each([
    [["ne2000", "ne2000"]],
    [["virtio", "virtio"]],
    [["virtio", "ne2000"]],
    [["ne2000", "virtio"]],
  ] as ("ne2000" | "virtio")[][][])(
    "%j: the guest has both, in our order and with our addresses",
    async (models) => {
      const machine = start(host, tinySpec({ nics: nics(models) }), { mode: "cold" });
      await machine.ready;
      expect((await sh(machine, addresses)).split("\n")).toEqual(["00:0c:29:00:00:01", "00:0c:29:00:00:02"]);
    },
  );

  test("virtio shows a pulled cable as carrier 0", async () => {
    const machine = start(host, tinySpec({ nics: nics(["virtio"]) }), { mode: "cold" });
    await machine.ready;
    await sh(machine, "for i in /sys/class/net/e*; do ip link set ${i##*/} up; done");
    const carrier = () => sh(machine, "cat /sys/class/net/e*/carrier");
    await expect.poll(carrier).toBe("1");
    machine.setLink(0, false);
    await expect.poll(carrier).toBe("0");
    machine.setLink(0, true);
    await expect.poll(carrier).toBe("1");
  });

  test.each(["ne2000", "virtio"] as const)(
    "two guests with %s reach each other over a cable",
    async (model) => {
      const { port1, port2 } = new MessageChannel();
      const pair = [port1, port2].map((port, i) =>
        start(
          host,
          tinySpec({ name: `g${i}`, nics: [{ ...nics([model])[0], mac: `00:0c:29:00:01:0${i}`, port }] }),
        ),
      );
      await Promise.all(pair.map((machine) => machine.ready));
      await Promise.all(
        pair.map((machine, i) =>
          sh(
            machine,
            `d=$(ls -d /sys/class/net/e*); d=\${d##*/}; ip addr add 10.0.0.${i + 1}/24 dev $d; ip link set $d up`,
          ),
        ),
      );
      expect(await sh(pair[0], "ping -c 3 -W 5 10.0.0.2")).toContain("3 packets received");
    },
  );
});

describe("a warm start", () => {
  const host = repositoryHost(new MemoryStore());

  test("has its own name, address, clock and random numbers, and the disk as it is now", async () => {
    const disk = systemDisk();
    const first = start(host, tinySpec({ memoryMiB: 48, disks: [disk] }));
    await first.ready;
    await sh(first, "echo first > /root/mark; sync");
    const boot = await sh(first, "cat /proc/sys/kernel/random/boot_id; head -c 16 /dev/urandom | hexdump");
    await first.powerOff();
    const second = start(
      host,
      tinySpec({
        id: "7d3a0e52-4a52-4f3c-8d59-0123456789ab",
        name: "second",
        memoryMiB: 48,
        nics: [{ model: "ne2000", mac: "00:0c:29:aa:bb:cc", connected: true }],
        disks: [{ ...disk, bytes: disk.bytes.slice() }],
      }),
    );
    await second.ready;
    expect(second.startedBy).toBe("warm");
    expect(await sh(second, "hostname")).toBe("second");
    expect(await sh(second, "cat /etc/machine-id")).toBe(second.id.replaceAll("-", ""));
    expect(await sh(second, "cat /sys/class/net/e*/address")).toBe("00:0c:29:aa:bb:cc");
    expect(Math.abs(Number(await sh(second, "date +%s")) - Date.now() / 1000)).toBeLessThan(3);
    expect(await sh(second, "head -c 16 /dev/urandom | hexdump")).not.toBe(boot);
  });

  test("sees the partitions that its data disk has now", async () => {
    const blank: Medium = { type: "bytes", bytes: new Uint8Array(4 * MIB), readOnly: false };
    const first = start(host, tinySpec({ nics: [], disks: [systemDisk(), blank] }));
    await first.ready;
    expect(await sh(first, "cat /proc/partitions")).not.toContain("sdb1");
    await first.powerOff();
    const bytes = new Uint8Array(4 * MIB);
    // One partition of 1 MiB from sector 2048, type 83h.
    const entry = new DataView(bytes.buffer, 0x1be);
    entry.setUint8(4, 0x83);
    entry.setUint32(8, 2048, true);
    entry.setUint32(12, 2048, true);
    bytes.set([0x55, 0xaa], 510);
    const second = start(
      host,
      tinySpec({ nics: [], disks: [systemDisk(), { type: "bytes", bytes, readOnly: false }] }),
    );
    await second.ready;
    expect(second.startedBy).toBe("warm");
    expect(await sh(second, "cat /proc/partitions")).toMatch(/1024 sdb1/);
  });

  test("a state from a store serves another program that uses the store", async () => {
    const store = new MemoryStore();
    const spec = tinySpec({ memoryMiB: 32 });
    const first = start(repositoryHost(store), spec);
    await first.ready;
    expect(first.startedBy).toBe("cold");
    await expect.poll(async () => (await store.list("warm-states")).length, { timeout: 10_000 }).toBe(1);
    const second = start(repositoryHost(store), spec);
    await second.ready;
    expect(second.startedBy).toBe("warm");
    expect(await sh(second, "echo works")).toBe("works");
  });
});

describe("a disk in the store", () => {
  test("keeps what the guest wrote when the plug is pulled after sync", async () => {
    const store = new MemoryStore();
    const host = repositoryHost(store);
    const { id } = await createDisk(store, { sizeMiB: 64, template: systemTemplate() });
    const spec = tinySpec({ disks: [{ type: "disk", disk: id }] });
    const first = start(host, spec);
    expect((await first.ready).root).toBe("disk");
    await sh(first, "head -c 300000 /dev/urandom > /root/data; sha256sum /root/data > /root/sum; sync");
    await first.powerOff();
    expect(first.driveActivity().disks[0].writtenBytes).toBeGreaterThan(300_000);
    const second = start(host, spec);
    await second.ready;
    expect(await sh(second, "sha256sum -c /root/sum")).toBe("/root/data: OK");
  });
});

/** The text of the guest's screen, row by row. */
async function screenShows(machine: RunningMachine, words: string): Promise<void> {
  const rows: string[] = [];
  machine.display.onUpdate((update) => {
    if (update.type === "text-row") rows[update.row] = String.fromCharCode(...update.characters);
  });
  await expect.poll(() => rows.join("\n"), { timeout: 30_000 }).toContain(words);
}

describe("boot media", () => {
  /** A floppy of 1.44 MB whose boot sector prints this through the BIOS and halts. */
  function bootFloppy(words: string): Medium {
    const bytes = new Uint8Array(1_474_560);
    // prettier-ignore
    bytes.set([
      0xbe, 0x10, 0x7c, // mov si, 7c10h
      0xac, // next: lodsb
      0x08, 0xc0, // or al, al
      0x74, 0x06, // jz stop
      0xb4, 0x0e, // mov ah, 0eh
      0xcd, 0x10, // int 10h
      0xeb, 0xf5, // jmp next
      0xeb, 0xfe, // stop: jmp stop
    ]);
    bytes.set(new TextEncoder().encode(words), 0x10);
    bytes.set([0x55, 0xaa], 510);
    return { type: "bytes", bytes, readOnly: true };
  }

  test("a floppy boots; after another was put in, a reset boots that one", async () => {
    const spec = machineSpec({ memoryMiB: 16, floppy: bootFloppy("first floppy"), bootOrder: ["floppy"] });
    const machine = start(repositoryHost(), spec);
    await screenShows(machine, "first floppy");
    await machine.insertMedium("floppy", null);
    await machine.insertMedium("floppy", bootFloppy("second floppy"));
    await machine.reset();
    await screenShows(machine, "second floppy");
  });

  /** A floppy that counts in its second sector how often it was booted, and prints the count. */
  function countingFloppy(): Uint8Array {
    const bytes = new Uint8Array(1_474_560);
    // prettier-ignore
    bytes.set([
      0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, // xor ax, ax; mov ds, ax; mov es, ax
      0xbb, 0x00, 0x80, // mov bx, 8000h
      0xb8, 0x01, 0x02, 0xb9, 0x02, 0x00, 0xba, 0x00, 0x00, 0xcd, 0x13, // read sector 2: ax 0201h, cx 2, dx 0, int 13h
      0xfe, 0x06, 0x00, 0x80, // inc byte [8000h]
      0xb8, 0x01, 0x03, 0xb9, 0x02, 0x00, 0xba, 0x00, 0x00, 0xcd, 0x13, // write it back: ax 0301h
      0x72, 0x17, // jc stop
      0xbe, 0x40, 0x7c, // mov si, 7c40h
      0xac, 0x08, 0xc0, 0x74, 0x06, 0xb4, 0x0e, 0xcd, 0x10, 0xeb, 0xf5, // lodsb; print until 0
      0xa0, 0x00, 0x80, 0x04, 0x30, 0xb4, 0x0e, 0xcd, 0x10, // mov al, [8000h]; add al, '0'; print
      0xeb, 0xfe, // stop: jmp stop
    ]);
    bytes.set(new TextEncoder().encode("starts: "), 0x40);
    bytes.set([0x55, 0xaa], 510);
    return bytes;
  }

  test("what a guest writes to a floppy in the store is on it at its next start", async () => {
    const store = new MemoryStore();
    await store.commit({ put: [{ collection: MEDIA, key: "f", value: { bytes: countingFloppy() } }] });
    const floppy = { type: "floppy", medium: "f" } as const;
    const spec = machineSpec({ memoryMiB: 16, floppy, bootOrder: ["floppy"] });
    for (const starts of [1, 2]) {
      const machine = start(repositoryHost(store), spec);
      await screenShows(machine, `starts: ${starts}`);
      await machine.powerOff();
    }
  });

  test("a Multiboot kernel boots and draws its text screen", async () => {
    const spec = tinySpec({ software: { type: "image", image: "grub-invaders" }, memoryMiB: 16, nics: [] });
    await screenShows(start(repositoryHost(), spec), "-*--*-");
  });

  test("a CD image boots from its drive and shows its menu", async () => {
    const machine = start(
      repositoryHost(),
      tinySpec({ software: { type: "image", image: "grub-rescue" }, bootOrder: ["cdrom"] }),
    );
    await screenShows(machine, "GRUB");
    await expect(machine.ready).rejects.toMatchObject({ name: "MachineEndedError" });
  });
});
