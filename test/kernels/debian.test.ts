/** Debian's stock 32-bit kernels on the core, with BusyBox as their user: `npm run test:kernels`. */
import { describe, expect, test } from "vitest";
import { EIP } from "../../src/emulator/core/cpu/registers.ts";
import { readKallsyms } from "../../src/emulator/core/debug/kallsyms.ts";
import { Pc } from "../../src/emulator/core/pc.ts";
import { initramfs } from "./initramfs.ts";
import { kernelFiles } from "./packages.ts";

const INIT = `
mount -t proc proc /proc
echo "kernel $(uname -r)"
echo "processor $(grep -m1 'model name' /proc/cpuinfo)"
echo text | gzip -9 | gunzip
echo "sum $(echo ringside | sha256sum | cut -c1-8)"
echo "all done"
poweroff -f`;
const LIMIT = 20_000_000_000;

describe("Debian's stock kernel", () => {
  const { kernels, busybox } = kernelFiles();
  test.each([...kernels])("%s starts BusyBox, which computes and powers off", (flavour, kernel) => {
    let output = "";
    const pc = new Pc({
      memoryMiB: 128,
      boot: { type: "linux", kernel, initrd: initramfs(busybox, INIT), commandLine: "console=ttyS0 quiet" },
      startTime: Date.UTC(2026, 0, 1),
      events: { serial: (port, byte) => port === 0 && (output += String.fromCharCode(byte)) },
    });
    const stop = pc.run(LIMIT);
    expect(output).toContain("all done");
    expect(output).toMatch(new RegExp(`kernel \\S+-${flavour}\\r?\\n`));
    expect(output).toContain("sum f67fa65f");
    expect(stop.type, output.slice(-2000)).toBe("halted");
    const symbols = readKallsyms(pc.memory.bytes.subarray(0, pc.memory.ramBytes));
    expect(symbols?.size).toBeGreaterThan(10_000);
    expect(symbols?.near(pc.cpu.r[EIP] >>> 0), "where it halted").toMatch(/^[a-z_]+/);
    expect(symbols?.find("start_kernel")).toBeGreaterThan(0xc0000000);
  });
});
