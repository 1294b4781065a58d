/**
 * Debian's stock 32-bit kernels and a static BusyBox, fetched by apt into a folder of their own under dist: nothing of the
 * system's package state is read or changed.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = join(import.meta.dirname, "../../dist/kernels");
const FLAVOURS = ["686", "686-pae"] as const;

export interface KernelFiles {
  /** By flavour, "686" and "686-pae". */
  kernels: Map<string, Uint8Array>;
  busybox: Uint8Array;
}

function aptOptions(): string[] {
  const state = join(folder, "apt/state");
  const cache = join(folder, "apt/cache");
  mkdirSync(join(state, "lists/partial"), { recursive: true });
  mkdirSync(join(cache, "archives/partial"), { recursive: true });
  const status = join(folder, "apt/status");
  if (!existsSync(status)) writeFileSync(status, "");
  return [
    "APT::Architecture=i386",
    "APT::Architectures=i386",
    "APT::Sandbox::User=root",
    `Dir::State=${state}`,
    `Dir::Cache=${cache}`,
    `Dir::State::status=${status}`,
  ].flatMap((option) => ["-o", option]);
}

/** The package that the meta-package of a flavour stands for now. */
function imagePackage(options: string[], flavour: string): string {
  const depends = execFileSync("apt-cache", [...options, "depends", `linux-image-${flavour}`], {
    encoding: "utf8",
  });
  const found = /Depends: (linux-image-\S+)/.exec(depends);
  if (found === null) throw new Error(`linux-image-${flavour}: no package list has it; found ${depends}`);
  return found[1];
}

function fileOf(packageName: string, path: RegExp): Uint8Array {
  const deb = readdirSync(folder).find((name) => name.startsWith(`${packageName}_`));
  if (deb === undefined) throw new Error(`${packageName} was not fetched`);
  const list = execFileSync("dpkg-deb", ["--fsys-tarfile", join(folder, deb)], { maxBuffer: 2 ** 30 });
  const listing = execFileSync("tar", ["t"], { input: list, encoding: "utf8", maxBuffer: 2 ** 26 });
  const member = listing.split("\n").find((name) => path.test(name));
  if (member === undefined) throw new Error(`${packageName} has no file ${path}`);
  return new Uint8Array(execFileSync("tar", ["xO", member], { input: list, maxBuffer: 2 ** 28 }));
}

export function kernelFiles(): KernelFiles {
  const ready = (name: string) => join(folder, name);
  if (!existsSync(ready("busybox"))) {
    mkdirSync(folder, { recursive: true });
    const options = aptOptions();
    try {
      execFileSync("apt-get", [...options, "update"], { stdio: "ignore" });
    } catch {
      // Some list failed; whether the packages are known shows next.
    }
    const images = FLAVOURS.map((flavour) => imagePackage(options, flavour));
    execFileSync("apt-get", [...options, "download", ...images, "busybox-static"], {
      cwd: folder,
      stdio: "ignore",
    });
    FLAVOURS.forEach((flavour, i) =>
      writeFileSync(ready(`vmlinuz-${flavour}`), fileOf(images[i], /boot\/vmlinuz/)),
    );
    writeFileSync(ready("busybox"), fileOf("busybox-static", /bin\/busybox$/));
  }
  return {
    kernels: new Map(
      FLAVOURS.map((flavour) => [flavour, new Uint8Array(readFileSync(ready(`vmlinuz-${flavour}`)))]),
    ),
    busybox: new Uint8Array(readFileSync(ready("busybox"))),
  };
}
