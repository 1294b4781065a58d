/** Machines for tests in Node: hosts, descriptions and waiting. */
import { createHash } from "node:crypto";
import { mkdtempSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Firmware } from "../../src/emulator/machine.ts";
import { FIRMWARE_IMAGE, ImageLoader } from "../../src/hypervisor-model/virtual-machines/images.ts";
import {
  compileEngine,
  createMachineWorker,
} from "../../src/hypervisor-model/virtual-machines/machine-worker-node.ts";
import type {
  MachineHost,
  MachineSpec,
  RunningMachine,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";
import type { Store } from "../../src/hypervisor-model/storage/store.ts";

/** RINGSIDE_IMAGES names another folder of images to test. */
export const imagesFolder = process.env.RINGSIDE_IMAGES ?? join(import.meta.dirname, "../../images");

/** A host with the repository's images. */
export function repositoryHost(store?: Store): MachineHost {
  return {
    createWorker: createMachineWorker,
    compileEngine,
    images: new ImageLoader({ type: "folder", path: imagesFolder }),
    store,
  };
}

/** A host whose firmware is hand-made, for machines that need no image. */
export function romHost(firmware: Firmware, store?: Store): MachineHost {
  const folder = mkdtempSync(join(tmpdir(), "ringside-images-"));
  writeImage(folder, FIRMWARE_IMAGE, [
    { path: "bios.bin", role: "bios", bytes: firmware.bios },
    { path: "vgabios.bin", role: "vga-bios", bytes: firmware.vgaBios },
  ]);
  return {
    createWorker: createMachineWorker,
    compileEngine,
    images: new ImageLoader({ type: "folder", path: folder }),
    store,
  };
}

export function writeImage(
  folder: string,
  name: string,
  files: { path: string; role: string; bytes: Uint8Array }[],
): void {
  mkdirSync(join(folder, name), { recursive: true });
  for (const { path, bytes } of files) writeFileSync(join(folder, name, path), bytes);
  const manifest = {
    files: files.map(({ path, role, bytes }) => ({
      path,
      role,
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    })),
  };
  writeFileSync(join(folder, name, "manifest.json"), JSON.stringify(manifest));
}

export function machineSpec(overrides: Partial<MachineSpec> = {}): MachineSpec {
  return {
    id: "0b0f6c4e-6f0a-4c39-9c9d-0d4c5a1f7e21",
    name: "guest",
    engine: "v86",
    memoryMiB: 4,
    nics: [],
    disks: [],
    software: { type: "firmware" },
    ...overrides,
  };
}

/** The tiny image on default hardware, with blank disks of these sizes. */
export function tinySpec(overrides: Partial<MachineSpec> = {}): MachineSpec {
  return machineSpec({
    memoryMiB: 64,
    nics: [{ model: "ne2000", mac: "00:0c:29:2d:2e:6b", connected: true }],
    software: { type: "image", image: "tiny" },
    ...overrides,
  });
}

/** Resolves when the console's output contains `text`. */
export function consoleShows(machine: RunningMachine, text: string, timeoutMs = 10_000): Promise<string> {
  const decode = () => new TextDecoder().decode(machine.console.scrollback());
  return new Promise((resolve, reject) => {
    const check = () => {
      if (!decode().includes(text)) return;
      clearTimeout(timer);
      stop();
      resolve(decode());
    };
    const stop = machine.console.onOutput(check);
    const timer = setTimeout(() => {
      stop();
      reject(
        new Error(`the console did not show ${JSON.stringify(text)}; it shows ${JSON.stringify(decode())}`),
      );
    }, timeoutMs);
    check();
  });
}

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
