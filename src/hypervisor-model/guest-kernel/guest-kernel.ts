/**
 * The teaching kernel: one source, assembled for two platforms. Its workloads are what the monitors are compared by. The
 * guest's memory map stands in layout.asm.
 */
import { assemble, type Assembled } from "../../emulator/core/assembler/assemble.ts";
import data from "./data.asm?raw";
import dom0 from "./dom0.asm?raw";
import kernel from "./kernel.asm?raw";
import layout from "./layout.asm?raw";
import native from "./native.asm?raw";
import paravirtual from "./paravirtual.asm?raw";
import user from "./user.asm?raw";
import workloads from "./workloads.asm?raw";
import { WORKLOADS, type Workload } from "./workloads.ts";

export const GUEST_MEMORY_BYTES = 0x100000;
export const KERNEL_ORIGIN = 0x1000;
export const PARAMETERS = 0x500;
export const RESULTS = 0x9000;
/** What the first result word is when a workload has come to its end. */
export const RESULT_DONE = 0x600df00d;
export const KERNEL_STACK = 0xb000;

/** `dom0` is no platform of the kernel but the program of domain 0 beside a paravirtual one. */
export type Platform = "native" | "paravirtual" | "dom0";

/** The result words, by their offset from RESULTS. */
export const RESULT_WORDS = {
  done: 0,
  faults: 4,
  divides: 8,
  ticks: 12,
  sum: 20,
  forks: 24,
  value: 28,
} as const;

const SOURCES: Readonly<Record<Platform, string>> = {
  native: [layout, kernel, workloads, user, native, data].join("\n"),
  paravirtual: [layout, kernel, workloads, user, paravirtual, data].join("\n"),
  dom0,
};

const assembled = new Map<Platform, Assembled>();

/** Throws for a source with problems, naming the first. */
export function guestKernel(platform: Platform): Assembled {
  let kernelImage = assembled.get(platform);
  if (kernelImage === undefined) {
    kernelImage = assemble(SOURCES[platform]);
    const [problem] = kernelImage.problems;
    if (problem !== undefined) {
      const line = SOURCES[platform].split("\n")[problem.line - 1];
      throw new Error(`${platform} kernel, "${line.trim()}": ${problem.message}`);
    }
    assembled.set(platform, kernelImage);
  }
  return kernelImage;
}

/** What is put into a guest's memory: an image at KERNEL_ORIGIN, and its parameters. */
export interface GuestProgram {
  image: Uint8Array;
  workload: number;
  iterations: number;
}

export function kernelProgram(
  workload: Workload,
  iterations: number,
  platform: Platform = "native",
): GuestProgram {
  return { image: guestKernel(platform).bytes, workload: WORKLOADS.indexOf(workload), iterations };
}

export interface SourceLine {
  /** The label it stands under. */
  label: string;
  /** Without its comment. */
  text: string;
}

/** Where the kernel puts the processes' code. */
const USER = 0x400000;

/** The line of the kernel's source that `eip` belongs to; undefined outside its code. */
export function sourceLine(platform: Platform, eip: number): SourceLine | undefined {
  const { lines, labels } = guestKernel(platform);
  const address = eip >= USER ? eip - USER + (labels.get("user_image") ?? 0) : eip;
  const found = lines.find((line) => address >= line.address && address < line.address + line.length);
  if (found === undefined) return undefined;
  let label = "";
  let nearest = -1;
  for (const [name, at] of labels) {
    if (at <= address && at >= nearest && !name.includes(".") && at >= KERNEL_ORIGIN)
      [label, nearest] = [name, at];
  }
  const text = SOURCES[platform].split("\n")[found.line - 1];
  return { label, text: text.replace(/;.*$/, "").replace(/^\S+:/, "").trim().replace(/\s+/g, " ") };
}
