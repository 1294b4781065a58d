/**
 * Hand-made firmware for tests: 64 KiB that end at the reset vector, with the test's own 16-bit code in it. Machines under
 * test so need no image, and a test says in a few instructions what it is about.
 */
import type { Firmware } from "../machine.ts";

const ROM_BYTES = 0x10000;
const RESET_VECTOR = 0xfff0;

/** 16-bit code, written front to back. Memory operands are offsets in segment 0. */
export class Code {
  readonly bytes: number[] = [];

  raw(...bytes: number[]): this {
    this.bytes.push(...bytes);
    return this;
  }

  /** A place to jump back to. */
  get here(): number {
    return this.bytes.length;
  }

  out8(port: number, value: number): this {
    return this.raw(0xba, port & 0xff, port >> 8, 0xb0, value, 0xee); // mov dx, port; mov al, value; out dx, al
  }

  in8(port: number): this {
    return this.raw(0xba, port & 0xff, port >> 8, 0xec); // mov dx, port; in al, dx
  }

  /** al to memory. */
  store8(address: number): this {
    return this.raw(0xa2, address & 0xff, address >> 8);
  }

  /** ax to memory. */
  store16(address: number): this {
    return this.raw(0xa3, address & 0xff, address >> 8);
  }

  load8(address: number): this {
    return this.raw(0xa0, address & 0xff, address >> 8);
  }

  increment32(address: number): this {
    return this.raw(0x66, 0xff, 0x06, address & 0xff, address >> 8); // inc dword [address]
  }

  jump(target: number): this {
    const distance = target - (this.here + 3);
    return this.raw(0xe9, distance & 0xff, (distance >> 8) & 0xff);
  }

  /** A conditional short jump: 74h jz, 75h jnz, e3h jcxz, e2h loop. */
  jumpIf(opcode: number, target: number): this {
    return this.raw(opcode, (target - (this.here + 2)) & 0xff);
  }

  /** Sends text to COM1. */
  print(text: string): this {
    for (const char of text) this.out8(0x3f8, char.charCodeAt(0));
    return this;
  }

  /** Waits until the byte at `address` is not 0; changes no flag. */
  waitFor(address: number): this {
    const loop = this.here;
    // xor would change flags: mov cx, [address]; jcxz loop
    return this.raw(0x8b, 0x0e, address & 0xff, address >> 8).jumpIf(0xe3, loop);
  }

  /** The machine's end: interrupts off and halt. */
  halt(): this {
    return this.raw(0xfa, 0xf4);
  }
}

/** Firmware that runs `code` from the reset vector on, with all segments 0 and a stack below 7000h. */
export function romWith(code: Code): Firmware {
  const bios = new Uint8Array(ROM_BYTES).fill(0xf4);
  const start = new Code()
    .raw(0xfa, 0xfc, 0x31, 0xc0) // cli; cld; xor ax, ax
    .raw(0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00, 0x70); // mov ds, es, ss, ax; mov sp, 7000h
  bios.set([...start.bytes, ...code.bytes], 0);
  bios.set([0xea, 0x00, 0x00, 0x00, 0xf0], RESET_VECTOR); // jmp f000:0000
  const vgaBios = new Uint8Array(512);
  vgaBios.set([0x55, 0xaa, 1, 0xcb]); // an option ROM that returns at once
  return { bios, vgaBios };
}
