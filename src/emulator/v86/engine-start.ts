/** Makes v86's own object from a machine's options and brings it to the reset vector. */
import type { Random } from "../../common/random.ts";
import type { BootDevice, MachineOptions } from "../machine.ts";
import type { Emulator } from "./internals.ts";
import { networkOptions } from "./network-cards.ts";

const MIB = 2 ** 20;
/** Text modes need 256 KiB; unknown software may ask for 1024x768 with 32 bits a pixel, which needs 3 MiB. */
const VGA_BYTES = { linux: 2 * MIB, other: 4 * MIB };
const BOOT_CODES: Record<BootDevice, number> = { floppy: 1, disk: 2, cdrom: 3, network: 4 };

/** The host did not give the engine the memory it needs. */
export class OutOfMemoryError extends Error {
  override name = "OutOfMemoryError";
}

/** v86's options, drives apart. */
export function engineSettings(
  engine: WebAssembly.Module,
  { hardware, firmware, boot }: MachineOptions,
  random: Random,
): Record<string, unknown> {
  const settings: Record<string, unknown> = {
    wasm_fn: async (imports: { env: Record<string, unknown> }) => {
      imports.env.get_rand_int = () => random.uint32() | 0;
      return (await WebAssembly.instantiate(engine, imports as WebAssembly.Imports)).exports;
    },
    memory_size: hardware.memoryMiB * MIB,
    vga_memory_size: boot.type === "linux" ? VGA_BYTES.linux : VGA_BYTES.other,
    bios: { buffer: exactBuffer(firmware.bios) },
    vga_bios: { buffer: exactBuffer(firmware.vgaBios) },
    boot_order: bootOrderCode(firmwareBootOrder({ hardware, boot })),
    uart1: true,
    autostart: false,
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
    ...networkOptions(hardware.nics),
  };
  if (boot.type === "multiboot") {
    settings.multiboot = { buffer: exactBuffer(boot.image) };
    settings.cmdline = boot.commandLine;
  }
  return settings;
}

function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  return bytes.slice().buffer;
}

/** A kernel that is loaded for the firmware comes as an option ROM, which SeaBIOS counts among the network's. */
export function firmwareBootOrder({
  hardware,
  boot,
}: Pick<MachineOptions, "hardware" | "boot">): readonly BootDevice[] {
  return boot.type === "linux" ? ["network"] : hardware.bootOrder;
}

/** Three devices, the first in the lowest four bits, as SeaBIOS reads them from CMOS 3Dh and 38h. */
export function bootOrderCode(order: readonly BootDevice[]): number {
  const code = order.slice(0, 3).reduce((sum, device, i) => sum | (BOOT_CODES[device] << (4 * i)), 0);
  return code || 0x321;
}

/** Runs v86's constructor until the machine stands at its reset vector. A failure inside becomes a rejection. */
export function initialise(construct: () => Emulator, memoryMiB: number): Promise<Emulator> {
  return new Promise((resolve, reject) => {
    const emulator = construct();
    let loop: Emulator["v86"] | undefined;
    Object.defineProperty(emulator, "v86", {
      configurable: true,
      get: () => loop,
      set: (created: Emulator["v86"]) => {
        loop = created;
        const init = created.init.bind(created);
        created.init = (settings) => {
          try {
            init(settings);
          } catch (error) {
            const memory = error instanceof RangeError || error instanceof WebAssembly.RuntimeError;
            reject(
              memory
                ? new OutOfMemoryError(`the host has no room for a machine with ${memoryMiB} MiB of memory`)
                : (error as Error),
            );
            // Not thrown on: v86 has nobody who would catch it.
          }
        };
      },
    });
    emulator.add_listener("emulator-loaded", () => resolve(emulator));
  });
}
