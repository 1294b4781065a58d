/**
 * A PC run by v86 (https://github.com/copy/v86), one in a thread. What v86 does not do, or does otherwise than its
 * typings say, is mended in the files beside this one; docs and contract tests hold each of these facts.
 */
import { Random } from "../../common/random.ts";
import { guardedEvents } from "../guarded-events.ts";
import { checkHardware } from "../hardware-check.ts";
import { checkStateFits, writePages } from "../machine-state.ts";
import {
  MachineConfigError,
  type BlockDevice,
  type DriveName,
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
import { bootOrderCode, engineSettings, firmwareBootOrder, initialise } from "./engine-start.ts";
import { answerFlushes } from "./disk-flush.ts";
import { DriveBuffer } from "./drive-buffer.ts";
import { reportMediumError } from "./drive-errors.ts";
import { EngineLoop } from "./engine-loop.ts";
import { checkInternals, V86_VERSION, type Cpu, type Emulator } from "./internals.ts";
import { linuxOptionRom, loadLinux } from "../linux-boot.ts";
import { loadV86 } from "./load-v86.ts";
import {
  readPages,
  restoreCpuFields,
  withoutMemory,
  withWholeBars,
  type DeviceState,
} from "./machine-state.ts";
import { buildNetworkCards, MAX_NICS, type NetworkCard } from "./network-cards.ts";
import { ScreenCapture } from "./screen-capture.ts";
import { SerialLine } from "./serial-lines.ts";
import { decodeState, encodeState } from "../state-codec.ts";
import type { VirtualClock } from "./virtual-clock.ts";

const MIB = 2 ** 20;
const LIMITS = { name: "v86", nics: MAX_NICS, memoryMiB: 2047 };

export class V86Machine implements Machine {
  readonly engine = "v86";
  readonly engineVersion = V86_VERSION;
  readonly #options: MachineOptions;
  readonly #clock: VirtualClock;
  readonly #emulator: Emulator;
  readonly #cpu: Cpu;
  readonly #nics: NetworkCard[];
  readonly #screen: ScreenCapture;
  readonly #serial: [SerialLine, SerialLine];
  readonly #drives: Partial<Record<DriveName, DriveBuffer>>;
  readonly #links: boolean[];
  readonly #events: Required<MachineEvents>;
  readonly #loop: EngineLoop;
  #status: MachineStatus = { type: "paused" };
  #destroyed = false;
  /** Nothing has been put into guest memory yet: it is all zero but for the firmware. */
  #memoryUntouched = true;
  #haltSeen = false;

  /** `engine` is v86.wasm, compiled once for all machines. */
  static async create(engine: WebAssembly.Module, options: MachineOptions): Promise<V86Machine> {
    checkHardware(options, LIMITS);
    const { hardware, boot, drives } = options;
    const { V86, clock } = await loadV86();
    const events: { machine?: V86Machine } = {};
    const buffers: Partial<Record<DriveName, DriveBuffer>> = {};
    const buffer = (drive: DriveName, device: BlockDevice) =>
      (buffers[drive] = newBuffer(drive, device, events));
    clock.set(0, options.startTime);
    const settings = engineSettings(engine, options, new Random(options.seed));
    if (drives.hda !== undefined) settings.hda = buffer("hda", drives.hda);
    if (drives.hdb !== undefined) settings.hdb = buffer("hdb", drives.hdb);
    if (drives.cdrom !== undefined) settings.cdrom = buffer("cdrom", drives.cdrom);
    if (drives.floppy !== undefined) settings.fda = buffer("floppy", drives.floppy);
    const emulator = await initialise(() => new V86(settings), hardware.memoryMiB);
    checkInternals(emulator);
    const machine = new V86Machine(options, clock, emulator, buffers);
    events.machine = machine;
    if (boot.type === "linux") {
      emulator.v86.cpu.option_roms.push(linuxOptionRom());
    }
    return machine;
  }

  private constructor(
    options: MachineOptions,
    clock: VirtualClock,
    emulator: Emulator,
    buffers: Partial<Record<DriveName, DriveBuffer>>,
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#emulator = emulator;
    this.#drives = buffers;
    const cpu = (this.#cpu = emulator.v86.cpu);
    const events = (this.#events = guardedEvents(
      options.events,
      () => this.#destroyed,
      (detail) => this.#crash(detail),
    ));
    this.#nics = buildNetworkCards(
      cpu,
      { device: emulator.emulator_bus, host: emulator.bus },
      options.hardware.nics,
      (nic, frame) => events.transmit(nic, frame),
    );
    this.#links = options.hardware.nics.map(() => true);
    this.#screen = new ScreenCapture(cpu.devices.vga, emulator.screen_adapter, (update) =>
      events.screen(update),
    );
    const line = (port: SerialPort) =>
      new SerialLine(port, port === 0 ? cpu.devices.uart0 : cpu.devices.uart1, emulator.bus, (bytes) =>
        events.serial(port, bytes),
      );
    this.#serial = [line(0), line(1)];
    const { ide } = cpu.devices;
    if (buffers.hda !== undefined) answerFlushes(ide.primary.master, buffers.hda);
    if (buffers.hdb !== undefined) answerFlushes(ide.primary.slave, buffers.hdb);
    emulator.add_listener("cpu-event-halt", () => {
      this.#haltSeen = true;
    });
    this.#loop = new EngineLoop(emulator, clock, {
      isOver: () => this.#destroyed,
      afterSlice: () => this.#afterSlice(),
      failed: (detail) => this.#crash(detail),
    });
    this.#hookReset();
  }

  #setStatus(status: MachineStatus): void {
    if (this.#status.type === "crashed") return;
    this.#status = status;
    this.#events.status(status);
  }

  #crash(detail: string): void {
    if (this.#status.type === "crashed") return;
    this.#emulator.v86.running = false;
    this.#clock.stop();
    this.#screen.destroy();
    this.#setStatus({ type: "crashed", detail });
  }

  #afterSlice(): void {
    for (const line of this.#serial) {
      line.flush();
      line.feed();
    }
    if (this.#haltSeen) {
      this.#haltSeen = false;
      if (this.#status.type === "running") {
        this.#screen.flush();
        this.#setStatus({ type: "halted" });
      }
    }
  }

  /** Every hardware reset, the guest's own included, finds memory empty and the kernel loaded again. */
  #hookReset(): void {
    const reboot = this.#cpu.reboot_internal.bind(this.#cpu);
    this.#cpu.reboot_internal = () => {
      const { boot, hardware } = this.#options;
      const size = hardware.memoryMiB * MIB;
      if (boot.type === "linux" && boot.kernel.length === 0) {
        // A guest asks again and again while nothing happens: it is halted until the kernel is there, which is asked for once.
        this.#cpu.in_hlt[0] = 1;
        if (!this.#resetWaits) this.#events.kernelWanted();
        this.#resetWaits = true;
        return;
      }
      if (boot.type === "linux") {
        this.#cpu.zero_memory(0, size);
        this.#cpu.jit_dirty_cache(0, size);
      }
      reboot();
      this.#memoryUntouched = false;
      if (boot.type === "linux") loadLinux(this.#memory(), boot);
      for (const nic of this.#nics) nic.reset();
      for (const line of this.#serial) line.reset();
      this.#events.reset();
    };
  }

  /** A reset was asked for before the kernel was there. */
  #resetWaits = false;

  provideKernel(kernel: Uint8Array): void {
    const { boot } = this.#options;
    if (boot.type !== "linux" || this.#destroyed) return;
    boot.kernel = kernel;
    if (!this.#resetWaits) return;
    this.#resetWaits = false;
    this.#cpu.reboot_internal();
  }

  async run(): Promise<void> {
    this.#alive();
    if (this.#status.type === "running") return;
    const { boot } = this.#options;
    if (this.#memoryUntouched && boot.type === "linux") loadLinux(this.#memory(), boot);
    this.#memoryUntouched = false;
    this.#clock.start();
    this.#setStatus({ type: "running" });
    this.#screen.start();
    this.#emulator.v86.run();
    for (const line of this.#serial) line.feed();
  }

  async pause(): Promise<void> {
    this.#alive();
    const loop = this.#emulator.v86;
    if (loop.running) {
      const stopped = new Promise<void>((resolve) => {
        const listener = () => {
          this.#emulatorStopped = undefined;
          resolve();
        };
        this.#emulatorStopped = listener;
      });
      this.#listenForStop();
      loop.stop();
      // It may be asleep until the guest's next timer.
      loop.next_tick(0);
      await stopped;
    }
    this.#clock.stop();
    for (const line of this.#serial) line.flush();
    this.#screen.stop();
    if (this.#status.type === "running") this.#setStatus({ type: "paused" });
  }
  #emulatorStopped: (() => void) | undefined;
  #listening = false;
  #listenForStop(): void {
    if (this.#listening) return;
    this.#listening = true;
    this.#emulator.add_listener("emulator-stopped", () => this.#emulatorStopped?.());
  }

  async reset(): Promise<void> {
    this.#alive();
    const wasHalted = this.#status.type === "halted";
    const wasRunning = this.#emulator.v86.running;
    if (wasRunning) await this.pause();
    this.#emulator.v86.restart();
    if (wasRunning || wasHalted) await this.run();
  }

  async destroy(): Promise<void> {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#screen.destroy();
    this.#emulator.v86.running = false;
    this.#clock.stop();
    for (const drive of Object.values(this.#drives)) {
      await drive.idle();
      drive.detach();
    }
  }

  sendSerial(port: SerialPort, bytes: Uint8Array): void {
    if (!this.#destroyed) this.#serial[port].write(bytes);
  }

  sendScancodes(codes: Scancodes): void {
    for (const code of codes) this.#emulator.bus.send("keyboard-code", code & 0xff);
  }

  movePointer({ deltaX, deltaY, wheel, buttons }: PointerInput): void {
    const { bus } = this.#emulator;
    bus.send("mouse-click", [buttons.left, buttons.middle, buttons.right]);
    // v86 counts upwards.
    if (deltaX !== 0 || deltaY !== 0) bus.send("mouse-delta", [deltaX, -deltaY]);
    if (wheel !== 0) bus.send("mouse-wheel", [wheel, 0]);
  }

  receive(nic: number, frame: Uint8Array): void {
    if (this.#destroyed) return;
    this.#nics[nic]?.receive(frame);
  }

  setLink(nic: number, up: boolean): void {
    this.#links[nic] = up;
    this.#nics[nic]?.setLink(up);
  }

  async insertMedium(drive: "cdrom" | "floppy", medium: BlockDevice | undefined): Promise<void> {
    this.#alive();
    this.#drives[drive]?.detach();
    delete this.#drives[drive];
    const { cdrom, fdc } = this.#cpu.devices;
    if (drive === "cdrom") cdrom.eject();
    else fdc.drives[0].eject_disk();
    if (medium === undefined) return;
    const image = newBuffer(drive, medium, { machine: this });
    this.#drives[drive] = image;
    if (drive === "cdrom") cdrom.set_cdrom(image);
    else if (!fdc.drives[0].insert_disk(image, medium.readOnly)) {
      delete this.#drives.floppy;
      throw new MachineConfigError(`a floppy of ${medium.byteLength} bytes: the drive knows no such format`);
    }
  }

  driveDone(drive: DriveName, operation: "read" | "write", bytes: number): void {
    this.#events.drive(drive, operation, bytes);
  }

  driveFailed(drive: DriveName, operation: "read" | "write"): void {
    reportMediumError(this.#cpu, drive, operation);
  }

  refreshScreen(): void {
    this.#screen.refresh();
  }

  async save(): Promise<MachineState> {
    this.#alive();
    if (this.#emulator.v86.running) throw new MachineConfigError("only a paused machine can be saved");
    for (const drive of Object.values(this.#drives)) await drive.idle();
    const { pageNumbers, pages } = readPages(this.#cpu, this.#memory());
    const devices: DeviceState = {
      v86: new Uint8Array(withoutMemory(this.#cpu, () => this.#emulator.v86.save_state())),
      virtualMilliseconds: this.#clock.now(),
      halted: this.#status.type === "halted",
      serialInput: this.#serial.map((line) => line.save()),
      nics: this.#nics.map((nic) => nic.save()),
      links: this.#links,
    };
    const { hardware } = this.#options;
    return {
      version: 1,
      engine: this.engine,
      engineVersion: this.engineVersion,
      hardware: structuredClone(hardware),
      devices: encodeState(devices),
      pageNumbers,
      pages,
    };
  }

  async restore(state: MachineState): Promise<void> {
    this.#alive();
    if (this.#emulator.v86.running) throw new MachineConfigError("only a paused machine can be restored");
    const { hardware } = this.#options;
    checkStateFits(state, this.engine, this.engineVersion, hardware);
    for (const drive of Object.values(this.#drives)) await drive.idle();
    const devices = decodeState(state.devices) as DeviceState;
    // Writing zeros over zeros would cost time and, page by page, the host's memory.
    this.#cpu.zero_memory(0, (this.#memoryUntouched ? 1 : hardware.memoryMiB) * MIB);
    this.#memoryUntouched = false;
    writePages(this.#memory(), state);
    const { cdrom, floppy } = this.#drives;
    restoreCpuFields(this.#cpu, () =>
      withoutMemory(this.#cpu, () =>
        withWholeBars(this.#cpu, () => this.#emulator.v86.restore_state(devices.v86.slice().buffer)),
      ),
    );
    this.#clock.set(devices.virtualMilliseconds, this.#clock.realDate());
    this.#nics.forEach((nic, i) => {
      nic.restore(devices.nics[i]);
      nic.setLink(this.#links[i]);
    });
    this.#serial.forEach((line, i) => line.restore(devices.serialInput[i]));
    this.#restoreMedia(cdrom, floppy);
    const order = bootOrderCode(firmwareBootOrder(this.#options));
    this.#cpu.devices.rtc.cmos_write(0x38, 1 | ((order >> 4) & 0xf0));
    this.#cpu.devices.rtc.cmos_write(0x3d, order & 0xff);
    this.#loop.restored();
    this.#status = { type: devices.halted ? "halted" : "paused" };
  }

  /** The drives hold what this machine has, whatever was in them when the state was taken. */
  #restoreMedia(cdrom: DriveBuffer | undefined, floppy: DriveBuffer | undefined): void {
    const { devices } = this.#cpu;
    if (cdrom !== undefined) devices.cdrom.set_cdrom(cdrom);
    else if (devices.cdrom.buffer !== null) devices.cdrom.eject();
    if (floppy !== undefined) devices.fdc.drives[0].insert_disk(floppy, floppy.device.readOnly);
    else devices.fdc.drives[0].eject_disk();
  }

  readMemory(address: number, length: number): Uint8Array {
    return this.#memory().slice(address, address + length);
  }

  writeMemory(address: number, bytes: Uint8Array): void {
    const memory = this.#memory();
    const taken = bytes.subarray(0, Math.max(0, memory.length - address));
    if (taken.length === 0) return;
    this.#cpu.jit_dirty_cache(address, address + taken.length);
    memory.set(taken, address);
  }

  statistics(): MachineStatistics {
    return this.#loop.statistics();
  }

  /** v86's memory may move when it grows: never keep this. Its own `mem8` is a Proxy, 200 times slower. */
  #memory(): Uint8Array {
    const { wasm_memory: memory, mem8 } = this.#cpu;
    return new Uint8Array(memory.buffer, mem8.byteOffset, mem8.length);
  }

  #alive(): void {
    if (this.#destroyed) throw new MachineConfigError("the machine has been destroyed");
    if (this.#status.type === "crashed")
      throw new MachineConfigError(`the machine has crashed: ${this.#status.detail}`);
  }
}

function newBuffer(drive: DriveName, device: BlockDevice, target: { machine?: V86Machine }): DriveBuffer {
  return new DriveBuffer(drive, device, {
    done: (name, operation, bytes) => target.machine?.driveDone(name, operation, bytes),
    failed: (name, operation) => target.machine?.driveFailed(name, operation),
  });
}
