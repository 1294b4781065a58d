/** Reader of recorded CPU tests in the MOO 1.x format (see the suite's README). Throws `MooError` for a broken file. */
export interface MooState {
  /** ax bx cx dx cs ss ds es sp bp si di ip flags; undefined where not listed. */
  registers: (number | undefined)[];
  ram: { address: number; value: number }[];
}
export interface MooTest {
  index: number;
  name: string;
  bytes: Uint8Array;
  initial: MooState;
  final: MooState;
  exception?: { vector: number; flagsAddress: number };
}

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
  const state: MooState = { registers: Array.from({ length: 14 }, () => undefined), ram: [] };
  for (const chunk of chunks(body)) {
    const view = viewOf(chunk.body);
    if (chunk.id === "REGS") {
      const mask = view.getUint16(0, true);
      let at = 2;
      for (let bit = 0; bit < 14; bit++) {
        if ((mask & (1 << bit)) === 0) continue;
        state.registers[bit] = view.getUint16(at, true);
        at += 2;
      }
    } else if (chunk.id === "RAM ") {
      const count = view.getUint32(0, true);
      for (let i = 0; i < count; i++) {
        state.ram.push({ address: view.getUint32(4 + i * 5, true), value: view.getUint8(8 + i * 5) });
      }
    }
  }
  return state;
}

export function readMoo(data: Uint8Array): MooTest[] {
  const tests: MooTest[] = [];
  try {
    for (const { id, body } of chunks(data)) {
      if (id !== "TEST") continue;
      const empty = { registers: [], ram: [] };
      const test: MooTest = { index: 0, name: "", bytes: new Uint8Array(), initial: empty, final: empty };
      test.index = viewOf(body).getUint32(0, true);
      for (const part of chunks(body.subarray(4))) {
        const view = viewOf(part.body);
        if (part.id === "NAME") test.name = new TextDecoder().decode(part.body.subarray(4));
        else if (part.id === "BYTS") test.bytes = part.body.slice(4, 4 + view.getUint32(0, true));
        else if (part.id === "INIT") test.initial = readState(part.body);
        else if (part.id === "FINA") test.final = readState(part.body);
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
  return tests;
}
