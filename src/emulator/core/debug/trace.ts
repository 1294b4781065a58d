/** The last instructions that were executed, and the log of ports, exceptions and interrupts: rings of fixed size. */

/** The last `capacity` linear addresses of executed instructions. */
export class Trace {
  private readonly addresses: Uint32Array;
  private readonly instructions: Float64Array;
  private written = 0;

  constructor(capacity = 4096) {
    this.addresses = new Uint32Array(capacity);
    this.instructions = new Float64Array(capacity);
  }

  add(linear: number, instructions: number): void {
    const at = this.written++ % this.addresses.length;
    this.addresses[at] = linear;
    this.instructions[at] = instructions;
  }

  clear(): void {
    this.written = 0;
  }

  /** Oldest first, at most `count`. */
  last(count: number): { linear: number; instructions: number }[] {
    const length = Math.min(count, this.written, this.addresses.length);
    return Array.from({ length }, (_, i) => {
      const at = (this.written - length + i) % this.addresses.length;
      return { linear: this.addresses[at], instructions: this.instructions[at] };
    });
  }
}

export type MachineLogEntry = { instructions: number } & (
  | { type: "port"; port: number; size: number; write: boolean; value: number; device: string }
  | { type: "exception" | "interrupt" | "software-interrupt"; vector: number; error: number }
);

export class MachineLog {
  private readonly capacity: number;
  private entries: MachineLogEntry[] = [];

  constructor(capacity = 500) {
    this.capacity = capacity;
  }

  add(entry: MachineLogEntry): void {
    this.entries.push(entry);
    if (this.entries.length >= 2 * this.capacity) this.entries = this.entries.slice(-this.capacity);
  }

  /** What happened at or after a count that is gone back to has not happened yet. */
  cut(instructions: number): void {
    this.entries = this.entries.filter((entry) => entry.instructions < instructions);
  }

  last(count: number): MachineLogEntry[] {
    return this.entries.slice(-Math.min(count, this.capacity));
  }
}
