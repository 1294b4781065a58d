/**
 * Registers of a PC's devices by their data sheets' names, from the devices' saved states: reading them changes nothing,
 * whereas a read of the port itself may.
 */
import type { Ne2000State } from "../devices/ne2000.ts";
import type { VirtioNetState } from "../devices/virtio-net.ts";
import type { Pc } from "../pc.ts";

export interface DeviceView {
  name: string;
  /** `value` in hexadecimal, or plain words of the data sheet. */
  registers: { name: string; value: string }[];
}

const hex = (value: number, digits = 2) => (value >>> 0).toString(16).padStart(digits, "0");
const bytes = (list: readonly number[]) => list.map((byte) => hex(byte)).join(" ");
const mac = (list: readonly number[]) => list.map((byte) => hex(byte)).join(":");

/** Name and value pairs; a value that is a number is a byte. */
function device(name: string, ...registers: readonly (readonly [string, number | string])[]): DeviceView {
  return {
    name,
    registers: registers.map(([register, value]) => ({
      name: register,
      value: typeof value === "number" ? hex(value) : value,
    })),
  };
}

function interruptControllers({ pic }: Pc): DeviceView[] {
  const { master, slave } = pic.save();
  return (
    [
      ["8259 PIC, IRQ 0–7", master],
      ["8259 PIC, IRQ 8–15", slave],
    ] as const
  ).map(([name, { irr, imr, isr, vectorBase, elcr, icw1, icw4 }]) =>
    device(
      name,
      ["IRR", irr],
      ["IMR", imr],
      ["ISR", isr],
      ["ICW1", icw1],
      ["ICW2", vectorBase],
      ["ICW4", icw4],
      ["ELCR", elcr],
    ),
  );
}

function timer({ pit }: Pc): DeviceView {
  const { counters, speaker } = pit.save();
  return device(
    "8254 PIT",
    ...counters.flatMap(({ mode, reload, gate, bcd }, i) => [
      [`${i} mode`, `${mode}${bcd ? " BCD" : ""}`] as const,
      [`${i} reload`, reload === 0 ? "-" : hex(reload, 4)] as const,
      [`${i} gate`, gate ? "1" : "0"] as const,
    ]),
    ["speaker", speaker ? "1" : "0"],
  );
}

function uart(pc: Pc, port: 0 | 1): DeviceView {
  const { registers, receive, waiting } = pc.serial[port].save();
  const [ier, fcr, lcr, mcr, lsr, msr, scr, divisor] = registers;
  return device(
    `16550 COM${port + 1}`,
    ["IER", ier],
    ["FCR", fcr],
    ["LCR", lcr],
    ["MCR", mcr],
    ["LSR", lsr],
    ["MSR", msr],
    ["SCR", scr],
    ["divisor", hex(divisor, 4)],
    ["receive FIFO", bytes(receive.slice(0, 16)) || "-"],
    ["on the line", String(waiting.length)],
  );
}

function keyboard(pc: Pc): DeviceView {
  const { mode, status, output, outputPort, answers } = pc.keyboard.save();
  return device(
    "8042",
    ["status", status],
    ["command byte", mode],
    ["output buffer", output],
    ["output port", outputPort],
    ["to come", bytes(answers.slice(0, 16)) || "-"],
  );
}

function clock({ rtc }: Pc): DeviceView {
  const { nvram, index } = rtc.save();
  return device(
    "MC146818 RTC",
    ["index", index],
    ["A", nvram[10]],
    ["B", nvram[11]],
    ["C", nvram[12]],
    ["D", nvram[13]],
    ["reset code", nvram[15]],
  );
}

function dma(pc: Pc): DeviceView {
  const { channels, mask, status } = pc.dma.save();
  return device(
    "8237 DMA",
    ["mask", mask],
    ["status", status],
    ...[2, 4].map(
      (i) =>
        [
          `channel ${i}`,
          `${hex(channels[i].page)}${hex(channels[i].address, 4)} +${hex(channels[i].count, 4)}`,
        ] as const,
    ),
  );
}

function vga(pc: Pc): DeviceView {
  const { crtc, sequencer, graphics } = pc.vga;
  const word = (high: number) => hex((crtc[high] << 8) | crtc[high + 1], 4);
  return device(
    "VGA",
    ["start", word(0x0c)],
    ["cursor", word(0x0e)],
    ["cursor lines", `${hex(crtc[0x0a])}–${hex(crtc[0x0b])}`],
    ["offset", crtc[0x13]],
    ["map mask", sequencer[2]],
    ["memory mode", sequencer[4]],
    ["graphics mode", graphics[5]],
    ["miscellaneous", graphics[6]],
  );
}

function ide(pc: Pc): DeviceView[] {
  const { channels } = pc.ide.save();
  return channels.flatMap((channel, c) =>
    channel.drives.flatMap((drive, d) => {
      if (drive === null) return [];
      const { features, count, lbaLow, lbaMid, lbaHigh, device: select, status, error } = drive.registers;
      return [
        device(
          `${pc.ide.channels[c].drives[d]?.isCdrom === true ? "ATAPI" : "ATA"} ${c}.${d}`,
          ["status", status],
          ["error", error],
          ["features", features],
          ["count", count],
          ["LBA", `${hex(lbaHigh)} ${hex(lbaMid)} ${hex(lbaLow)}`],
          ["device", select],
          ["phase", drive.phase],
          ["bus master", `${hex(channel.bmCommand)} ${hex(channel.bmStatus)}`],
          ["PRD table", hex(channel.prdTable, 8)],
        ),
      ];
    }),
  );
}

const isVirtio = (state: unknown): state is VirtioNetState =>
  (state as VirtioNetState).transport !== undefined;

function networkCards({ nics }: Pc): DeviceView[] {
  return nics.map((nic, i) => {
    const state = nic.save();
    if (isVirtio(state)) {
      const { transport } = state;
      return device(
        `virtio-net ${i}`,
        ["status", transport.status],
        ["ISR", transport.isr],
        ["MAC", mac(state.mac)],
        ["link", state.linkUp ? "1" : "0"],
        ...transport.queues
          .slice(0, 2)
          .map(
            ({ enabled, size, lastAvailable }, q) =>
              [`queue ${q}`, enabled ? `${size}, index ${hex(lastAvailable, 4)}` : "-"] as const,
          ),
      );
    }
    const { registers: r, physical, linkUp } = state as Ne2000State;
    return device(
      `NE2000 ${i}`,
      ["CR", r[0]],
      ["PSTART", r[1]],
      ["PSTOP", r[2]],
      ["BNRY", r[3]],
      ["CURR", r[4]],
      ["ISR", r[12]],
      ["IMR", r[13]],
      ["RCR", r[9]],
      ["TCR", r[10]],
      ["PAR", mac(physical)],
      ["link", linkUp ? "1" : "0"],
    );
  });
}

function pci({ pci: bus }: Pc): DeviceView {
  return device(
    "PCI",
    ...bus.slots.map(({ slot, functionNumber, pci: { config } }) => {
      const word = (at: number) => hex(config[at] | (config[at + 1] << 8), 4);
      return [`00:${hex(slot)}.${functionNumber}`, `${word(0)}:${word(2)} command ${word(4)}`] as const;
    }),
  );
}

const MOST_UNIMPLEMENTED = 12;

/** Accesses that met nothing, with how often. */
function unimplemented({ bus }: Pc): DeviceView[] {
  const all = [bus.ports, bus.mmio].flatMap(({ unimplemented: met }) => [...met]);
  if (all.length === 0) return [];
  const shown = all
    .slice(-MOST_UNIMPLEMENTED)
    .map(([access, count]) => [`${access}h`, `× ${count}`] as const);
  return [device("unimplemented", ...shown)];
}

export function devicesOf(pc: Pc): DeviceView[] {
  return [
    ...interruptControllers(pc),
    timer(pc),
    uart(pc, 0),
    uart(pc, 1),
    keyboard(pc),
    clock(pc),
    vga(pc),
    dma(pc),
    ...ide(pc),
    ...networkCards(pc),
    ...(pc.nics.length > 0 || pc.config.bios !== undefined ? [pci(pc)] : []),
    ...unimplemented(pc),
  ];
}
