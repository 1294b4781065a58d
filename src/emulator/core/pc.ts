/**
 * The PC: one processor, its memory and its devices, wired as an i440FX/PIIX3 board is. The memory map and the port map
 * stand here and nowhere else.
 *
 * `run` executes to the next deadline of the clock, fires what is due, and lets HLT skip idle time. Nothing in here reads
 * the host's clock: the same machine with the same input at the same instruction counts does the same.
 */
import { Random } from "../../common/random.ts";
import type { BlockDevice, NicConfig } from "../machine.ts";
import type { TripleFault } from "../triple-fault.ts";
import { Clock } from "./clock.ts";
import { Cpu } from "./cpu/cpu.ts";
import { DEFAULT_CPU_MODEL, type CpuModel } from "./cpu/cpuid.ts";
import { FLAG_IF } from "./cpu/registers.ts";
import { AtaDrive } from "./devices/ata-drive.ts";
import { CmosRtc } from "./devices/cmos-rtc.ts";
import { Dma8237 } from "./devices/dma-8237.ts";
import { FwCfg, encodeE820 } from "./devices/fw-cfg.ts";
import { createHostBridge, Piix3, resetHostBridge } from "./devices/i440fx-piix3.ts";
import { Keyboard8042 } from "./devices/keyboard-8042.ts";
import { Ne2000 } from "./devices/ne2000.ts";
import { PciBus, type PciFunction } from "./devices/pci-bus.ts";
import { InterruptControllers } from "./devices/pic-8259.ts";
import { Piix3Ide } from "./devices/piix3-ide.ts";
import { Pit8254 } from "./devices/pit-8254.ts";
import { Uart16550 } from "./devices/uart-16550.ts";
import { Vga } from "./devices/vga.ts";
import { VirtioConsole } from "./devices/virtio-console.ts";
import { VirtioNet } from "./devices/virtio-net.ts";
import type { VirtioPci } from "./devices/virtio-pci.ts";
import { placeBoot, type PcBoot } from "./firmware/boot.ts";
import { INSTRUCTION_SET } from "./instructions/instruction-set.ts";
import { Bus, type BusAccess, type BusRange, type BusRegistration } from "./memory/bus.ts";
import { PhysicalMemory } from "./memory/physical-memory.ts";

export type { PcBoot } from "./firmware/boot.ts";

const MIB = 1 << 20;
const NIC_SLOTS = [5, 8];
const CONSOLE_SLOT = 7;
const BOOT_CODES = { floppy: 1, disk: 2, cdrom: 3, network: 4 } as const;

/** A network card as the machine sees it. */
export interface NetworkCard {
  readonly pci: PciFunction;
  receive(frame: Uint8Array): void;
  setLink(up: boolean): void;
  reset(): void;
  save(): unknown;
  restore(state: unknown): void;
}

/** Everything that comes into a machine from outside: with the instruction count beside each, a session can be repeated. */
export type PcInput =
  | { type: "serial"; port: 0 | 1; bytes: Uint8Array }
  | { type: "virtio-console"; bytes: Uint8Array }
  | { type: "scancodes"; codes: readonly number[] }
  | { type: "pointer"; deltaX: number; deltaY: number; wheel: number; buttons: number }
  | { type: "frame"; nic: number; frame: Uint8Array }
  | { type: "link"; nic: number; up: boolean }
  | { type: "memory"; address: number; bytes: Uint8Array }
  | { type: "reset" };

export interface PcEvents {
  serial?(port: 0 | 1, byte: number): void;
  /** Written to the virtio console. */
  virtioConsole?(bytes: Uint8Array): void;
  transmit?(nic: number, frame: Uint8Array): void;
  drive?(drive: "hda" | "hdb" | "cdrom", operation: "read" | "write", bytes: number): void;
  /** A byte written to port 80h. */
  post?(code: number): void;
  /** A character written to port 402h (SeaBIOS) or E9h (Bochs). */
  debugText?(byte: number): void;
  /** A guest did something nothing is there for. One line for each kind of access. */
  log?(device: string, message: string): void;
  reset?(): void;
}

export interface PcConfig {
  memoryMiB: number;
  boot: PcBoot;
  bios?: Uint8Array;
  vgaBios?: Uint8Array;
  drives?: { hda?: BlockDevice; hdb?: BlockDevice; cdrom?: BlockDevice };
  hasCdrom?: boolean;
  nics?: readonly NicConfig[];
  bootOrder?: readonly ("disk" | "cdrom" | "floppy" | "network")[];
  /** Milliseconds since 1970. */
  startTime?: number;
  /** Of what RDRAND draws. */
  seed?: number;
  cpu?: CpuModel;
  nanosecondsPerInstruction?: number;
  /** Port F4h ends the machine with the value written (test kernels). */
  exitPort?: boolean;
  events?: PcEvents;
}

/** Why `run` came back. */
export type PcStop =
  /** All instructions asked for are done, or the time is reached. */
  | { type: "limit" }
  /** Somebody asked for it. */
  | { type: "stopped" }
  /** CLI and HLT: only a reset wakes it. */
  | { type: "halted" }
  /** HLT, and no timer will ever wake it: only input from outside can. */
  | { type: "idle" }
  /** A drive's answer is awaited; `settled` tells when to go on. */
  | { type: "waiting" }
  /** A fault while a double fault was being delivered. */
  | { type: "triple-fault"; fault: TripleFault }
  | { type: "exit"; code: number };

export class Pc {
  readonly config: PcConfig;
  readonly clock: Clock;
  readonly memory: PhysicalMemory;
  readonly bus: Bus;
  readonly cpu: Cpu;
  readonly pic: InterruptControllers;
  readonly pit: Pit8254;
  readonly rtc: CmosRtc;
  readonly keyboard: Keyboard8042;
  readonly serial: readonly [Uart16550, Uart16550];
  readonly dma: Dma8237;
  readonly vga: Vga;
  readonly fwCfg: FwCfg;
  readonly pci: PciBus;
  readonly piix3: Piix3;
  readonly ide: Piix3Ide;
  readonly nics: NetworkCard[] = [];
  readonly console: VirtioConsole;
  readonly hostBridge: PciFunction;
  #resetWanted = false;
  #brokenOff = false;
  #exit: number | undefined;
  readonly #events: PcEvents;
  /** Answers of block devices that have arrived and those still to come. */
  #arrived: (() => void)[] = [];
  readonly #awaited = new Set<Promise<void>>();

  constructor(config: PcConfig) {
    this.config = config;
    const events = (this.#events = config.events ?? {});
    const clock = (this.clock = new Clock({
      nanosecondsPerInstruction: config.nanosecondsPerInstruction ?? 10,
    }));
    this.memory = new PhysicalMemory(config.memoryMiB * MIB, MIB);
    this.bus = new Bus(this.memory, (device, message) => events.log?.(device, message));
    this.cpu = new Cpu(this.bus, INSTRUCTION_SET, config.cpu ?? DEFAULT_CPU_MODEL);
    clock.instructionCount = () => this.cpu.instructions;
    clock.onEarlierDeadline = () => this.cpu.shorten(clock.instructionsUntilDeadline(2 ** 31));
    this.cpu.timeStamp = () => clock.now();
    this.cpu.random = new Random(config.seed ?? 0);

    this.pic = new InterruptControllers((level) => this.cpu.raiseInterruptLine(level));
    this.cpu.interruptController = this.pic;
    this.cpu.onFloatError = () => this.pic.setIrq(13, true);
    const irq = (line: number) => (level: boolean) => this.pic.setIrq(line, level);
    this.pit = new Pit8254(clock, irq(0));
    this.rtc = new CmosRtc(clock, config.startTime ?? 0, irq(8));
    this.keyboard = new Keyboard8042(clock, {
      setIrq1: irq(1),
      setIrq12: irq(12),
      setA20: (open) => this.memory.setA20(open),
      reset: () => this.requestReset(),
    });
    this.serial = [
      new Uart16550(clock, "com1", irq(4), (byte) => events.serial?.(0, byte)),
      new Uart16550(clock, "com2", irq(3), (byte) => events.serial?.(1, byte)),
    ];
    this.dma = new Dma8237(this.memory);
    this.vga = new Vga(clock);
    this.fwCfg = new FwCfg(config.memoryMiB * MIB);
    this.pci = new PciBus();
    this.piix3 = new Piix3(
      (line, level) => this.pic.setIrq(line, level),
      () => this.requestReset(),
    );
    this.hostBridge = createHostBridge(this.setShadow);
    const busMaster = this.#movable("piix3-ide bus master", 16, {
      read8: (offset) => this.ide.readBusMaster(offset),
      write8: (offset, value) => this.ide.writeBusMaster(offset, value),
    });
    this.ide = new Piix3Ide(
      {
        clock,
        memory: this.memory,
        setIrq: (channel, level) => this.pic.setIrq(14 + channel, level),
        whenDone: (work, action) => this.#await(work, action),
        finished: (channel, drive, operation, bytes) =>
          events.drive?.(channel === 1 ? "cdrom" : drive === 0 ? "hda" : "hdb", operation, bytes),
      },
      busMaster,
    );
    this.#plugDrives();
    this.pci.add(0, 0, this.hostBridge);
    this.pci.add(1, 0, this.piix3.pci);
    this.pci.add(1, 1, this.ide.pci);
    (config.nics ?? []).forEach((nic, i) => this.#plugNic(i, nic));
    this.console = this.#virtioConsole();
    this.pci.add(CONSOLE_SLOT, 0, this.console.pci);
    this.piix3.connect(this.pci);
    this.#mapPorts();
    this.bus.mmio.register({
      name: "vga",
      first: 0xa0000,
      last: 0xbffff,
      read8: (address) => this.vga.read8(address),
      write8: (address, value) => this.vga.write8(address, value),
    });
    this.#addFirmware();
    this.reset();
  }

  #plugDrives(): void {
    const { hda, hdb, cdrom } = this.config.drives ?? {};
    const [primary, secondary] = this.ide.channels;
    if (hda !== undefined) primary.drives[0] = new AtaDrive(false, hda, primary.hostFor(0));
    if (hdb !== undefined) primary.drives[1] = new AtaDrive(false, hdb, primary.hostFor(1));
    if (cdrom !== undefined || this.config.hasCdrom === true) {
      secondary.drives[0] = new AtaDrive(true, cdrom, secondary.hostFor(0));
    }
  }

  #plugNic(index: number, { model, mac }: NicConfig): void {
    const address = Uint8Array.from(mac.split(":"), (part) => parseInt(part, 16));
    const transmit = (frame: Uint8Array) => this.#events.transmit?.(index, frame);
    const card =
      model === "virtio" ? this.#virtioNet(address, transmit) : this.#ne2000(index, address, transmit);
    this.nics.push(card);
    this.pci.add(NIC_SLOTS[index], 0, card.pci);
  }

  #virtioNet(address: Uint8Array, transmit: (frame: Uint8Array) => void): NetworkCard {
    const card: VirtioNet = new VirtioNet(
      this.memory,
      address,
      transmit,
      this.#movableVirtio("virtio-net", () => card.virtio),
    );
    return card;
  }

  #virtioConsole(): VirtioConsole {
    const device: VirtioConsole = new VirtioConsole(
      this.memory,
      (bytes) => this.#events.virtioConsole?.(bytes),
      this.#movableVirtio("virtio-console", () => device.virtio),
    );
    return device;
  }

  /** The memory of a virtio device, on the bus wherever its base address register says. */
  #movableVirtio(name: string, device: () => VirtioPci) {
    let present: BusRegistration | undefined;
    return (base: number | undefined): void => {
      present?.remove();
      present = undefined;
      if (base === undefined) return;
      const write = (at: number, value: number) => device().write(at - base, value);
      present = this.#registerMemory({
        name,
        first: base,
        last: base + 0x3fff,
        read8: (at) => device().read8(at - base),
        write8: write,
        write16: write,
        write32: write,
      });
    };
  }

  #registerMemory(range: BusRange): BusRegistration | undefined {
    try {
      return this.bus.mmio.register(range);
    } catch (error) {
      this.#events.log?.(range.name, (error as Error).message);
      return undefined;
    }
  }

  #ne2000(index: number, address: Uint8Array, transmit: (frame: Uint8Array) => void): NetworkCard {
    const card: Ne2000 = new Ne2000(
      address,
      transmit,
      this.#movable(`ne2000 ${index}`, 32, {
        read8: (offset) => card.read8(offset),
        write8: (offset, value) => card.write8(offset, value),
        // The data port takes words; every other register is a byte.
        read16: (offset) =>
          offset === 0x10 ? card.readWide(2) : card.read8(offset) | (card.read8(offset + 1) << 8),
        read32: (offset) => (offset === 0x10 ? card.readWide(4) : -1),
        write16: (offset, value) => {
          if (offset === 0x10) card.writeWide(value, 2);
          else {
            card.write8(offset, value & 0xff);
            card.write8(offset + 1, value >> 8);
          }
        },
        write32: (offset, value) => {
          if (offset === 0x10) card.writeWide(value, 4);
        },
      }),
    );
    return card;
  }

  /** Ports of a PCI device, on the bus wherever its base address register says. Accesses are given as offsets. */
  #movable(name: string, bytes: number, access: Required<Pick<BusAccess, "read8" | "write8">> & BusAccess) {
    let present: BusRegistration | undefined;
    return (base: number | undefined): void => {
      present?.remove();
      present = undefined;
      if (base === undefined) return;
      const at = base;
      const { read16, read32, write16, write32 } = access;
      try {
        present = this.bus.ports.register({
          name,
          first: at,
          last: at + bytes - 1,
          read8: (port) => access.read8(port - at),
          write8: (port, value) => access.write8(port - at, value),
          ...(read16 && { read16: (port: number) => read16(port - at) }),
          ...(read32 && { read32: (port: number) => read32(port - at) }),
          ...(write16 && { write16: (port: number, value: number) => write16(port - at, value) }),
          ...(write32 && { write32: (port: number, value: number) => write32(port - at, value) }),
        });
      } catch (error) {
        // The guest has put one device over another: the one that was there first stays.
        this.#events.log?.(name, (error as Error).message);
      }
    };
  }

  #port(name: string, first: number, last: number, access: BusAccess): void {
    this.bus.ports.register({ name, first, last, ...access });
  }

  #mapPorts(): void {
    const { pic, pit, rtc, keyboard, serial, dma, vga, fwCfg, pci, piix3 } = this;
    const device = (part: {
      readPort(port: number): number;
      writePort(port: number, value: number): void;
    }) => ({
      read8: (port: number) => part.readPort(port),
      write8: (port: number, value: number) => part.writePort(port, value),
    });
    this.#port("dma-8237", 0x00, 0x0f, device(dma));
    this.#port("pic-8259", 0x20, 0x21, device(pic));
    this.#port("pit-8254", 0x40, 0x43, device(pit));
    this.#port("keyboard-8042", 0x60, 0x60, device(keyboard));
    this.#port("pit-8254 port B", 0x61, 0x61, device(pit));
    this.#port("keyboard-8042", 0x64, 0x64, device(keyboard));
    this.#port("cmos-rtc", 0x70, 0x71, device(rtc));
    this.#port("post", 0x80, 0x80, { ...device(dma), write8: (port, value) => this.#post(port, value) });
    this.#port("dma-8237 pages", 0x81, 0x8f, device(dma));
    this.#port("system control A", 0x92, 0x92, {
      read8: () => (this.memory.a20 ? 2 : 0),
      write8: (_, value) => {
        this.memory.setA20((value & 2) !== 0);
        if ((value & 1) !== 0) this.requestReset();
      },
    });
    this.#port("pic-8259", 0xa0, 0xa1, device(pic));
    this.#port("dma-8237", 0xc0, 0xdf, device(dma));
    this.#port("debug text", 0xe9, 0xe9, { write8: (_, value) => this.#events.debugText?.(value) });
    // The busy latch of an AT's coprocessor: a write ends interrupt 13 and lets x87 instructions go on.
    this.#port("coprocessor error", 0xf0, 0xf0, {
      write8: () => {
        pic.setIrq(13, false);
        this.cpu.ignoreFloatError = true;
      },
    });
    if (this.config.exitPort === true) {
      const exit = (_: number, value: number) => this.#exitWith(value);
      this.#port("exit", 0xf4, 0xf4, { write8: exit, write16: exit, write32: exit });
    }
    this.#idePorts(0, 0x1f0, 0x3f6);
    this.#idePorts(1, 0x170, 0x376);
    serial.forEach((uart, i) => {
      const first = i === 0 ? 0x3f8 : 0x2f8;
      this.#port(`com${i + 1}`, first, first + 7, {
        read8: (port) => uart.read(port & 7),
        write8: (port, value) => uart.write(port & 7, value),
      });
    });
    this.#port("vga", 0x3b0, 0x3bb, device(vga));
    this.#port("vga", 0x3c0, 0x3df, device(vga));
    // Port 402h answers with its own signature, so that SeaBIOS writes its log there.
    this.#port("debug text", 0x402, 0x402, {
      read8: () => (this.#events.debugText === undefined ? 0xff : 0xe9),
      write8: (_, value) => this.#events.debugText?.(value),
    });
    this.#port("pic-8259 ELCR", 0x4d0, 0x4d1, device(pic));
    this.#port("fw-cfg", 0x510, 0x511, {
      read8: () => fwCfg.readData(),
      write8: () => {},
      write16: (_, value) => fwCfg.select(value),
    });
    const writeAddress = (value: number) => pci.writeAddress(value);
    this.#port("pci", 0xcf8, 0xcfb, {
      read8: (port) => (pci.readAddress() >>> ((port & 3) * 8)) & 0xff,
      read32: () => pci.readAddress(),
      write8: (port, value) => {
        if (port === 0xcf9) piix3.writeResetControl(value);
      },
      write32: (_, value) => writeAddress(value),
    });
    this.#port("pci", 0xcfc, 0xcff, {
      read8: (port) => pci.readData(port),
      write8: (port, value) => pci.writeData(port, value),
    });
  }

  #idePorts(channel: 0 | 1, command: number, control: number): void {
    const unit = this.ide.channels[channel];
    this.#port(`ide ${channel}`, command, command + 7, {
      read8: (port) => (port === command ? unit.readData() & 0xff : unit.read(port & 7)),
      read16: (port) =>
        port === command ? unit.readData() : unit.read(port & 7) | (unit.read((port + 1) & 7) << 8),
      read32: () => unit.readData() | (unit.readData() << 16),
      write8: (port, value) => {
        if (port !== command) unit.write(port & 7, value);
      },
      write16: (port, value) => {
        if (port === command) unit.writeData(value);
        else unit.write(port & 7, value & 0xff);
      },
      write32: (_, value) => {
        unit.writeData(value & 0xffff);
        unit.writeData(value >>> 16);
      },
    });
    this.#port(`ide ${channel} control`, control, control, {
      read8: () => unit.readAlternateStatus(),
      write8: (_, value) => unit.writeControl(value),
    });
  }

  #post(port: number, value: number): void {
    this.dma.writePort(port, value);
    this.#events.post?.(value);
  }

  #exitWith(value: number): void {
    this.#exit = value >>> 0;
    this.cpu.requestStop();
  }

  /** The host bridge's: which parts of C0000h to FFFFFh drop writes. */
  readonly setShadow = (first: number, last: number, _readRam: boolean, writeRam: boolean): void => {
    // The firmware is copied into RAM at reset, so reads come from there in any case.
    if (this.config.bios !== undefined) this.memory.setReadOnly(first, last, !writeRam);
  };

  #addFirmware(): void {
    const { bios, vgaBios, boot, memoryMiB } = this.config;
    if (bios !== undefined)
      this.memory.addRom(0x1_0000_0000 - ((bios.length + 4095) & ~4095), padFront(bios));
    if (vgaBios !== undefined) this.fwCfg.addFile("vgaroms/vgabios.bin", vgaBios);
    this.fwCfg.addFile("etc/e820", encodeE820([{ address: 0, bytes: memoryMiB * MIB, type: 1 }]));
    if (boot.type === "linux-firmware") this.fwCfg.addFile(boot.optionRom.name, boot.optionRom.data);
  }

  /** At the next instruction boundary the whole machine is reset. */
  requestReset(): void {
    this.#resetWanted = true;
    this.cpu.requestStop();
  }

  /** Hardware reset: devices, firmware and boot image as at power-on. Time goes on. */
  reset(): void {
    this.#resetWanted = false;
    const { config, memory } = this;
    this.pci.reset();
    this.piix3.reset();
    for (const channel of this.ide.channels) channel.reset();
    for (const nic of this.nics) nic.reset();
    this.console.reset();
    this.pic.reset();
    this.pit.reset();
    this.rtc.reset();
    this.keyboard.reset();
    for (const uart of this.serial) uart.reset();
    this.dma.reset();
    this.vga.reset();
    this.fwCfg.reset();
    memory.setA20(true);
    this.cpu.reset();
    this.cpu.blocks.clear();
    const order = config.boot.type === "linux-firmware" ? ["network" as const] : config.bootOrder;
    this.rtc.configure({
      memoryBytes: config.memoryMiB * MIB,
      floppyTypes: 0,
      disks: this.ide.channels[0].drives.filter((drive) => drive !== undefined).length,
      bootOrder: (order ?? ["disk", "cdrom", "floppy"]).map((device) => BOOT_CODES[device]),
    });
    if (config.boot.type !== "firmware") {
      memory.clearRam();
    }
    if (config.bios !== undefined) {
      const last = config.bios.subarray(-Math.min(config.bios.length, 0x20000));
      memory.load(0x100000 - last.length, last);
    }
    resetHostBridge(this.hostBridge, this.setShadow);
    placeBoot(this.cpu, memory, config.boot);
    this.#events.reset?.();
  }

  /** Between two runs. */
  apply(input: PcInput): void {
    switch (input.type) {
      case "serial":
        this.serial[input.port].send(input.bytes);
        break;
      case "virtio-console":
        this.console.send(input.bytes);
        break;
      case "scancodes":
        this.keyboard.sendScancodes(input.codes);
        break;
      case "pointer":
        this.keyboard.moveMouse(input.deltaX, input.deltaY, input.wheel, input.buttons);
        break;
      case "frame":
        this.nics[input.nic]?.receive(input.frame);
        break;
      case "link":
        this.nics[input.nic]?.setLink(input.up);
        break;
      case "memory":
        this.#writeFromOutside(input.address, input.bytes);
        break;
      case "reset":
        this.reset();
        break;
      default:
        input satisfies never;
    }
  }

  /** As much of `bytes` as there is RAM for. */
  #writeFromOutside(address: number, bytes: Uint8Array): void {
    const taken = bytes.subarray(0, Math.max(0, this.memory.ramBytes - address));
    if (taken.length > 0) this.memory.load(address, taken);
  }

  /** Lets drives finish what they are doing, so that the machine can be saved. Executes a little while it waits. */
  async settle(): Promise<void> {
    for (let i = 0; i < 10_000 && this.busy; i++) {
      await this.settled();
      this.run(10_000, this.clock.now() + 1e6);
    }
  }

  /** A drive is in the middle of something. */
  get busy(): boolean {
    return (
      this.#awaited.size > 0 || this.#arrived.length > 0 || this.ide.channels.some((channel) => channel.busy)
    );
  }

  /** A block device's answer that comes later: the machine stands still until it is there. */
  #await<T>(work: Promise<T>, action: (result: T | undefined) => void): void {
    const settle = (result: T | undefined) => {
      this.#awaited.delete(done);
      this.#arrived.push(() => action(result));
    };
    const done: Promise<void> = work.then(settle, () => settle(undefined));
    this.#awaited.add(done);
    this.cpu.requestStop();
  }

  /** Resolves when no answer is awaited any more. */
  async settled(): Promise<void> {
    while (this.#awaited.size > 0) await Promise.all(this.#awaited);
  }

  /** Ends `run` after the current instruction. */
  stop(): void {
    this.cpu.requestStop();
  }

  /** Its state has been replaced: what was about to end it belongs to another time. */
  restored(): void {
    this.#exit = undefined;
    this.#resetWanted = this.#brokenOff = false;
  }

  /**
   * The same for a debugger: the processor does not notice, so that a repeated run counts the same instructions. `more`
   * counts the current one; an event that is delivered between two instructions gives 0.
   */
  breakOff(more = 1): void {
    this.#brokenOff = true;
    this.cpu.shorten(more);
  }

  /** Executes up to `instructions`, but not beyond the clock's `until` (nanoseconds). */
  run(instructions: number, until = Infinity): PcStop {
    const { clock, cpu } = this;
    const end = cpu.instructions + instructions;
    this.#brokenOff = false;
    for (;;) {
      if (this.#brokenOff) return { type: "stopped" };
      if (this.#awaited.size > 0) return { type: "waiting" };
      if (this.#arrived.length > 0) for (const action of this.#arrived.splice(0)) action();
      if (this.#exit !== undefined) return { type: "exit", code: this.#exit };
      if (this.#resetWanted) this.reset();
      clock.fireDue();
      const left = Math.min(
        end - cpu.instructions,
        Math.ceil((until - clock.now()) / clock.nanosecondsPerInstruction),
      );
      if (left <= 0) return { type: "limit" };
      switch (cpu.run(clock.instructionsUntilDeadline(left))) {
        case "limit":
          break;
        case "halted": {
          if ((cpu.systemFlags & FLAG_IF) === 0 && !cpu.interruptible) return { type: "halted" };
          const next = Math.min(clock.nextDeadline(), until);
          if (next === Infinity) return { type: "idle" };
          clock.skipTo(next);
          break;
        }
        case "shutdown":
          return { type: "triple-fault", fault: cpu.tripleFault! };
        case "stopped":
          if (!this.#resetWanted && this.#exit === undefined && this.#awaited.size === 0)
            return { type: "stopped" };
          break;
        default:
      }
    }
  }
}

function padFront(rom: Uint8Array): Uint8Array {
  const padded = new Uint8Array((rom.length + 4095) & ~4095).fill(0xff);
  padded.set(rom, padded.length - rom.length);
  return padded;
}
