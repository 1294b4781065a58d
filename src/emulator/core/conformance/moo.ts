/** Reader of recorded CPU tests in the MOO 1.x format (see the suite's README). Throws `MooError` for a broken file. */
export interface MooState {
  /** ax bx cx dx cs ss ds es sp bp si di ip flags; undefined where not listed. */
  registers: (number | undefined)[];
  /** An 80386's: cr0 cr3 eax ebx ecx edx esi edi ebp esp cs ds es fs gs ss eip eflags dr6 dr7. */
  wideRegisters: (number | undefined)[];
  ram: { address: number; value: number }[];
}
export interface MooTest {
  index: number;
  name: string;
  bytes: Uint8Array;
  initial: MooState;
  final: MooState;
  exception?: { vector: number; flagsAddress: number };
  /** Bits of EFLAGS that are defined, where the file says so. */
  flagsMask?: number;
}

export interface MooFile {
  /** Four characters: C286, C386, 8086, … */
  cpu: string;
  tests: MooTest[];
}

const REGISTERS = 14;
const WIDE_REGISTERS = 20;
const WIDE_EFLAGS = 17;
const none = (count: number): (number | undefined)[] => Array.from({ length: count }, () => undefined);

export class MooError extends Error {
  override name = "MooError";
}

function* chunks(data: Uint8Array): Generator<{ id: string; body: Uint8Array }> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  while (at < data.length) {
    if (at + 8 > data.length)
      throw new MooError(`found ${data.length - at} bytes at ${at}, expected a chunk header`);
    const id = String.fromCharCode(...data.subarray(at, at + 4));
    const length = view.getUint32(at + 4, true);
    if (at + 8 + length > data.length)
      throw new MooError(`chunk ${id} at ${at}: ${length} bytes reach beyond the end`);
    yield { id, body: data.subarray(at + 8, at + 8 + length) };
    at += 8 + length;
  }
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function readState(body: Uint8Array): MooState {
  const state: MooState = { registers: none(REGISTERS), wideRegisters: none(WIDE_REGISTERS), ram: [] };
  for (const chunk of chunks(body)) {
    const view = viewOf(chunk.body);
    if (chunk.id === "REGS") {
      const mask = view.getUint16(0, true);
      let at = 2;
      for (let bit = 0; bit < REGISTERS; bit++) {
        if ((mask & (1 << bit)) === 0) continue;
        state.registers[bit] = view.getUint16(at, true);
        at += 2;
      }
    } else if (chunk.id === "RG32") state.wideRegisters = readWide(view);
    else if (chunk.id === "RAM ") {
      const count = view.getUint32(0, true);
      for (let i = 0; i < count; i++) {
        state.ram.push({ address: view.getUint32(4 + i * 5, true), value: view.getUint8(8 + i * 5) });
      }
    }
  }
  return state;
}

function readWide(view: DataView): (number | undefined)[] {
  const registers = none(WIDE_REGISTERS);
  const mask = view.getUint32(0, true);
  let at = 4;
  for (let bit = 0; bit < WIDE_REGISTERS; bit++) {
    if (((mask >>> bit) & 1) === 0) continue;
    registers[bit] = view.getUint32(at, true);
    at += 4;
  }
  return registers;
}

/** Unknown chunks are skipped by their length. */
export function readMoo(data: Uint8Array): MooFile {
  const tests: MooTest[] = [];
  let cpu = "";
  try {
    for (const { id, body } of chunks(data)) {
      if (id === "MOO ") cpu = String.fromCharCode(...body.subarray(8, 12)).trim();
      if (id !== "TEST") continue;
      const empty = { registers: [], wideRegisters: [], ram: [] };
      const test: MooTest = { index: 0, name: "", bytes: new Uint8Array(), initial: empty, final: empty };
      test.index = viewOf(body).getUint32(0, true);
      for (const part of chunks(body.subarray(4))) {
        const view = viewOf(part.body);
        if (part.id === "NAME") test.name = new TextDecoder().decode(part.body.subarray(4));
        else if (part.id === "BYTS") test.bytes = part.body.slice(4, 4 + view.getUint32(0, true));
        else if (part.id === "INIT") test.initial = readState(part.body);
        else if (part.id === "FINA") test.final = readState(part.body);
        else if (part.id === "RM32") test.flagsMask = readWide(view)[WIDE_EFLAGS];
        else if (part.id === "EXCP") {
          test.exception = { vector: view.getUint8(0), flagsAddress: view.getUint32(1, true) };
        }
      }
      tests.push(test);
    }
  } catch (error) {
    if (error instanceof RangeError)
      throw new MooError(`a chunk is shorter than its contents: ${error.message}`);
    throw error;
  }
  if (cpu === "") throw new MooError("found no MOO header, expected one at the beginning");
  return { cpu, tests };
}
