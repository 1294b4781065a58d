/** A machine's picture and mouse, seen by programs of a few bytes that the real firmware boots from a floppy. */
import { afterEach, expect, test } from "vitest";
import type { ScreenUpdate } from "../../src/emulator/machine.ts";
import {
  startMachine,
  type RunningMachine,
} from "../../src/hypervisor-model/virtual-machines/running-machine.ts";
import { machineSpec, repositoryHost } from "../support/machines.ts";

let machine: RunningMachine | undefined;
afterEach(() => machine?.powerOff());

const FLOPPY_BYTES = 1440 * 1024;

function bootFloppy(code: number[]): RunningMachine {
  const bytes = new Uint8Array(FLOPPY_BYTES);
  bytes.set(code);
  bytes.set([0x55, 0xaa], 510);
  const spec = machineSpec({
    memoryMiB: 4,
    nics: [],
    disks: [],
    floppy: { type: "bytes", bytes, readOnly: true },
    bootOrder: ["floppy"],
    software: { type: "firmware" },
  });
  return (machine = startMachine(spec, repositoryHost()));
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(condition()).toBe(true);
}

test("a program that paints in VGA mode 13h is seen pixel by pixel", async () => {
  // prettier-ignore
  const paint = [
    0xb8, 0x13, 0x00, 0xcd, 0x10, // mov ax, 13h; int 10h
    0xb8, 0x00, 0xa0, 0x8e, 0xc0, 0x31, 0xff, 0xfc, // es:di = a000h:0; cld
    0xb8, 0x04, 0x04, 0xb9, 0xa0, 0x00, 0xf3, 0xab, // the first of 200 lines in colour 4
    0xeb, 0xfe, // jmp $
  ];
  const screen = { width: 0, height: 0, rgba: new Uint8ClampedArray(0) };
  bootFloppy(paint).display.onUpdate((update: ScreenUpdate) => {
    if (update.type === "graphics-mode") {
      const { width, height } = update;
      Object.assign(screen, { width, height, rgba: new Uint8ClampedArray(width * height * 4) });
    }
    if (update.type !== "pixels") return;
    for (let row = 0; row < update.height; row++) {
      const line = update.rgba.subarray(row * update.width * 4, (row + 1) * update.width * 4);
      screen.rgba.set(line, ((update.y + row) * screen.width + update.x) * 4);
    }
  });
  const pixel = (x: number, y: number) => [
    ...screen.rgba.subarray((y * screen.width + x) * 4).subarray(0, 4),
  ];
  await until(() => pixel(0, 0)[0] > 0);
  const scale = screen.height / 200;
  // The default palette: 4 is red at 42 of the DAC's 63 steps, 0 black.
  const red = [42 * 4, 0, 0, 255];
  expect(pixel(0, 0)).toEqual(red);
  expect(pixel(screen.width - 1, 0)).toEqual(red);
  expect(pixel(0, 2 * scale)).toEqual([0, 0, 0, 255]);
});

test("what the mouse does arrives as PS/2 packets", async () => {
  const ready = [0xe4, 0x64, 0xa8, 0x02, 0x75, 0xfa]; // wait until the 8042 takes a byte
  // prettier-ignore
  const listen = [
    0xfa, // cli
    ...ready, 0xb0, 0xa8, 0xe6, 0x64, // enable the second port
    ...ready, 0xb0, 0xd4, 0xe6, 0x64, ...ready, 0xb0, 0xf4, 0xe6, 0x60, // tell the mouse to report
    0xe4, 0x64, 0xa8, 0x01, 0x74, 0xfa, 0xe4, 0x60, 0xba, 0xf8, 0x03, 0xee, 0xeb, 0xf2, // each byte to COM1
  ];
  const { console, display } = bootFloppy(listen);
  const heard = () => [...console.scrollback()];
  await until(() => heard().includes(0xfa)); // acknowledged
  const buttons = { left: true, middle: false, right: false };
  display.movePointer({ deltaX: 5, deltaY: 3, wheel: 0, buttons });
  // Left button, negative y: the mouse counts upwards.
  const packet = [0x29, 5, 0xfd];
  await until(() => heard().join().includes(packet.join()));
});
