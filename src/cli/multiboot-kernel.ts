/** `ringside boot --engine core --kernel FILE` of a Multiboot kernel: no firmware, COM1 on standard output, port F4h ends it. */
import { setImmediate } from "node:timers/promises";
import { KernelImageError } from "../emulator/kernel-image.ts";
import { Pc, type PcStop } from "../emulator/core/pc.ts";
import { UsageError } from "./options.ts";
import { describeRomEnd } from "./rom.ts";

const MEMORY_MIB = 64;
const SLICE = 2_000_000;

/** Ends with (N << 1) | 1 for N written to port F4h, 0 when it halts for good, 1 after a triple fault. */
export async function runMultibootKernel(
  image: Uint8Array,
  commandLine: string,
  memoryMiB = MEMORY_MIB,
  write: (bytes: Uint8Array) => void = (bytes) => void process.stdout.write(bytes),
): Promise<{ line: string; status: number }> {
  const pending: number[] = [];
  const pc = build(image, commandLine, memoryMiB, (byte) => pending.push(byte));
  let end: PcStop;
  do {
    end = pc.run(SLICE);
    if (pending.length > 0) write(Uint8Array.from(pending.splice(0)));
    await setImmediate();
  } while (end.type === "limit");
  return describeRomEnd(end, pc);
}

function build(
  image: Uint8Array,
  commandLine: string,
  memoryMiB: number,
  serial: (byte: number) => void,
): Pc {
  try {
    return new Pc({
      memoryMiB,
      boot: { type: "multiboot", image, commandLine },
      exitPort: true,
      events: { serial: (port, byte) => port === 0 && serial(byte) },
    });
  } catch (error) {
    if (error instanceof KernelImageError) throw new UsageError(error.message);
    throw error;
  }
}
