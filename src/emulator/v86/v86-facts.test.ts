/**
 * What v86 itself does and its typings or documentation say otherwise: each fact is why a line of this folder is there. When
 * one does not hold any more after an upgrade, that line can go or must change.
 */
import { isProxy } from "node:util/types";
import { describe, expect, test } from "vitest";
import { Code, romWith } from "../contract/rom.ts";
import { initialise } from "./engine-start.ts";
import type { Emulator } from "./internals.ts";
import { loadV86 } from "./load-v86.ts";
import { restoreCpuFields, withWholeBars } from "./machine-state.ts";

const MEMORY_MIB = 4;

async function bareV86(options: Record<string, unknown> = {}): Promise<Emulator> {
  const { V86 } = await loadV86();
  const { bios, vgaBios } = romWith(new Code().halt());
  const buffer = (bytes: Uint8Array) => ({ buffer: bytes.slice().buffer });
  return initialise(
    () =>
      new V86({
        wasm_path: new URL("../../../node_modules/v86/build/v86.wasm", import.meta.url).pathname,
        memory_size: MEMORY_MIB * 2 ** 20,
        vga_memory_size: 2 ** 20,
        bios: buffer(bios),
        vga_bios: buffer(vgaBios),
        autostart: false,
        disable_speaker: true,
        ...options,
      }),
    MEMORY_MIB,
  );
}

const FIELDS = ["last_result", "fpu_status_word", "mxcsr"] as const;

describe("restore_state", () => {
  async function restored(mend: boolean): Promise<number[]> {
    const emulator = await bareV86();
    const { cpu } = emulator.v86;
    FIELDS.forEach((field, i) => (cpu[field][0] = 101 + i));
    const state = await emulator.v86.save_state();
    const views = FIELDS.map((field) => cpu[field]);
    for (const view of views) view[0] = 7;
    const restore = () => withWholeBars(cpu, () => emulator.v86.restore_state(state));
    if (mend) restoreCpuFields(cpu, restore);
    else restore();
    return views.map((view) => view[0]);
  }

  test("leaves three fields of the CPU as they were", async () => {
    expect(await restored(false)).toEqual([7, 7, 7]);
  });
  test("fails on base addresses that no firmware has cleared and the device has not", async () => {
    const { v86 } = await bareV86();
    const state = await v86.save_state();
    expect(() => v86.restore_state(state)).toThrow("original_bar");
  });
  test("is mended by writing them through their views", async () => {
    expect(await restored(true)).toEqual([101, 102, 103]);
  });
});

describe("network cards", () => {
  test("net_device without a type gives none, though the typings call ne2k the default", async () => {
    expect((await bareV86({ net_device: {} })).v86.cpu.devices.net).toBeUndefined();
  });
  test("net_device of type ne2k gives one", async () => {
    expect((await bareV86({ net_device: { type: "ne2k" } })).v86.cpu.devices.net).toBeDefined();
  });
});

test("mem8 is a Proxy, and a view of the same place in WebAssembly's memory shows the same bytes", async () => {
  const { wasm_memory: memory, mem8 } = (await bareV86()).v86.cpu;
  const view = new Uint8Array(memory.buffer, mem8.byteOffset, mem8.length);
  view[0x1234] = 77;
  expect(isProxy(mem8)).toBe(true);
  expect((mem8 as Uint8Array)[0x1234]).toBe(77);
});

test("a listener that throws throws into the device that spoke", async () => {
  const emulator = await bareV86();
  emulator.add_listener("serial0-output-byte", () => {
    throw new Error("from a listener");
  });
  expect(() => emulator.emulator_bus.send("serial0-output-byte", 65)).toThrow("from a listener");
});

test("the enumerations that the typings export are not there", async () => {
  expect(Object.keys(await import("v86")).toSorted()).toEqual(["CPU", "V86", "default"]);
});
