/** Random register accesses to every device: nothing a guest writes may throw, hang or grow without bound. */
import { expect, test } from "vitest";
import { Random } from "../../../common/random.ts";
import { Clock } from "../clock.ts";
import { AtaDrive } from "./ata-drive.ts";
import { CmosRtc } from "./cmos-rtc.ts";
import { Dma8237 } from "./dma-8237.ts";
import { FwCfg } from "./fw-cfg.ts";
import { createHostBridge, Piix3 } from "./i440fx-piix3.ts";
import { Keyboard8042 } from "./keyboard-8042.ts";
import { Ne2000 } from "./ne2000.ts";
import { PciBus } from "./pci-bus.ts";
import { InterruptControllers } from "./pic-8259.ts";
import { Piix3Ide } from "./piix3-ide.ts";
import { Pit8254 } from "./pit-8254.ts";
import { Uart16550 } from "./uart-16550.ts";

const ACCESSES = process.env.RINGSIDE_LONG === "1" ? 1_000_000 : 100_000;
const SEED = 0x51de;

test(`${ACCESSES} random accesses leave every device standing (seed ${SEED})`, () => {
  const source = new Random(SEED);
  const random = (): number => source.uint32();
  const clock = new Clock();
  const ram = new Uint8Array(1 << 20);
  const memory = {
    readBytes: (address: number, length: number) => {
      const out = new Uint8Array(length);
      out.set(ram.subarray(address & 0xfffff, Math.min(ram.length, (address & 0xfffff) + length)));
      return out;
    },
    writeBytes: (address: number, source: Uint8Array) => {
      const at = address & 0xfffff;
      ram.set(source.subarray(0, ram.length - at), at);
    },
  };
  const pic = new InterruptControllers();
  const irq = (line: number) => (level: boolean) => pic.setIrq(line, level);
  const pit = new Pit8254(clock, irq(0));
  const rtc = new CmosRtc(clock, 1e12, irq(8));
  const keyboard = new Keyboard8042(clock, { setIrq1: irq(1), setIrq12: irq(12), setA20() {}, reset() {} });
  const uart = new Uart16550(clock, "com1", irq(4), () => {});
  const dma = new Dma8237(memory);
  const ide = new Piix3Ide(
    {
      clock,
      memory,
      setIrq: (channel, level) => pic.setIrq(14 + channel, level),
      whenDone: () => {},
      finished: () => {},
    },
    () => {},
  );
  const medium = {
    byteLength: 1 << 20,
    readOnly: false,
    read: (_: number, length: number) => new Uint8Array(length),
    write: () => {},
  };
  ide.channels[0].drives[0] = new AtaDrive(false, medium, ide.channels[0].hostFor(0));
  ide.channels[1].drives[0] = new AtaDrive(true, medium, ide.channels[1].hostFor(0));
  const nic = new Ne2000(
    Uint8Array.of(0, 12, 41, 1, 2, 3),
    () => {},
    () => {},
  );
  const fwCfg = new FwCfg(1 << 26);
  const pci = new PciBus();
  const piix3 = new Piix3(
    (line, level) => pic.setIrq(line, level),
    () => {},
  );
  pci.add(
    0,
    0,
    createHostBridge(() => {}),
  );
  pci.add(1, 0, piix3.pci);
  pci.add(1, 1, ide.pci);
  pci.add(5, 0, nic.pci);
  piix3.connect(pci);
  const frame = new Uint8Array(200).fill(0xff);

  for (let i = 0; i < ACCESSES; i++) {
    const r = random();
    const value = random() & 0xff;
    const write = (r & 0x100) !== 0;
    const offset = r & 0x1f;
    const channel = ide.channels[(r >> 5) & 1];
    const picPort = [0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1][offset % 6];
    switch ((r >>> 16) % 14) {
      case 0:
        if (write) pic.writePort(picPort, value);
        else pic.readPort(picPort);
        break;
      case 1:
        if (write) pit.writePort(0x40 + (offset & 3), value);
        else pit.readPort(0x40 + (offset & 3));
        break;
      case 2:
        if (write) rtc.writePort(0x70 + (offset & 1), value);
        else rtc.readPort(0x70 + (offset & 1));
        break;
      case 3:
        if (write) keyboard.writePort(0x60 + (offset & 4), value);
        else keyboard.readPort(0x60 + (offset & 4));
        break;
      case 4:
        if (write) uart.write(offset & 7, value);
        else uart.read(offset & 7);
        break;
      case 5:
        if (write) dma.writePort(offset < 16 ? offset : 0xc0 + ((offset & 15) << 1), value);
        else dma.readPort(offset < 16 ? offset : 0x80 + (offset & 15));
        break;
      case 6:
        if (write) channel.write(1 + (offset % 7), value);
        else channel.read(1 + (offset % 7));
        break;
      case 7:
        if (write) channel.writeData(value * 257);
        else channel.readData();
        break;
      case 8:
        if (write) ide.writeBusMaster(offset & 15, value);
        else ide.readBusMaster(offset & 15);
        break;
      case 9:
        if (write) nic.write8(offset, value);
        else nic.read8(offset);
        break;
      case 10:
        if (write) nic.writeWide(random(), 4);
        else nic.readWide(2);
        nic.receive(frame);
        break;
      case 11:
        pci.writeAddress((0x80000000 | (random() & 0xfffc)) >>> 0);
        if (write) pci.writeData(0xcfc + (offset & 3), value);
        else pci.readData(0xcfc + (offset & 3));
        break;
      case 12:
        if (write) fwCfg.select(random() & 0xffff);
        else fwCfg.readData();
        break;
      default:
        clock.skipTo(clock.now() + (random() & 0xfffff));
        clock.fireDue();
        if (pic.intr) pic.acknowledge();
        keyboard.moveMouse(value - 128, 3, 1, value & 7);
        dma.fromDevice(2, frame);
    }
  }
  expect(pic.readPort(0x21)).toBeLessThan(256);
  const queues = keyboard.mouse.save().queue.length + keyboard.keyboard.save().queue.length;
  expect(queues).toBeLessThanOrEqual(512);
});
