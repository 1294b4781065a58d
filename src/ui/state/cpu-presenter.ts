/** What the CPU workspace knows of one machine: the last view, what changed in it, and the commands. */
import type { DebugAnswer, DebugCommand } from "../../emulator/core/debug/session.ts";
import type { DebugView, RegisterView, ViewRequest } from "../../emulator/core/debug/view.ts";
import type { DebugTarget } from "../../hypervisor-model/virtual-machines/bare-pc-protocol.ts";
import { parseHex } from "./hexadecimal.ts";
import { signal } from "./signals.ts";

const POLL_MS = 150;

/** Names of the registers whose value differs, as the register list names them. */
export function changedRegisters(before: RegisterView, now: RegisterView): Set<string> {
  const changed = new Set<string>();
  now.general.forEach((value, i) => value !== before.general[i] && changed.add(`general-${i}`));
  if (now.eip !== before.eip) changed.add("eip");
  for (let bit = 0; bit < 32; bit++) {
    if (((now.flags ^ before.flags) >>> bit) & 1) changed.add(`flag-${bit}`);
  }
  now.segments.forEach((segment, i) => {
    const old = before.segments[i];
    if (segment.selector !== old.selector || segment.base !== old.base) changed.add(`segment-${i}`);
  });
  for (const name of ["cr0", "cr2", "cr3", "cr4"] as const) {
    if (now.control[name] !== before.control[name]) changed.add(name);
  }
  return changed;
}

export class CpuPresenter {
  readonly view = signal<DebugView | undefined>(undefined);
  readonly changed = signal<ReadonlySet<string>>(new Set());
  /** The last refusal, to be shown until the next command. */
  readonly refusal = signal<Extract<DebugAnswer, { ok: false }> | undefined>(undefined);
  /** Linear address of the chosen line of the disassembly. */
  readonly cursor = signal<number | undefined>(undefined);
  /** Instructions a second, 0 as fast as it goes. */
  readonly speed = signal(0);
  readonly request = signal<ViewRequest>({
    codeLines: 40,
    memory: 0,
    memoryBytes: 256,
    part: "stack",
    table: "gdt",
    walk: 0,
  });
  readonly #target: DebugTarget;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking = false;
  #again = false;
  #closed = false;
  #fresh = true;

  constructor(target: DebugTarget) {
    this.#target = target;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Looks at something else. */
  look(change: Partial<ViewRequest>): Promise<void> {
    this.request.set({ ...this.request.get(), ...change });
    return this.refresh();
  }

  async refresh(): Promise<void> {
    if (this.#closed) return;
    if (this.#asking) {
      this.#again = true;
      return;
    }
    this.#asking = true;
    clearTimeout(this.#timer);
    try {
      const view = await this.#target.view(this.request.get());
      const before = this.view.get();
      if (this.#fresh) this.#fresh = false;
      else if (before !== undefined && before.instructions !== view.instructions) {
        this.changed.set(changedRegisters(before.registers, view.registers));
      }
      this.view.set(view);
    } catch (error) {
      if (!this.#closed) this.refusal.set(failed(error));
    } finally {
      this.#asking = false;
    }
    if (this.#again) {
      this.#again = false;
      return this.refresh();
    }
    if (this.view.get()?.running === true && !this.#closed) {
      this.#timer = setTimeout(() => void this.refresh(), POLL_MS);
    }
  }

  /** A fresh machine: nothing counts as changed. */
  forget(): void {
    this.#fresh = true;
    this.changed.set(new Set());
    this.cursor.set(undefined);
  }

  async command(command: DebugCommand): Promise<DebugAnswer> {
    this.refusal.set(undefined);
    let answer: DebugAnswer;
    try {
      answer = await this.#target.command(command);
    } catch (error) {
      answer = failed(error);
    }
    if (!answer.ok) this.refusal.set(answer);
    await this.refresh();
    return answer;
  }

  async setSpeed(instructionsPerSecond: number): Promise<void> {
    this.speed.set(instructionsPerSecond);
    await this.command({ type: "speed", instructionsPerSecond });
  }

  /** What the user typed for an address: hexadecimal, a register, or a label. Undefined for anything else. */
  async address(text: string): Promise<number | undefined> {
    const number = parseHex(text);
    if (number !== undefined) return number;
    const name = text.trim();
    const value = registerValue(this.view.get()?.registers, name.toLowerCase());
    if (value !== undefined || name === "") return value;
    const answer = await this.#target.command({ type: "find", name });
    return answer.ok ? answer.found : undefined;
  }

  toggleBreakpoint(linear: number): Promise<DebugAnswer> {
    const present = this.view
      .get()
      ?.breakpoints.find(({ place }) => place.type === "address" && place.linear === linear);
    return this.command(
      present
        ? { type: "remove-breakpoint", id: present.id }
        : { type: "add-breakpoint", breakpoint: { enabled: true, place: { type: "address", linear } } },
    );
  }
}

function failed(error: unknown): Extract<DebugAnswer, { ok: false }> {
  return { ok: false, message: error instanceof Error ? error.message : String(error) };
}

const GENERAL = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];

/** A general register, EIP, CR2 or CR3 as an address. */
function registerValue(registers: RegisterView | undefined, name: string): number | undefined {
  if (registers === undefined) return undefined;
  const general = GENERAL.indexOf(name);
  if (general >= 0) return registers.general[general];
  if (name === "eip") return registers.eip;
  return name === "cr2" || name === "cr3" ? registers.control[name] : undefined;
}
