/**
 * A real KVM on the core: the tiny image's own kvm-amd runs two guests of kvm-guest.c inside the guest Linux. What the guest's
 * program, the guest's kernel and the core's processor counted must agree, and agree with QEMU's processor on the same kernel.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Virtualization } from "../../../src/emulator/machine.ts";
import {
  startMachine,
  type RunningMachine,
} from "../../../src/hypervisor-model/virtual-machines/running-machine.ts";
import { imagesFolder, repositoryHost, tinySpec } from "../../support/machines.ts";

const LIMIT_MS = 300_000;
const folder = mkdtempSync(join(tmpdir(), "ringside-kvm-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The program, or undefined where there is no compiler for 32-bit programs. */
function compile(): string | undefined {
  const program = join(folder, "kvm-guest");
  const flags =
    "-m32 -O1 -nostdlib -static -fno-pie -no-pie -fno-stack-protector -fno-builtin -ffreestanding -s";
  const { status } = spawnSync("gcc", [
    ...flags.split(" "),
    "-o",
    program,
    join(import.meta.dirname, "kvm-guest.c"),
  ]);
  return status === 0 ? program : undefined;
}

const program = compile();
const hasQemu = spawnSync("qemu-system-i386", ["--version"]).status === 0;

async function withMachine<T>(
  virtualization: Virtualization,
  use: (machine: RunningMachine) => Promise<T>,
): Promise<T> {
  const machine = startMachine(tinySpec({ engine: "core", nics: [], virtualization }), repositoryHost());
  try {
    await machine.ready;
    return await use(machine);
  } finally {
    await machine.powerOff();
  }
}

async function sh(machine: RunningMachine, command: string): Promise<string> {
  const { stdout, stderr } = await machine.agent.run(command, { timeoutMs: LIMIT_MS });
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

interface Run {
  reasons: Record<string, number>;
  sum: number;
  statistics: Record<string, number>;
}

/** The program's lines by guest. */
function parse(output: string): Record<string, Run> {
  const runs: Record<string, Run> = {};
  let run: Run | undefined;
  for (const line of output.split(/\r?\n/)) {
    const name = /^(real|paged)$/.exec(line);
    const stat = /^stat (\w+) (\d+)$/.exec(line);
    const count = /^(IO|HLT|reason \d+|sum) (\d+)$/.exec(line);
    if (name !== null) runs[name[1]] = run = { reasons: {}, sum: 0, statistics: {} };
    else if (run === undefined) continue;
    else if (stat !== null) run.statistics[stat[1]] = Number(stat[2]);
    else if (count !== null && count[1] === "sum") run.sum = Number(count[2]);
    else if (count !== null) run.reasons[count[1]] = Number(count[2]);
  }
  return runs;
}

async function runGuests(virtualization: Virtualization) {
  return withMachine(virtualization, async (machine) => {
    await machine.agent.writeFile("/tmp/kvm-guest", new Uint8Array(readFileSync(program ?? "")), {
      mode: 0o755,
    });
    const output = await sh(machine, "modprobe kvm-amd && /tmp/kvm-guest");
    return { runs: parse(output), output, exits: (await machine.statistics()).vmExits ?? {} };
  });
}

const EXPECTED = { real: { IO: 1000, HLT: 1 }, paged: { IO: 2, HLT: 1 } };
const reasonsOf = (runs: Record<string, Run>) =>
  Object.fromEntries(Object.entries(runs).map(([name, { reasons }]) => [name, reasons]));
const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);

describe.skipIf(program === undefined).each(["on", "nested-paging"] as const)(
  "KVM with virtualization %s",
  (setting) => {
    test(
      "runs both guests, and guest program, guest kernel and processor count alike",
      { timeout: LIMIT_MS },
      async () => {
        const { runs, output, exits } = await runGuests(setting);
        expect(reasonsOf(runs), output).toEqual(EXPECTED);
        // The byte written through one mapping is read through the other, twice.
        expect(runs.paged.sum).toBe(2 * 0x5a);
        const statistics = Object.values(runs).map((run) => run.statistics);
        expect(sum(Object.values(exits))).toBe(sum(statistics.map((one) => one.exits)));
        expect(exits.IOIO).toBe(sum(statistics.map((one) => one.io_exits)));
        expect(exits.HLT).toBe(sum(statistics.map((one) => one.halt_exits)));
      },
    );
  },
);

describe("KVM where the firmware does not let it", () => {
  test(
    "locked off: the flag stays in /proc/cpuinfo, kvm-amd says that the BIOS disables it",
    { timeout: LIMIT_MS },
    async () => {
      const output = await withMachine("locked", (machine) =>
        sh(machine, "grep -wc svm /proc/cpuinfo; modprobe kvm-amd; echo status $?; dmesg | tail -3"),
      );
      expect(output).toMatch(/^1\n/);
      expect(output).toMatch(/status 1/);
      expect(output).toMatch(/disabled by bios/i);
    },
  );

  test("not offered: no flag, and kvm-amd finds no hardware", { timeout: LIMIT_MS }, async () => {
    const output = await withMachine("not-offered", (machine) =>
      sh(machine, "grep -wc svm /proc/cpuinfo; modprobe kvm-amd; echo status $?; dmesg | tail -3"),
    );
    expect(output).toMatch(/^0\n/);
    expect(output).toMatch(/status 1/);
    expect(output).toMatch(/no hardware support/i);
  });
});

/** The same kernel and program on QEMU's processor, by its serial console. */
function runInQemu(): Promise<string> {
  const disk = join(folder, "disk.img");
  const image = new Uint8Array(64 * 1024);
  image.set(readFileSync(program ?? ""));
  writeFileSync(disk, image);
  const argv = [
    "-cpu",
    "max",
    "-m",
    "128",
    "-kernel",
    join(imagesFolder, "tiny/vmlinuz"),
    "-append",
    "console=ttyS0",
  ];
  const devices = [
    "-display",
    "none",
    "-serial",
    "stdio",
    "-no-reboot",
    "-drive",
    `file=${disk},format=raw,if=ide`,
  ];
  const qemu = spawn("qemu-system-i386", [...argv, ...devices]);
  let output = "";
  let asked = false;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(), LIMIT_MS - 20_000);
    const end = () => {
      clearTimeout(timer);
      qemu.kill("SIGKILL");
      resolve(output);
    };
    qemu.on("error", reject);
    qemu.on("exit", end);
    qemu.stdout.on("data", (bytes: Buffer) => {
      output += bytes.toString("latin1");
      if (!asked && output.endsWith("# ")) {
        asked = true;
        qemu.stdin.write("cat /dev/sda > /k; chmod +x /k; modprobe kvm-amd; /k; echo END=$((1+1))\n");
      }
      if (output.includes("END=2")) end();
    });
  });
}

test.skipIf(program === undefined || !hasQemu)(
  "QEMU's processor on the same kernel returns from KVM_RUN for the same reasons as often",
  { timeout: LIMIT_MS },
  async () => {
    const output = await runInQemu();
    expect(reasonsOf(parse(output)), output.slice(-500)).toEqual(EXPECTED);
  },
);
