/** The tiny image as a whole machine: boot, agent, files, reset, power, suspend and resume, panic, disks. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Random } from "../../src/common/random.ts";
import { MemoryStore } from "../../src/hypervisor-model/storage/memory-store.ts";
import {
  startMachine,
  type MachineHost,
  type MachineSpec,
  type Medium,
  type RunningMachine,
  type StartOptions,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";
import { imagesFolder, repositoryHost, sleep, text, tinySpec } from "../support/machines.ts";

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

/** A fresh system disk: the image's file system on a disk of 64 MiB. */
function systemDisk(): Medium {
  const { files } = JSON.parse(readFileSync(join(imagesFolder, "tiny/manifest.json"), "utf8"));
  const { path } = files.find((file: { role: string }) => file.role === "system-disk");
  const bytes = new Uint8Array(64 * MIB);
  bytes.set(readFileSync(join(imagesFolder, "tiny", path)));
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
        disks: [disk.type === "bytes" ? { ...disk, bytes: disk.bytes.slice() } : disk],
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
});
