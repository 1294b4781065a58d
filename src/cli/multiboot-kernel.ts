/** `ringside boot --engine core --kernel FILE` of a Multiboot kernel: no firmware, COM1 on standard output, port F4h ends it. */
import { setImmediate } from "node:timers/promises";
import { KernelImageError } from "../emulator/kernel-image.ts";
import { Pc, type PcEvents } from "../emulator/core/pc.ts";
import { UsageError } from "./options.ts";
import { describeRomEnd, MOST_RESETS, type RomEnd } from "./rom.ts";

const MEMORY_MIB = 64;
const SLICE = 2_000_000;

/** Ends with (N << 1) | 1 for N written to port F4h, 0 when it halts for good, 1 after a triple fault or endless resets. */
export async function runMultibootKernel(
  image: Uint8Array,
  commandLine: string,
  memoryMiB = MEMORY_MIB,
  write: (bytes: Uint8Array) => void = (bytes) => void process.stdout.write(bytes),
): Promise<{ line: string; status: number }> {
  const pending: number[] = [];
  // Building is the first reset.
  let resets = -1;
  const pc: Pc = build(image, commandLine, memoryMiB, {
    serial: (port, byte) => port === 0 && pending.push(byte),
    reset: () => {
      if (++resets > MOST_RESETS) pc.stop();
    },
  });
  let end: RomEnd;
  do {
    end = pc.run(SLICE);
    if (resets > MOST_RESETS) end = { type: "resets" };
    if (pending.length > 0) write(Uint8Array.from(pending.splice(0)));
    await setImmediate();
  } while (end.type === "limit");
  return describeRomEnd(end, pc);
}

function build(image: Uint8Array, commandLine: string, memoryMiB: number, events: PcEvents): Pc {
  try {
    return new Pc({
      memoryMiB,
      boot: { type: "multiboot", image, commandLine },
      exitPort: true,
      events,
    });
  } catch (error) {
    if (error instanceof KernelImageError) throw new UsageError(error.message);
    throw error;
  }
}
