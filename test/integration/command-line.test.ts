/** The real command, spawned: exit statuses, what is on which stream, whole guests. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { listDisks } from "../../src/hypervisor-model/storage/disk-document.ts";
import { openDisk } from "../../src/hypervisor-model/storage/disk.ts";
import { openFolderStore } from "../../src/hypervisor-model/storage/folder-store.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ringside-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

const program = join(root, "src/cli/ringside.mjs");

function ringside(...argv: string[]) {
  return ringsideWith({}, ...argv);
}

/** With something on standard input, or other images. */
function ringsideWith({ input = "", images }: { input?: string; images?: string }, ...argv: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...argv], {
    encoding: "utf8",
    cwd: folder,
    timeout: 110_000,
    input,
    env: { ...process.env, ...(images === undefined ? {} : { RINGSIDE_IMAGES: images }) },
  });
  return { status, stdout, stderr };
}

const kernel = () => readFileSync(join(root, "images/tiny/vmlinuz"));
/** A file of the folder that the commands run in. */
function file(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return name;
}

function scenario(name: string, document: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof document === "string" ? document : JSON.stringify(document));
  return path;
}

describe("requests that are wrong", () => {
  test.each<[string, string[], string]>([
    ["an unknown command", ["fly"], 'no command "fly"'],
    ["an unknown option", ["boot", "--cores", "2"], "--cores"],
    ["an unknown engine", ["boot", "--engine", "qemu"], 'expected v86 or core, found "qemu"'],
    [
      "memory that is no number",
      ["boot", "--memory", "lots"],
      '--memory: expected a whole number, found "lots"',
    ],
    ["JSON without commands", ["boot", "--json"], "--json needs --exec"],
    ["a kernel that is not there", ["boot", "--kernel", "no-such-file"], "there is no file no-such-file"],
    ["an initrd without a kernel", ["boot", "--initrd", "x"], "--initrd and --append go with --kernel"],
    ["an image that is not there", ["boot", "--image", "multics"], 'there is no image "multics"; there are'],
    ["too little memory", ["boot", "--memory", "0"], "memoryMiB: expected at least 4, found 0"],
    [
      "too little memory for the image",
      ["boot", "--memory", "24", "--exec", "true"],
      "tiny needs at least 32 MiB of memory; the machine has 24",
    ],
    [
      "commands for an image without the agent",
      ["boot", "--image", "grub-invaders", "--exec", "true"],
      "--exec needs a guest with Ringside's agent; grub-invaders has none",
    ],
    ["a text for a kernel", ["boot", "--kernel", file("text", "no kernel\n")], "the kernel is not a bzImage"],
    [
      "half a kernel",
      ["boot", "--kernel", file("half", kernel().subarray(0, 3_000_000))],
      "the kernel is cut off: its header says",
    ],
    ["a file for a store", ["boot", "--store", file("no-store", ""), "--exec", "true"], "no-store"],
    ["a folder for a scenario", ["run", "."], ". is a folder, expected a file"],
    ["no scenario", ["run"], "expected one scenario file"],
    ["a scenario that is not there", ["run", "no-such-file"], "no-such-file"],
    ["an unknown benchmark", ["bench", "speed"], 'no benchmark "speed"'],
  ])("%s: status 2, one line on standard error, nothing on standard output", (_, argv, message) => {
    const { status, stdout, stderr } = ringside(...argv);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("kernels that cannot be booted on the core", () => {
  /** A Multiboot ELF file of one segment: `bytes` of the file at 1 MiB, and the entry point. */
  function elf(bytes: number, memory: number, code: number[], entry = 0x100020): Uint8Array {
    const file = new Uint8Array(84 + 32 + code.length);
    const view = new DataView(file.buffer);
    file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
    for (const [at, value] of [
      [16, 2],
      [18, 3],
      [42, 32],
      [44, 1],
    ])
      view.setUint16(at, value, true);
    const words = [
      [20, 1],
      [24, entry],
      [28, 52], // program headers
      [52, 1], // PT_LOAD: offset, virtual and physical address, bytes in the file and in memory
      [56, 84],
      [60, 0x100000],
      [64, 0x100000],
      [68, bytes],
      [72, memory],
      [84, 0x1badb002],
      [92, -0x1badb002],
    ];
    for (const [at, value] of words) view.setInt32(at, value, true);
    file.set(code, 84 + 32);
    return file;
  }
  const MIB = 2 ** 20;
  test.each<[string, Uint8Array, number, string]>([
    ["a file that is no kernel", new Uint8Array(8192).fill(0x41), 2, "the kernel is not a bzImage"],
    ["an empty file", new Uint8Array(), 2, "the kernel is not a bzImage"],
    [
      "an ELF file that was cut off",
      elf(4096, 4096, []),
      2,
      "a segment is 4180 bytes into the file, expected within its 116 bytes",
    ],
    [
      "an ELF file of another machine",
      elf(32, 32, []).map((byte, i) => (i === 18 ? 62 : byte)),
      2,
      "expected 1, 1, 3 (32-bit i386)",
    ],
    [
      "an image larger than the memory",
      elf(32, 512 * MIB, []),
      2,
      "expected between 1 MiB and the end of memory",
    ],
    ["a jump into nothing", elf(33, 33, [0xcc], 0x70000000), 1, "where there is no memory: invalid opcode"],
    [
      // lidt [100000h], which is the header; int3
      "a triple fault",
      elf(40, 40, [0x0f, 0x01, 0x1d, 0x00, 0x00, 0x10, 0x00, 0xcc]),
      1,
      "triple fault at 0008:00100027: general protection fault (error 001Ah), then",
    ],
  ])("%s: a named reason on standard error, and a status that is not 0", (_, bytes, expected, reason) => {
    const path = join(folder, "kernel");
    writeFileSync(path, bytes);
    const { status, stderr } = ringside("boot", "--engine", "core", "--kernel", path);
    expect(stderr).toContain(reason);
    expect(status).toBe(expected);
  });

  test("a guest of the firmware that shuts its processor down is ended, with the reason", () => {
    const kernel = readFileSync(join(root, "images/tiny/vmlinuz"));
    // The 32-bit entry point: an invalid opcode, while no interrupt table stands there yet.
    const setup = (kernel[0x1f1] + 1) * 512;
    kernel.set([0x0f, 0x0b], setup);
    const path = join(folder, "kernel");
    writeFileSync(path, kernel);
    const { status, stderr } = ringside("boot", "--engine", "core", "--kernel", path);
    expect(stderr).toContain("triple fault at 0010:00100000: invalid opcode");
    expect(status).toBe(1);
  });
});

test("help names the commands", () => {
  const { status, stdout } = ringside("--help");
  expect(status).toBe(0);
  for (const command of ["boot", "run", "cpu-test", "rom", "predict", "lab", "bench"])
    expect(stdout).toContain(`ringside ${command}`);
});

describe("a scenario that is refused", () => {
  test.each<[string, unknown, string]>([
    ["no JSON", "{", "not JSON: line 1"],
    [
      "a broken reference",
      {
        ringside: 1,
        machines: [{ name: "a" }, { name: "b", nics: [{ network: "vmnet9" }] }],
      },
      'machines[1].nics[0].network: no network "vmnet9"',
    ],
    [
      "a medium that is not there",
      { ringside: 1, machines: [{ name: "a", image: { iso: "/no-such.iso" } }] },
      "machines[0].image.iso: there is no file",
    ],
    ["an unknown image", { ringside: 1, machines: [{ name: "a", image: "multics" }] }, "machines[0].image"],
    [
      "too little memory for the image",
      { ringside: 1, machines: [{ name: "a", memoryMiB: 16 }] },
      "machines[0].memoryMiB: tiny needs at least 32, found 16",
    ],
  ])("for %s: status 2 and the path", (_, document, message) => {
    const { status, stdout, stderr } = ringside("run", scenario("bad.json", document), "--json");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(message);
  });
});

describe("an image that is not what its manifest says", () => {
  const images = join(folder, "images");
  const path = join(images, "tiny/vmlinuz");
  const bootCold = () => ringsideWith({ images }, "boot", "--cold", "--exec", "true");

  test.each<[string, () => void, string]>([
    [
      "another kernel",
      () => {
        const bytes = kernel();
        bytes[1000] ^= 1;
        writeFileSync(path, bytes);
      },
      "tiny/vmlinuz: its SHA-256 is",
    ],
    [
      "half a kernel",
      () => writeFileSync(path, kernel().subarray(0, 100_000)),
      "tiny/vmlinuz: it has 100000 bytes instead of",
    ],
    ["no kernel", () => rmSync(path), "tiny/vmlinuz: the folder has no such file"],
    [
      "a manifest that is none",
      () => writeFileSync(join(images, "tiny/manifest.json"), "{"),
      "tiny/manifest.json: the manifest cannot be read",
    ],
  ])("%s: status 1, one sentence, and what to do", (_, damage, message) => {
    rmSync(images, { recursive: true, force: true });
    cpSync(join(root, "images"), images, { recursive: true });
    damage();
    const { status, stdout, stderr } = bootCold();
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/get (Ringside|it) again|not a guest image/);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("a guest", () => {
  test("runs commands in turn, ends with the first status that is not 0, and keeps the streams apart", () => {
    const { status, stdout, stderr } = ringside(
      "boot",
      "--exec",
      "echo out; echo err >&2",
      "--exec",
      "exit 7",
      "--exec",
      "echo last",
    );
    expect({ status, stdout, stderr }).toEqual({ status: 7, stdout: "out\nlast\n", stderr: "err\n" });
  });

  test("answers in JSON and nothing else", () => {
    const { status, stdout } = ringside("boot", "--json", "--exec", "echo ü");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      commands: [{ command: "echo ü", exit: 0, stdout: "ü\n", stderr: "" }],
    });
  });

  test("takes what comes on standard input as typed on its console, and ends with 0 when it shuts down", () => {
    const { status, stdout } = ringsideWith({ input: "echo typed $((40 + 2)); poweroff -f\n" }, "boot");
    expect(stdout).toContain("typed 42");
    expect(status).toBe(0);
  });

  test("that panics ends the command with 1 and the kernel's words", () => {
    const { status, stderr } = ringside("boot", "--exec", "echo c > /proc/sysrq-trigger; sleep 60");
    expect(stderr).toContain("the guest's kernel gave up: Kernel panic - not syncing: sysrq triggered crash");
    expect(status).toBe(1);
  });

  test.each(["v86", "core"])("of one's own kernel on %s has its console on standard output", (engine) => {
    const own = [
      "--engine",
      engine,
      "--kernel",
      join(root, "images/tiny/vmlinuz"),
      "--append",
      "console=ttyS0",
    ];
    // What comes before the kernel listens is lost.
    const input = "\n".repeat(40) + "grep MemTotal /proc/meminfo; poweroff -f\n";
    const { status, stdout } = ringsideWith({ input }, "boot", ...own, "--memory", "40");
    expect(stdout).toMatch(/MemTotal: +3\d{4} kB/);
    expect(status).toBe(0);
  });

  test("boots on the core, and says in JSON that it started from cold", () => {
    const { status, stdout } = ringside("boot", "--engine", "core", "--json", "--exec", "uname -m");
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      startedBy: "cold",
      commands: [{ stdout: "i686\n" }],
    });
    expect(status).toBe(0);
  });

  test("with --cold runs its firmware, without it starts from the image's saved state", () => {
    const startedBy = (...more: string[]) =>
      (JSON.parse(ringside("boot", ...more, "--json", "--exec", "true").stdout) as { startedBy: string })
        .startedBy;
    expect(startedBy()).toBe("warm");
    expect(startedBy("--cold")).toBe("cold");
  });

  test("whose store another process has open is not started", async () => {
    const store = join(folder, "held");
    const holder = spawn(process.execPath, [program, "boot", "--store", store], { cwd: folder });
    try {
      await once(holder.stdout, "data");
      const { status, stdout, stderr } = ringside("boot", "--store", store, "--exec", "true");
      expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
      expect(stderr).toBe(`ringside boot: the store in ${store} is in use by process ${holder.pid}\n`);
    } finally {
      holder.kill();
    }
  });

  test("finds its system disk as it left it when its store is kept", () => {
    const store = join(folder, "store");
    expect(ringside("boot", "--store", store, "--exec", "echo kept > /root/note; sync").status).toBe(0);
    expect(ringside("boot", "--store", store, "--exec", "cat /root/note")).toMatchObject({
      status: 0,
      stdout: "kept\n",
    });
  });
});

test("a kept machine takes the engine that is asked for, and keeps it when none is", async () => {
  const store = join(folder, "kept-engine");
  const engineAfter = async (...more: string[]) => {
    // Refused after the settings are stored: no guest is needed.
    expect(ringside("boot", "--store", store, "--kernel", file("no-kernel", "x"), ...more).status).toBe(2);
    const kept = await openFolderStore(store);
    const [{ value }] = await kept.list("machines");
    await kept.close();
    return (value as { engine: string }).engine;
  };
  expect(await engineAfter()).toBe("v86");
  expect(await engineAfter("--engine", "core")).toBe("core");
  expect(await engineAfter()).toBe("core");
});

describe("a disk image of the user's", () => {
  test("is a disk of the kept store: what was written to it is there in the next run", async () => {
    const store = join(folder, "own-disk");
    const image = new Uint8Array(1 << 20).fill(0x11);
    writeFileSync(join(folder, "own.img"), image);
    const machines = [{ name: "own", image: { disk: "own.img" } }];
    const file = scenario("own-disk.json", { ringside: 1, machines, steps: [] });
    // There is no system on it, so it is powered on and nothing answers: 1. A file that is refused would give 2.
    const play = () => ringside("run", file, "--store", store).status;
    expect(play()).toBe(1);
    let kept = await openFolderStore(store);
    const [{ id }] = await listDisks(kept);
    const disk = await openDisk(kept, id);
    expect(Buffer.compare(await disk.read(0, image.length), image)).toBe(0);
    await disk.write(4096, new Uint8Array(512).fill(0x22));
    await disk.close();
    await kept.close();
    expect(play()).toBe(1);
    kept = await openFolderStore(store);
    expect(await listDisks(kept)).toHaveLength(1);
    const again = await openDisk(kept, id, { readOnly: true });
    expect((await again.read(4096, 512))[0]).toBe(0x22);
    await kept.close();
  });
});

describe("a scenario that is played", () => {
  const machines = [{ name: "a", disks: [{ name: "system", role: "system", sizeMiB: 64 }] }];
  const play = (steps: object[]) => {
    const { status, stdout } = ringside(
      "run",
      scenario("play.json", { ringside: 1, machines, steps }),
      "--json",
    );
    const answer = JSON.parse(stdout) as {
      ok: boolean;
      steps: { index: number; ok: boolean; exit: number | null; output: string; error: string | null }[];
    };
    return { status, ...answer };
  };

  test("reports each step, goes on after a failure, and ends with 1", () => {
    const { status, ok, steps } = play([
      { on: "a", run: "echo out; echo err >&2", expect: { exit: 0, output: "out\nerr" } },
      { on: "a", run: "echo early; sleep 60", timeoutSeconds: 1 },
      { on: "a", run: "exit 3", expect: { exit: 0 } },
      { on: "a", run: "exit 3", expect: { exit: "nonzero" } },
      { on: "a", run: "exit 4" },
    ]);
    expect({ status, ok }).toEqual({ status: 1, ok: false });
    expect(steps.map(({ index, ok, exit, output }) => [index, ok, exit, output])).toEqual([
      [0, true, 0, "out\nerr\n"],
      [1, false, null, "early\n"],
      [2, false, 3, ""],
      [3, true, 3, ""],
      [4, true, 4, ""],
    ]);
    expect(steps[1].error).toBe("no end after 1 s");
    expect(steps[2].error).toBe("exit status 3, expected 0");
    expect(steps[0]).toHaveProperty("seconds");
  });

  test("keeps the disk over power off, the memory over suspend, and refuses what the state forbids", () => {
    const { status, steps } = play([
      {
        on: "a",
        run: "echo disk > /root/f; sync; echo memory > /tmp/m; cat /proc/sys/kernel/random/boot_id",
      },
      { power: "a", to: "suspend" },
      { on: "a", run: "true" },
      { power: "a", to: "resume" },
      { on: "a", run: "cat /tmp/m; cat /proc/sys/kernel/random/boot_id" },
      { power: "a", to: "off" },
      { power: "a", to: "on" },
      { on: "a", run: "cat /root/f", expect: { output: "disk" } },
      { power: "a", to: "reset" },
      { on: "a", run: "cat /root/f", expect: { output: "disk" } },
      { power: "a", to: "shutdown" },
      { power: "a", to: "off" },
    ]);
    expect(steps.map(({ ok, error }) => (ok ? "ok" : error))).toEqual([
      "ok",
      "ok",
      "a is not running",
      "ok",
      "ok",
      "ok",
      "ok",
      "ok",
      "ok",
      "ok",
      "ok",
      "a: the machine is off",
    ]);
    expect(steps[4].output).toBe(`memory\n${steps[0].output}`);
    expect(status).toBe(1);
  });
});
