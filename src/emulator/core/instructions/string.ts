/**
 * MOVS CMPS STOS LODS SCAS INS OUTS, with their repeat prefixes (Intel SDM volume 2, REP).
 *
 * A repeated instruction does up to `CHUNK` elements at a time and then comes round again with its registers moved on, so
 * that interrupts are taken between elements; a fault in an element leaves those before it done.
 */
import { ATTENTION_BLOCK } from "../cpu/attention.ts";
import type { Cpu } from "../cpu/cpu.ts";
import { EAX, ECX, EDI, EDX, ES, ESI, FLAG_DF, FLAG_RESULT, FLAG_TF } from "../cpu/registers.ts";
import { ALU } from "./alu.ts";
import type { Family, Form } from "./family.ts";
import { ADDRESS_32, isRepeated, PREFIX_REPNE, type Handler, type Instruction } from "./instruction.ts";
import { accessOf, widthIndex } from "./operands.ts";
import { checkPort, interceptStringPort, readPort, writePort } from "./port-io.ts";

const CHUNK = 1024;

/** One element; moves the index registers it uses. */
type Element = (cpu: Cpu, op: Instruction) => void;

function pointer(cpu: Cpu, op: Instruction, register: number): number {
  return cpu.r[register] & ((op.flags & ADDRESS_32) !== 0 ? -1 : 0xffff);
}

function advance(cpu: Cpu, op: Instruction, register: number, size: number): void {
  const step = (cpu.systemFlags & FLAG_DF) !== 0 ? -size : size;
  if ((op.flags & ADDRESS_32) !== 0) cpu.r[register] += step;
  else cpu.r16[register * 2] += step;
}

/** The element, with what an 80286 leaves behind when it faults: registers that have moved already. */
function makeOldElement(element: Element, form: Form, size: number, compares: boolean): Element {
  const kinds = form.row.operands.map(({ kind }) => kind);
  const moves = form.row.mnemonic.startsWith("movs");
  return (cpu, op) => {
    try {
      element(cpu, op);
    } catch (thrown) {
      const sourceFaulted = kinds.includes("X") && cpu.r16[ESI * 2] > 0x10000 - size;
      // MOVS does not come to its destination when the source faults; CMPS reads its destination first.
      const targetFirst = compares && kinds.includes("X") && cpu.r16[EDI * 2] > 0x10000 - size;
      const reached = kinds.includes("Y") && !(moves && sourceFaulted);
      if (kinds.includes("X") && !targetFirst) advance(cpu, op, ESI, size);
      if (reached) advance(cpu, op, EDI, size);
      // The count of a write runs ahead by one more.
      const ahead = compares || !reached ? 1 : 2;
      if (isRepeated(op) && !targetFirst) cpu.r16[ECX * 2] -= Math.min(ahead, cpu.r16[ECX * 2]);
      throw thrown;
    }
  };
}

/** Does many elements at once and answers how many, 0 for none. Moves the index registers it uses. */
type Bulk = (cpu: Cpu, op: Instruction, count: number) => number;

/** `portBytes` is what INS and OUTS move at once; permission for their port is asked for even where the count is 0. */
function repeat(
  precise: Element,
  old: Element,
  compares: boolean,
  bulk: Bulk | undefined,
  portBytes: number,
): Handler {
  return (cpu, op) => {
    const element = cpu.model.is80286 === true ? old : precise;
    if (!isRepeated(op)) {
      element(cpu, op);
      return op.next;
    }
    const wide = (op.flags & ADDRESS_32) !== 0;
    let count = wide ? cpu.r[ECX] : cpu.r16[ECX * 2];
    if (count === 0) {
      if (portBytes > 0) checkPort(cpu, cpu.r16[EDX * 2], portBytes);
      return op.next;
    }
    const whileZero = (op.flags & PREFIX_REPNE) === 0;
    const trapped = (cpu.systemFlags & FLAG_TF) !== 0;
    const forwards = wide && !trapped && (cpu.systemFlags & FLAG_DF) === 0;
    const many = forwards && !cpu.alignmentChecked ? bulk : undefined;
    let left = trapped ? 1 : CHUNK;
    while (left > 0) {
      // Whether dropped code was cached must not show in the count of instructions.
      const undisturbed = (cpu.attention & ~ATTENTION_BLOCK) === 0;
      let done = 0;
      if (many !== undefined && undisturbed) done = many(cpu, op, Math.min(count >>> 0, left));
      if (done === 0) {
        // The first element of a page brings it into the TLB; the next round does the rest of that page at once.
        element(cpu, op);
        done = 1;
      }
      count = (count - done) | 0;
      left -= done;
      if (wide) cpu.r[ECX] = count;
      else cpu.r16[ECX * 2] = count;
      if (count === 0) return op.next;
      if (compares && (cpu.r[FLAG_RESULT] === 0) !== whileZero) return op.next;
      if ((cpu.attention & ~ATTENTION_BLOCK) !== 0) break;
    }
    return op;
  };
}

function bind(
  make: (form: Form, a: ReturnType<typeof accessOf>, size: number) => Element,
  compares = false,
  bulk?: (size: number) => Bulk,
): Family[string] {
  return (form) => {
    // INS and OUTS have doubleword and word forms like the others; the port is always DX.
    const data = form.row.operands.find((operand) => operand.kind === "X" || operand.kind === "Y")!;
    const width = data.width === "b" ? 8 : form.wide ? 32 : 16;
    const element = make({ ...form, width }, accessOf(width), width >> 3);
    const usesPort = form.row.operands.some(({ text }) => text === "DX");
    const old = makeOldElement(element, form, width >> 3, compares);
    return repeat(element, old, compares, bulk?.(width >> 3), usesPort ? width >> 3 : 0);
  };
}

/** Elements from an index into memory to the end of its page, at most `count`. */
const inPage = (at: number, size: number, count: number) =>
  Math.min(count, Math.floor((4096 - (at & 4095)) / size));

const moveMany =
  (size: number): Bulk =>
  (cpu, op, count) => {
    const from = cpu.readable(op.segment, cpu.r[ESI], size, count);
    const to = cpu.writable(ES, cpu.r[EDI], size, count);
    if (from < 0 || to < 0) return 0;
    const done = inPage(from, size, inPage(to, size, count));
    const bytes = done * size;
    // A copy upwards into itself repeats what it has written.
    if (to > from && to < from + bytes) return 0;
    cpu.memory.bytes.copyWithin(to, from, from + bytes);
    cpu.r[ESI] += bytes;
    cpu.r[EDI] += bytes;
    return done;
  };

const storeMany =
  (size: number): Bulk =>
  (cpu, _, count) => {
    const to = cpu.writable(ES, cpu.r[EDI], size, count);
    if (to < 0 || to % size !== 0) return 0;
    const done = inPage(to, size, count);
    const { bytes, halves, words } = cpu.memory;
    if (size === 1) bytes.fill(cpu.r8[0], to, to + done);
    else if (size === 2) halves.fill(cpu.r16[0], to >> 1, (to >> 1) + done);
    else words.fill(cpu.r[EAX], to >> 2, (to >> 2) + done);
    cpu.r[EDI] += done * size;
    return done;
  };

const movs = bind(
  (_, a, size) => (cpu, op) => {
    const value = a.load(cpu, op.segment, pointer(cpu, op, ESI));
    a.store(cpu, ES, pointer(cpu, op, EDI), value);
    advance(cpu, op, ESI, size);
    advance(cpu, op, EDI, size);
  },
  false,
  moveMany,
);

const cmps = bind((form, a, size) => {
  const compare = ALU.cmp[widthIndex(form.width)];
  return (cpu, op) => {
    // Processors read the second operand first, which shows where both fault.
    const right = a.load(cpu, ES, pointer(cpu, op, EDI));
    compare(cpu.r, a.load(cpu, op.segment, pointer(cpu, op, ESI)), right);
    advance(cpu, op, ESI, size);
    advance(cpu, op, EDI, size);
  };
}, true);

const stos = bind(
  (_, a, size) => (cpu, op) => {
    a.store(cpu, ES, pointer(cpu, op, EDI), a.get(cpu, EAX));
    advance(cpu, op, EDI, size);
  },
  false,
  storeMany,
);

const lods = bind((_, a, size) => (cpu, op) => {
  a.set(cpu, EAX, a.load(cpu, op.segment, pointer(cpu, op, ESI)));
  advance(cpu, op, ESI, size);
});

const scas = bind((form, a, size) => {
  const compare = ALU.cmp[widthIndex(form.width)];
  return (cpu, op) => {
    compare(cpu.r, a.get(cpu, EAX), a.load(cpu, ES, pointer(cpu, op, EDI)));
    advance(cpu, op, EDI, size);
  };
}, true);

const ins = bind((form, a, size) => (cpu, op) => {
  const port = cpu.r16[EDX * 2];
  checkPort(cpu, port, size);
  interceptStringPort(cpu, op, port, size, true);
  // The destination is checked before the port is read: a read may not be repeatable.
  a.update(cpu, ES, pointer(cpu, op, EDI));
  a.writeBack(cpu, readPort(cpu, port, form.width));
  advance(cpu, op, EDI, size);
});

const outs = bind((form, a, size) => (cpu, op) => {
  const port = cpu.r16[EDX * 2];
  checkPort(cpu, port, size);
  interceptStringPort(cpu, op, port, size, false);
  const value = a.load(cpu, op.segment, pointer(cpu, op, ESI));
  writePort(cpu, port, form.width, value);
  advance(cpu, op, ESI, size);
});

export const strings: Family = {
  movsb: movs,
  movsw: movs,
  cmpsb: cmps,
  cmpsw: cmps,
  stosb: stos,
  stosw: stos,
  lodsb: lods,
  lodsw: lods,
  scasb: scas,
  scasw: scas,
  insb: ins,
  insw: ins,
  outsb: outs,
  outsw: outs,
};
