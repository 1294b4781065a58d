/**
 * Memory images of the x87 state: the environment of FNSTENV (14 or 28 bytes), FNSAVE's (94 or 108) and the first 160
 * bytes of FXSAVE's. Intel SDM volume 1, 8.1.10 (figures 8-9 to 8-12) and 10.5.1.
 */
import type { X87State } from "./x87-state.ts";

/** `wide` is the operand size, `real` the format of real-address and virtual-8086 mode. Answers the image's length. */
export function environmentLength(wide: boolean): number {
  return wide ? 28 : 14;
}

export function writeEnvironment(state: X87State, view: DataView, wide: boolean, real: boolean): void {
  const instruction = (state.instructionSelector * 16 + (state.instructionOffset >>> 0)) >>> 0;
  const operand = (state.operandSelector * 16 + (state.operandOffset >>> 0)) >>> 0;
  if (wide) {
    view.setUint32(0, state.control | 0xffff0000, true);
    view.setUint32(4, state.statusWord | 0xffff0000, true);
    view.setUint32(8, state.tagWord | 0xffff0000, true);
    if (real) {
      view.setUint32(12, (instruction & 0xffff) | 0xffff0000, true);
      view.setUint32(16, ((instruction >>> 16) << 12) | state.opcode, true);
      view.setUint32(20, (operand & 0xffff) | 0xffff0000, true);
      view.setUint32(24, (operand >>> 16) << 12, true);
    } else {
      view.setUint32(12, state.instructionOffset, true);
      view.setUint32(16, state.instructionSelector | (state.opcode << 16), true);
      view.setUint32(20, state.operandOffset, true);
      view.setUint32(24, state.operandSelector | 0xffff0000, true);
    }
    return;
  }
  view.setUint16(0, state.control, true);
  view.setUint16(2, state.statusWord, true);
  view.setUint16(4, state.tagWord, true);
  if (real) {
    view.setUint16(6, instruction, true);
    view.setUint16(8, ((instruction >>> 4) & 0xf000) | state.opcode, true);
    view.setUint16(10, operand, true);
    view.setUint16(12, (operand >>> 4) & 0xf000, true);
  } else {
    view.setUint16(6, state.instructionOffset, true);
    view.setUint16(8, state.instructionSelector, true);
    view.setUint16(10, state.operandOffset, true);
    view.setUint16(12, state.operandSelector, true);
  }
}

export function readEnvironment(state: X87State, view: DataView, wide: boolean, real: boolean): void {
  const step = wide ? 4 : 2;
  state.control = view.getUint16(0, true);
  state.statusWord = view.getUint16(step, true);
  state.tagWord = view.getUint16(2 * step, true);
  const word = (index: number) => view.getUint16((3 + index) * step, true);
  if (real) {
    const upper = (index: number) =>
      wide ? view.getUint32((3 + index) * 4, true) >>> 12 : word(index) >>> 12;
    state.instructionOffset = word(0) | (upper(1) << 16);
    state.opcode = word(1) & 0x7ff;
    state.operandOffset = word(2) | (upper(3) << 16);
    state.instructionSelector = state.operandSelector = 0;
    return;
  }
  state.instructionSelector = word(1);
  state.operandSelector = word(3);
  if (wide) {
    state.instructionOffset = view.getInt32(12, true);
    state.opcode = view.getUint16(18, true) & 0x7ff;
    state.operandOffset = view.getInt32(20, true);
  } else {
    state.instructionOffset = word(0);
    state.operandOffset = word(2);
    // This format has no room for it.
    state.opcode = 0;
  }
}

/** ST0 to ST7, ten bytes each, or sixteen with the last six zero. */
export function writeStack(state: X87State, view: DataView, at: number, stride: 10 | 16): void {
  const { unit } = state;
  for (let i = 0; i < 8; i++) {
    const slot = state.slot(i);
    view.setUint32(at, unit.low[slot], true);
    view.setUint32(at + 4, unit.high[slot], true);
    view.setUint16(at + 8, unit.signExponent[slot], true);
    if (stride === 16) {
      view.setUint16(at + 10, 0, true);
      view.setUint32(at + 12, 0, true);
    }
    at += stride;
  }
}

export function readStack(state: X87State, view: DataView, at: number, stride: 10 | 16): void {
  for (let i = 0; i < 8; i++) {
    const significandLow = view.getUint32(at, true);
    state.unit.set(state.slot(i), view.getUint16(at + 8, true), view.getUint32(at + 4, true), significandLow);
    at += stride;
  }
}

/** Bytes 0 to 23 and 32 to 159 of FXSAVE's image. */
export function writeExtendedImage(state: X87State, view: DataView): void {
  view.setUint16(0, state.control, true);
  view.setUint16(2, state.statusWord, true);
  view.setUint16(4, ~state.empty & 0xff, true);
  view.setUint16(6, state.opcode, true);
  view.setUint32(8, state.instructionOffset, true);
  view.setUint32(12, state.instructionSelector, true);
  view.setUint32(16, state.operandOffset, true);
  view.setUint32(20, state.operandSelector, true);
  writeStack(state, view, 32, 16);
}

export function readExtendedImage(state: X87State, view: DataView): void {
  state.control = view.getUint16(0, true);
  state.statusWord = view.getUint16(2, true);
  state.empty = ~view.getUint8(4) & 0xff;
  state.opcode = view.getUint16(6, true) & 0x7ff;
  state.instructionOffset = view.getInt32(8, true);
  state.instructionSelector = view.getUint16(12, true);
  state.operandOffset = view.getInt32(16, true);
  state.operandSelector = view.getUint16(20, true);
  readStack(state, view, 32, 16);
}
