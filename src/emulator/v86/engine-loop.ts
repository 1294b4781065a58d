/**
 * The way from one slice of v86 to the next: hands over to the thread in between, counts, and survives an engine that fails.
 * v86's own way keeps timers of a thread of its own and lets an exception end the loop without a word.
 */
import { immediate } from "../immediate.ts";
import type { MachineStatistics } from "../machine.ts";
import type { Cpu, Emulator } from "./internals.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface EngineLoopOwner {
  /** The machine has been destroyed: nothing more is run. */
  isOver(): boolean;
  afterSlice(): void;
  failed(detail: string): void;
}

export class EngineLoop {
  readonly #cpu: Cpu;
  readonly #clock: VirtualClock;
  #instructions = 0;
  #lastCounter = 0;
  #busy = 0;
  #lastBusy = 0;
  #lastAsked: number;
  #timerInterrupts = 0;

  constructor({ v86: loop }: Emulator, clock: VirtualClock, owner: EngineLoopOwner) {
    const cpu = (this.#cpu = loop.cpu);
    this.#clock = clock;
    this.#lastAsked = clock.realNow();
    loop.unregister_yield();
    const mainLoop = cpu.main_loop.bind(cpu);
    cpu.main_loop = () => {
      const from = clock.realNow();
      const idle = mainLoop();
      this.#busy += clock.realNow() - from;
      return idle;
    };
    const raiseIrq = cpu.device_raise_irq.bind(cpu);
    cpu.device_raise_irq = (irq) => {
      if (irq === 0) this.#timerInterrupts++;
      raiseIrq(irq);
    };
    const tick = (number: number) => {
      if (owner.isOver()) return;
      try {
        loop.yield_callback(number);
        this.#countInstructions();
        owner.afterSlice();
      } catch (error) {
        owner.failed(error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
    };
    const soon = immediate(tick);
    loop.yield = (milliseconds, number) => {
      if (milliseconds < 1) soon(number);
      // Timers drop the fraction: woken too early, the engine would spin until its guest's timer is due.
      else setTimeout(tick, Math.ceil(milliseconds), number);
    };
  }

  /** v86's counter has 32 bits and wraps. */
  #countInstructions(): void {
    const counter = this.#cpu.instruction_counter[0] >>> 0;
    this.#instructions += (counter - this.#lastCounter) >>> 0;
    this.#lastCounter = counter;
  }

  /** A state was restored: what its counter shows has not been executed here. */
  restored(): void {
    this.#lastCounter = this.#cpu.instruction_counter[0] >>> 0;
  }

  statistics(): MachineStatistics {
    this.#countInstructions();
    const now = this.#clock.realNow();
    const passed = now - this.#lastAsked;
    const load = passed > 0 ? Math.min(1, (this.#busy - this.#lastBusy) / passed) : 0;
    this.#lastAsked = now;
    this.#lastBusy = this.#busy;
    return {
      instructions: this.#instructions,
      virtualMilliseconds: this.#clock.now(),
      load,
      timerInterrupts: this.#timerInterrupts,
      memoryBytes: this.#cpu.wasm_memory.buffer.byteLength,
    };
  }
}
