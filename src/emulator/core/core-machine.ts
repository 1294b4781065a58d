/**
 * The core behind the machine contract: a `Pc` driven at the pace of the host's clock. Guest time follows real time while
 * the host is fast enough; a guest that keeps it busy falls behind, and at most a little of that is caught up when idle.
 *
 * This is the only place where the core meets the host's clock. Every input passes `#input`, which hands it to the PC
 * between two instructions; `onInput` sees it with the instruction count and the virtual time it came at.
 */
import { DEFAULT_CPU_MODEL, withVirtualization } from "./cpu/cpuid.ts";
import { exitName } from "./cpu/svm/vmcb.ts";
import { checkHardware } from "../hardware-check.ts";
import { immediate } from "../immediate.ts";
import { linuxOptionRom, loadLinux } from "../linux-boot.ts";
import { checkStateFits } from "../machine-state.ts";
import {
  AGENT_PORT,
  CONSOLE_PORT,
  MachineConfigError,
  PAGE_SIZE,
  type BlockDevice,
  type Machine,
  type MachineEvents,
  type MachineOptions,
  type MachineState,
  type MachineStatistics,
  type MachineStatus,
  type PointerInput,
  type Scancodes,
  type SerialPort,
} from "../machine.ts";
import type { TripleFault } from "../triple-fault.ts";
import { realNow } from "../real-time.ts";
import { decodeState, encodeState } from "../state-codec.ts";
import { CoreDebugging } from "./debug/core-debugging.ts";
import { undoable } from "./debug/history.ts";
import type { DebugDriver } from "./debug/session.ts";
import { Symbols } from "./debug/symbols.ts";
import { VgaScreen } from "./devices/vga-screen.ts";
import { Pc, type PcBoot, type PcInput, type PcStop } from "./pc.ts";
import { restorePc, savePc, type PcState } from "./pc-state.ts";

export const CORE_VERSION = "2";
const LIMITS = { name: "the core", nics: 2, memoryMiB: 2032 };
/** Instructions between two looks at the host's clock. */
const SLICE_INSTRUCTIONS = 100_000;
/** How long the host thread is kept before its messages get their turn. */
const SLICE_MS = 8;
/** What a guest may be behind real time and still catch up. */
const DEBT_MS = 50;
const SCREEN_MS = 33;
const OUTPUT_CHUNK = 4096;

export interface RecordedInput {
  instructions: number;
  /** Virtual nanoseconds. */
  time: number;
  input: PcInput;
}

export interface CoreMachineOptions extends MachineOptions {
  onInput?: (record: RecordedInput) => void;
}

/** What `MachineState.devices` holds. */
interface DeviceState {
  pc: PcState;
  halted: boolean;
}

export class CoreMachine implements Machine {
  readonly engine = "core";
  readonly engineVersion = CORE_VERSION;
  readonly pc: Pc;
  readonly #options: CoreMachineOptions;
  readonly #events: MachineEvents;
  readonly #screen: VgaScreen;
  readonly #output = [new Uint8Array(OUTPUT_CHUNK), new Uint8Array(OUTPUT_CHUNK)];
  readonly #outputLength = [0, 0];
  readonly #soon: (value: number) => void;
  #status: MachineStatus = { type: "paused" };
  #built = false;
  /** The guest has written to the virtio console last, not to COM1: what is typed goes there. */
  #consoleIsVirtio = false;
  /** What the reset that is under way answers. */
  #fault: TripleFault | undefined;
  #debugging: CoreDebugging | undefined;
  #destroyed = false;
  #inside = false;
  #waiting: PcInput[] = [];
  /** Counts starts: a turn of the loop that was asked for before the last pause does nothing. */
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #screenTimer: ReturnType<typeof setTimeout> | undefined;
  /** Real time in ms at which the guest's clock shows 0. */
  #anchor = 0;
  #busyMs = 0;
  #askedAt = realNow();
  #askedBusyMs = 0;

  static async create(options: CoreMachineOptions): Promise<CoreMachine> {
    checkHardware(options, LIMITS);
    return new CoreMachine(options);
  }

  private constructor(options: CoreMachineOptions) {
    this.#options = options;
    const events = (this.#events = this.#safeEvents(options.events));
    const { hardware, firmware, drives, startTime } = options;
    this.pc = new Pc({
      memoryMiB: hardware.memoryMiB,
      bios: firmware.bios,
      vgaBios: firmware.vgaBios,
      boot: bootOf(options),
      exitPort: options.boot.type === "multiboot",
      drives: { hda: this.#undoable(drives.hda), hdb: this.#undoable(drives.hdb), cdrom: drives.cdrom },
      hasCdrom: hardware.hasCdrom,
      nics: hardware.nics,
      bootOrder: hardware.bootOrder,
      cpu: withVirtualization(DEFAULT_CPU_MODEL, hardware.virtualization ?? "on"),
      startTime,
      seed: options.seed,
      events: {
        serial: (port, byte) => {
          if (this.#repeating) return;
          if (port === CONSOLE_PORT) this.#consoleIsVirtio = false;
          this.#serialOut(port, byte);
        },
        virtioConsole: (bytes) => {
          if (this.#repeating) return;
          this.#consoleIsVirtio = true;
          for (const byte of bytes) this.#serialOut(CONSOLE_PORT, byte);
        },
        transmit: (nic, frame) => {
          if (!this.#repeating) events.transmit(nic, frame);
        },
        drive: (drive, operation, bytes) => {
          if (!this.#repeating) events.drive(drive, operation, bytes);
        },
        reset: () => {
          if (this.#built && !this.#repeating) events.reset?.(this.#fault);
        },
      },
    });
    this.#built = true;
    this.#screen = new VgaScreen(this.pc.vga, (update) => events.screen(update));
    this.#soon = immediate((turn) => this.#loop(turn));
  }

  /** What happens now has been told before: the debugger has gone back. */
  get #repeating(): boolean {
    return this.#debugging?.debug.history.repeating === true;
  }

  /** What the network and the guest agent's client send now does not belong to the past that the debugger shows. */
  get #inThePast(): boolean {
    return this.#debugging?.debug.history.replaying === true;
  }

  #undoable(drive: BlockDevice | undefined): BlockDevice | undefined {
    return drive === undefined ? undefined : undoable(drive, () => this.#debugging?.debug.history);
  }

  /** Opens the machine for a debugger; what it stops at pauses the machine. Stands still for a moment. */
  async attachDebugger(labels = Symbols.none): Promise<DebugDriver> {
    this.#alive();
    if (this.#debugging !== undefined) return this.#debugging;
    const wasRunning = this.#status.type === "running";
    await this.pause();
    await this.pc.settle();
    const debugging = new CoreDebugging(this, this.pc, labels);
    debugging.debug.start();
    this.#debugging = debugging;
    if (wasRunning) await this.run();
    return debugging;
  }

  detachDebugger(): void {
    this.#debugging?.debug.detach();
    this.#debugging = undefined;
  }

  /** A listener that throws crashes the machine; it does not break a device in the middle of its work. */
  #safeEvents(events: MachineEvents): MachineEvents {
    const safe =
      <A extends unknown[]>(name: string, call: (...args: A) => void) =>
      (...args: A): void => {
        if (this.#destroyed) return;
        try {
          call(...args);
        } catch (error) {
          this.#crash(`the listener for ${name} failed: ${String(error)}`);
        }
      };
    return {
      status: safe("status", events.status.bind(events)),
      serial: safe("serial", events.serial.bind(events)),
      transmit: safe("transmit", events.transmit.bind(events)),
      screen: safe("screen", events.screen.bind(events)),
      drive: safe("drive", events.drive.bind(events)),
      reset: safe("reset", (fault?: TripleFault) => events.reset?.(fault)),
    };
  }

  #setStatus(status: MachineStatus): void {
    if (this.#status.type === "crashed") return;
    this.#status = status;
    this.#events.status(status);
  }

  #crash(detail: string): void {
    if (this.#status.type === "crashed") return;
    this.#halt();
    this.pc.stop();
    this.#setStatus({ type: "crashed", detail });
  }

  /** The loop does not go on. */
  #halt(): void {
    this.#turn++;
    clearTimeout(this.#timer);
    clearTimeout(this.#screenTimer);
    this.#screenTimer = undefined;
  }

  #serialOut(port: SerialPort, byte: number): void {
    this.#output[port][this.#outputLength[port]++] = byte;
    if (this.#outputLength[port] === OUTPUT_CHUNK) this.#flushSerial(port);
  }

  #flushSerial(port: SerialPort): void {
    const length = this.#outputLength[port];
    if (length === 0) return;
    this.#outputLength[port] = 0;
    this.#events.serial(port, this.#output[port].slice(0, length));
  }

  /** Nanoseconds that the guest's clock should show now. */
  #dueTime(): number {
    return Math.floor((realNow() - this.#anchor) * 1e6);
  }

  #setAnchor(): void {
    this.#anchor = realNow() - this.pc.clock.now() / 1e6;
  }

  #loop(turn: number): void {
    if (turn !== this.#turn || this.#destroyed || this.#status.type !== "running") return;
    const from = realNow();
    const stop = this.#execute(from);
    this.#busyMs += realNow() - from;
    this.#flushSerial(0);
    this.#flushSerial(1);
    if (this.#status.type !== "running" || turn !== this.#turn) return;
    this.#next(stop, turn);
  }

  /** Executes until the host is due again. */
  #execute(from: number): PcStop {
    const { pc } = this;
    let stop: PcStop = { type: "limit" };
    this.#inside = true;
    try {
      do {
        for (const input of this.#waiting.splice(0)) this.#apply(input);
        const due = this.#dueTime();
        const debt = due - pc.clock.now();
        if (debt > DEBT_MS * 1e6) this.#anchor += debt / 1e6 - DEBT_MS;
        const until = Math.min(due, this.#dueTime());
        stop = this.#debugging?.slice(SLICE_INSTRUCTIONS, until) ?? pc.run(SLICE_INSTRUCTIONS, until);
      } while (stop.type === "limit" && pc.clock.now() < this.#dueTime() && realNow() - from < SLICE_MS);
    } catch (error) {
      this.#crash(error instanceof Error ? (error.stack ?? error.message) : String(error));
    } finally {
      this.#inside = false;
    }
    return stop;
  }

  #next(stop: PcStop, turn: number): void {
    switch (stop.type) {
      case "stopped":
        if (this.#debugging?.stop === undefined) break;
        this.#end({ type: "paused" });
        return;
      case "halted":
        this.#end({ type: "halted" });
        return;
      case "exit":
        this.#end({ type: "halted" });
        return;
      case "triple-fault":
        // A debugger shows it; without one the machine is reset, as the chip set does on the processor's shutdown.
        if (this.#debugging !== undefined) {
          this.#end({ type: "paused" });
          return;
        }
        this.#fault = stop.fault;
        this.#apply({ type: "reset" });
        this.#fault = undefined;
        break;
      case "waiting":
        void this.pc.settled().then(() => this.#loop(turn));
        return;
      default:
    }
    this.#showScreen();
    const { clock, cpu } = this.pc;
    const ahead = (clock.now() - this.#dueTime()) / 1e6;
    if (this.#debugging?.slow === true) this.#timer = setTimeout(() => this.#loop(turn), 8);
    else if (ahead < 0 && !this.#isIdle()) this.#soon(turn);
    else {
      const next = cpu.halted ? (clock.nextDeadline() - this.#dueTime()) / 1e6 : Math.max(ahead, 0);
      if (next < 1) this.#soon(turn);
      else this.#timer = setTimeout(() => this.#loop(turn), Math.min(next, 1000));
    }
  }

  /** Halted, and no timer is due yet. */
  #isIdle(): boolean {
    return this.pc.cpu.halted && this.pc.clock.nextDeadline() > this.#dueTime();
  }

  #end(status: MachineStatus): void {
    this.#halt();
    this.#screen.flush();
    this.#setStatus(status);
  }

  #showScreen(): void {
    if (this.#screenTimer !== undefined || !this.pc.vga.changed) return;
    this.#screenTimer = setTimeout(() => {
      this.#screenTimer = undefined;
      if (!this.#destroyed) this.#screen.flush();
    }, SCREEN_MS);
  }

  async run(): Promise<void> {
    this.#alive();
    if (this.#status.type === "running") return;
    this.#setAnchor();
    this.#debugging?.resume();
    this.#setStatus({ type: "running" });
    this.#soon(++this.#turn);
  }

  async pause(): Promise<void> {
    this.#alive();
    this.#halt();
    this.#screen.flush();
    if (this.#status.type !== "running") return;
    this.#debugging?.interrupt();
    this.#setStatus({ type: "paused" });
  }

  async reset(): Promise<void> {
    this.#alive();
    this.#input({ type: "reset" });
    if (this.#status.type === "halted") await this.run();
  }

  async destroy(): Promise<void> {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#halt();
    await this.pc.settled();
  }

  /** An input that comes while the PC executes (from one of its own events) waits until it stands between two runs. */
  #input(input: PcInput): void {
    if (this.#destroyed || this.#status.type === "crashed") return;
    if (this.#inside) {
      this.#waiting.push(input);
      return;
    }
    if (this.#status.type === "running") {
      // The guest has slept since its last turn: first its clock comes to now.
      this.#waiting.push(input);
      clearTimeout(this.#timer);
      this.#soon(++this.#turn);
    } else this.#apply(input);
  }

  #apply(input: PcInput): void {
    const { clock, cpu } = this.pc;
    this.#options.onInput?.({ instructions: cpu.instructions, time: clock.now(), input });
    if (this.#debugging === undefined) this.pc.apply(input);
    else this.#debugging.debug.history.input(input);
  }

  sendSerial(port: SerialPort, bytes: Uint8Array): void {
    if (port === AGENT_PORT && this.#inThePast) return;
    const virtio = port === CONSOLE_PORT && this.#consoleIsVirtio;
    this.#input(virtio ? { type: "virtio-console", bytes } : { type: "serial", port, bytes });
  }

  sendScancodes(codes: Scancodes): void {
    this.#input({ type: "scancodes", codes });
  }

  movePointer({ deltaX, deltaY, wheel, buttons }: PointerInput): void {
    const pressed = (buttons.left ? 1 : 0) | (buttons.right ? 2 : 0) | (buttons.middle ? 4 : 0);
    this.#input({ type: "pointer", deltaX, deltaY, wheel, buttons: pressed });
  }

  receive(nic: number, frame: Uint8Array): void {
    if (this.#inThePast) return;
    if (this.#waiting.length < 4096) this.#input({ type: "frame", nic, frame });
  }

  setLink(nic: number, up: boolean): void {
    this.#input({ type: "link", nic, up });
  }

  async insertMedium(drive: "cdrom" | "floppy", medium: BlockDevice | undefined): Promise<void> {
    this.#alive();
    if (drive === "floppy") throw new MachineConfigError("the core has no floppy drive");
    const unit = this.pc.ide.channels[1].drives[0];
    if (unit === undefined) throw new MachineConfigError("this machine has no CD drive");
    unit.medium = medium;
    unit.mediumChanged = true;
  }

  refreshScreen(): void {
    this.#screen.refresh();
  }

  async save(): Promise<MachineState> {
    this.#alive();
    if (this.#status.type === "running") throw new MachineConfigError("only a paused machine can be saved");
    const { instructions } = this.pc.cpu;
    await this.pc.settle();
    // What it executed to settle is not on the debugger's timeline: another begins.
    if (this.pc.cpu.instructions !== instructions) this.#debugging?.debug.start();
    this.#flushSerial(0);
    this.#flushSerial(1);
    const devices: DeviceState = { pc: savePc(this.pc), halted: this.#status.type === "halted" };
    return {
      version: 1,
      engine: this.engine,
      engineVersion: this.engineVersion,
      hardware: structuredClone(this.#options.hardware),
      devices: encodeState(devices),
      ...readPages(this.pc.memory.words, this.pc.memory.ramBytes),
    };
  }

  async restore(state: MachineState): Promise<void> {
    this.#alive();
    if (this.#status.type === "running")
      throw new MachineConfigError("only a paused machine can be restored");
    checkStateFits(state, this.engine, this.engineVersion, this.#options.hardware);
    await this.pc.settle();
    const devices = decodeState(state.devices) as DeviceState;
    const { memory } = this.pc;
    memory.bytes.fill(0, 0, memory.ramBytes);
    state.pageNumbers.forEach((page, i) => {
      const from = page * PAGE_SIZE;
      if (from + PAGE_SIZE > memory.ramBytes) return;
      memory.bytes.set(state.pages.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE), from);
    });
    memory.dirty.fill(1);
    restorePc(this.pc, devices.pc);
    this.#debugging?.debug.start();
    this.#status = { type: devices.halted ? "halted" : "paused" };
  }

  readMemory(address: number, length: number): Uint8Array {
    const { memory } = this.pc;
    return memory.bytes.slice(
      Math.min(address, memory.ramBytes),
      Math.min(address + length, memory.ramBytes),
    );
  }

  writeMemory(address: number, bytes: Uint8Array): void {
    this.#input({ type: "memory", address, bytes: bytes.slice() });
  }

  statistics(): MachineStatistics {
    const now = realNow();
    const passed = now - this.#askedAt;
    const load = passed > 0 ? Math.min(1, (this.#busyMs - this.#askedBusyMs) / passed) : 0;
    this.#askedAt = now;
    this.#askedBusyMs = this.#busyMs;
    const { cpu, clock, pit, memory, vga } = this.pc;
    return {
      instructions: cpu.instructions,
      virtualMilliseconds: clock.now() / 1e6,
      load,
      timerInterrupts: pit.interrupts,
      memoryBytes:
        memory.bytes.byteLength +
        memory.watch.byteLength * 2 +
        vga.planes.byteLength +
        cpu.tlb.entries.byteLength,
      vmExits: Object.fromEntries([...cpu.svm.exits].map(([code, count]) => [exitName(code).svm, count])),
    };
  }

  #alive(): void {
    if (this.#destroyed) throw new MachineConfigError("the machine has been destroyed");
    if (this.#status.type === "crashed")
      throw new MachineConfigError(`the machine has crashed: ${this.#status.detail}`);
  }
}

function bootOf({ boot }: MachineOptions): PcBoot {
  switch (boot.type) {
    case "firmware":
      return boot;
    case "linux":
      return {
        type: "linux-firmware",
        optionRom: linuxOptionRom(),
        load: (memory) => loadLinux(memory, boot),
      };
    case "multiboot":
      return boot;
    default:
      return boot satisfies never;
  }
}

/** The pages that are not all zero. */
function readPages(words: Int32Array, ramBytes: number): { pageNumbers: Uint32Array; pages: Uint8Array } {
  const used: number[] = [];
  for (let page = 0; page < ramBytes / PAGE_SIZE; page++) {
    const first = (page * PAGE_SIZE) >> 2;
    let i = first;
    while (i < first + PAGE_SIZE / 4 && words[i] === 0) i++;
    if (i < first + PAGE_SIZE / 4) used.push(page);
  }
  const pages = new Uint8Array(used.length * PAGE_SIZE);
  const bytes = new Uint8Array(words.buffer);
  used.forEach((page, i) =>
    pages.set(bytes.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE), i * PAGE_SIZE),
  );
  return { pageNumbers: Uint32Array.from(used), pages };
}
