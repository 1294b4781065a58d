/** What the CPU workspace knows of one machine: the last view, what changed in it, and the commands. */
import type { DebugAnswer, DebugCommand } from "../../emulator/core/debug/session.ts";
import type { DebugView, RegisterView, ViewRequest } from "../../emulator/core/debug/view.ts";
import type { DebugTarget } from "../../hypervisor-model/virtual-machines/bare-pc-protocol.ts";
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
  /** The last refusal or note, to be shown until the next command. */
  readonly note = signal("");
  /** Linear address of the chosen line of the disassembly. */
  readonly cursor = signal<number | undefined>(undefined);
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
      if (before !== undefined && before.instructions !== view.instructions) {
        this.changed.set(changedRegisters(before.registers, view.registers));
      }
      this.view.set(view);
    } catch (error) {
      this.note.set(error instanceof Error ? error.message : String(error));
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
    this.view.set(undefined);
    this.changed.set(new Set());
    this.cursor.set(undefined);
  }

  async command(command: DebugCommand): Promise<DebugAnswer> {
    this.note.set("");
    let answer: DebugAnswer;
    try {
      answer = await this.#target.command(command);
    } catch (error) {
      answer = { ok: false, message: error instanceof Error ? error.message : String(error) };
    }
    if (!answer.ok) this.note.set(answer.message);
    await this.refresh();
    return answer;
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
