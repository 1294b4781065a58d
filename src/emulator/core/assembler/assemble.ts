/**
 * The assembler: Intel syntax as NASM writes it, flat output. Statements are laid out until every label keeps its value
 * (jumps only grow, so they settle), then bytes are emitted.
 *
 * It never throws: whatever is wrong with the text comes back as problems with line and column.
 */
import { resolveMemory } from "./address.ts";
import { encodeInstruction, fits, pushNumber, type ResolvedOperand } from "./encode.ts";
import { evaluate, evaluateSum, type Expression, type Scope, type Value } from "./expression.ts";
import { TokenReader, tokens } from "./lexer.ts";
import { isMnemonic } from "./mnemonics.ts";
import type { Width } from "./notation.ts";
import { SourceError, type AssemblyProblem } from "./problem.ts";
import { parseStatement, type Body, type SourceOperand, type Statement } from "./statement.ts";

export interface AssembledLine {
  /** From 1. */
  line: number;
  address: number;
  length: number;
}

export interface Assembled {
  /** Empty when there are problems. */
  bytes: Uint8Array;
  /** Where the first byte belongs (ORG), 0 if the source does not say. */
  origin: number;
  /** Size of the code that the first byte belongs to. */
  bits: Width;
  problems: AssemblyProblem[];
  /** Lines that made bytes, in order. */
  lines: AssembledLine[];
  labels: Map<string, number>;
}

export interface AssembleOptions {
  /** Code size before the first BITS. */
  bits?: Width;
  /** Origin where the source has no ORG. */
  origin?: number;
  maximumBytes?: number;
}

const MAXIMUM_BYTES = 4 << 20;
const MAXIMUM_LINES = 50_000;
const MAXIMUM_PROBLEMS = 100;
const PASSES = 60;
/** From this pass on nothing gets shorter any more, so that sizes settle. */
const GROWING_PASS = 8;

export function assemble(source: string, options: AssembleOptions = {}): Assembled {
  const problems: AssemblyProblem[] = [];
  const statements = parse(source, problems);
  const layout = new Layout(statements, options);
  if (problems.length === 0) layout.settle();
  for (const problem of layout.problems) if (problems.length < MAXIMUM_PROBLEMS) problems.push(problem);
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  const { lines, labels, origin, entryBits: bits } = layout;
  const bytes = problems.length > 0 ? new Uint8Array(0) : Uint8Array.from(layout.bytes);
  return { bytes, origin: Number(BigInt.asUintN(32, origin)), bits, problems, lines, labels };
}

function parse(source: string, problems: AssemblyProblem[]): Statement[] {
  const statements: Statement[] = [];
  const lines = source.split(/\r\n|\n|\r/);
  for (let i = 0; i < lines.length && problems.length < MAXIMUM_PROBLEMS; i++) {
    try {
      if (i >= MAXIMUM_LINES) throw new SourceError("too-large", 0, 1, String(MAXIMUM_LINES));
      const reader = new TokenReader(tokens(lines[i]));
      if (reader.token.type !== "end") statements.push(parseStatement(reader, i + 1, isMnemonic));
    } catch (error) {
      if (!(error instanceof SourceError)) throw error;
      problems.push(error.at(i + 1));
      if (i >= MAXIMUM_LINES) break;
    }
  }
  return statements;
}

/** Places of all statements, and what they refer to. */
class Layout {
  readonly problems: AssemblyProblem[] = [];
  bytes: number[] = [];
  lines: AssembledLine[] = [];
  readonly labels = new Map<string, number>();
  origin: bigint;
  entryBits: Width;

  private readonly statements: readonly Statement[];
  private readonly maximum: number;
  private readonly firstBits: Width;
  private readonly symbols = new Map<string, Value & { line: number; pass: number }>();
  /** Bytes of each instruction, by statement and repetition, in the pass before. */
  private sizes: number[][] = [];
  private pass = 0;
  private final = false;
  private changed = false;
  private bits: Width = 16;
  private parent = "";
  private here = 0n;

  constructor(statements: readonly Statement[], options: AssembleOptions) {
    this.statements = statements;
    this.maximum = options.maximumBytes ?? MAXIMUM_BYTES;
    this.firstBits = options.bits ?? 16;
    this.entryBits = this.firstBits;
    this.origin = BigInt(options.origin ?? 0);
  }

  settle(): void {
    for (this.pass = 0; this.pass < PASSES; this.pass++) {
      this.changed = false;
      this.run();
      if (this.problems.length > 0) return;
      if (!this.changed && this.pass > 0) {
        this.final = true;
        this.pass++;
        this.run();
        for (const [name, { value }] of this.symbols)
          this.labels.set(name, Number(BigInt.asUintN(32, value)));
        return;
      }
    }
    this.problems.push(new SourceError("unstable", 0, 1).at(1));
  }

  private run(): void {
    this.bytes = [];
    this.lines = [];
    this.bits = this.firstBits;
    this.parent = "";
    for (let i = 0; i < this.statements.length; i++) {
      const statement = this.statements[i];
      try {
        this.lay(statement, (this.sizes[i] ??= []));
      } catch (error) {
        if (!(error instanceof SourceError)) throw error;
        // In the first pass what stands further down is a guess: nothing that follows from it counts.
        if (this.pass === 0 && error.code !== "too-large" && error.code !== "label-twice") {
          this.changed = true;
          continue;
        }
        this.problems.push(error.at(statement.line));
        if (error.code === "too-large" || this.problems.length >= MAXIMUM_PROBLEMS) return;
      }
    }
  }

  private address(): bigint {
    return this.origin + BigInt(this.bytes.length);
  }

  private fullName(name: string): string {
    return name.startsWith(".") ? this.parent + name : name;
  }

  private readonly scope: Scope = {
    here: 0n,
    start: 0n,
    look: (name, column) => {
      const found = this.symbols.get(this.fullName(name));
      if (found !== undefined) return found;
      if (this.final || this.pass > 0) throw new SourceError("undefined-label", column, name.length, name);
      // Further down, perhaps: the next pass knows.
      this.changed = true;
      return { value: this.here, relative: true };
    },
  };

  private value(expression: Expression): Value {
    this.scope.here = this.here;
    this.scope.start = this.origin;
    return evaluate(expression, this.scope);
  }

  private lay(statement: Statement, sizes: number[]): void {
    const { label, times, body, line } = statement;
    this.here = this.address();
    if (label !== undefined) {
      if (!label.name.startsWith(".")) this.parent = label.name;
      if (body?.type === "equ") this.define(label, this.value(body.value), line);
      else this.define(label, { value: this.here, relative: true }, line);
    }
    if (body === undefined) return;
    const start = this.bytes.length;
    const count = times === undefined ? 1 : this.count(times);
    for (let i = 0; i < count; i++) {
      this.layBody(body, sizes, i);
      if (this.bytes.length > this.maximum) {
        throw new SourceError("too-large", 0, 1, String(this.maximum));
      }
      // What makes no bytes makes none however often.
      if (this.bytes.length === start) break;
    }
    const length = this.bytes.length - start;
    if (length > 0) this.lines.push({ line, address: Number(this.origin) + start, length });
  }

  private define(label: { name: string; column: number; length: number }, value: Value, line: number): void {
    const name = this.fullName(label.name);
    const present = this.symbols.get(name);
    if (present !== undefined && present.pass === this.pass) {
      throw new SourceError("label-twice", label.column, label.length, name, String(present.line));
    }
    if (present?.value !== value.value || present.relative !== value.relative) this.changed = true;
    this.symbols.set(name, { ...value, line, pass: this.pass });
  }

  private count(expression: Expression): number {
    const { value } = this.value(expression);
    // Labels of the first pass are guesses.
    if (value < 0n && !this.final && this.pass < GROWING_PASS) {
      this.changed = true;
      return 0;
    }
    const { column, length } = expression;
    if (value < 0n) throw new SourceError("bad-count", column, length, String(value));
    if (value > BigInt(this.maximum))
      throw new SourceError("too-large", column, length, String(this.maximum));
    return Number(value);
  }

  private layBody(body: Body, sizes: number[], repetition: number): void {
    switch (body.type) {
      case "equ":
        return;
      case "bits":
        this.bits = body.bits;
        if (this.bytes.length === 0) this.entryBits = body.bits;
        return;
      case "org": {
        const { value } = this.value(body.value);
        const { column, length } = body.value;
        if (this.bytes.length > 0)
          throw new SourceError("unexpected", column, length, "org", "it before everything else");
        if (!fits(value, 32)) throw new SourceError("out-of-range", column, length, String(value), "32");
        if (value !== this.origin) this.changed = true;
        this.origin = value;
        return;
      }
      case "align": {
        const size = this.count(body.value);
        const { column, length } = body.value;
        if (size < 1) throw new SourceError("bad-count", column, length, String(size));
        const fill = body.fill === undefined ? 0x90n : this.value(body.fill).value;
        // Relative to the program's start, as NASM aligns.
        while (this.bytes.length % size !== 0) pushNumber(this.bytes, fill, 1);
        return;
      }
      case "reserve": {
        const bytes = this.count(body.count) * body.bytes;
        if (bytes > this.maximum) throw new SourceError("too-large", 0, 1, String(this.maximum));
        for (let i = 0; i < bytes; i++) this.bytes.push(0);
        return;
      }
      case "data":
        this.layData(body);
        return;
      case "instruction":
        this.layInstruction(body, sizes, repetition);
        return;
      default:
        body satisfies never;
    }
  }

  private layData({ bytes, items }: Body & { type: "data" }): void {
    for (const item of items) {
      switch (item.type) {
        case "text":
          for (const byte of item.bytes) this.bytes.push(byte);
          for (let i = item.bytes.length; i % bytes !== 0; i++) this.bytes.push(0);
          break;
        case "float": {
          const view = new DataView(new ArrayBuffer(8));
          if (bytes === 4) view.setFloat32(0, item.value, true);
          else if (bytes === 8) view.setFloat64(0, item.value, true);
          else throw new SourceError("unexpected", 0, 1, String(item.value), "dd or dq in front of it");
          for (let i = 0; i < bytes; i++) this.bytes.push(view.getUint8(i));
          break;
        }
        case "value": {
          const { value } = this.value(item.expression);
          if (this.final && !fits(value, bytes * 8)) {
            const { column, length } = item.expression;
            throw new SourceError("out-of-range", column, length, String(value), String(bytes * 8));
          }
          pushNumber(this.bytes, value, bytes);
          break;
        }
        default:
          item satisfies never;
      }
    }
  }

  private resolve(operand: SourceOperand): ResolvedOperand {
    switch (operand.type) {
      case "register":
        return { type: "register", class: operand.class, number: operand.number };
      case "immediate": {
        const { bits, strict, distance } = operand;
        const value = this.value(operand.expression);
        return { type: "immediate", ...value, bits, strict, ...(distance !== undefined && { distance }) };
      }
      case "far":
        return {
          type: "far",
          selector: this.value(operand.selector).value,
          offset: this.value(operand.offset).value,
          bits: operand.bits,
        };
      case "memory": {
        this.scope.here = this.here;
        this.scope.start = this.origin;
        return resolveMemory(operand, evaluateSum(operand.expression, this.scope), this.bits);
      }
      default:
        return operand satisfies never;
    }
  }

  private layInstruction(body: Body & { type: "instruction" }, sizes: number[], repetition: number): void {
    if (body.mnemonic === "") {
      throw new SourceError("unexpected", body.place.column, body.place.length, "", "an instruction");
    }
    const minimumLength = this.minimum(body, sizes[repetition] ?? 0);
    const bytes = encodeInstruction(
      {
        mnemonic: body.mnemonic,
        prefixes: body.prefixes,
        operands: body.operands.map((operand) => this.resolve(operand)),
        // `$` is where the statement begins, also in a repetition; jumps count from their own place.
        address: this.address(),
        minimumLength,
        ...body.place,
      },
      this.bits,
    );
    if (sizes[repetition] !== bytes.length) this.changed = true;
    sizes[repetition] = bytes.length;
    for (const byte of bytes) this.bytes.push(byte);
  }

  /** Jumps that once had to be long stay so; late passes let nothing shrink. */
  private minimum({ operands }: Body & { type: "instruction" }, before: number): number {
    const jump = operands.length === 1 && operands[0].type === "immediate";
    return jump || this.final || this.pass >= GROWING_PASS ? before : 0;
  }
}
