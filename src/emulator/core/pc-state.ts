/**
 * A PC as plain data, memory apart: whoever saves keeps the pages it wants (all that are not zero, or only those written
 * since the last time). Drives' contents are not inside.
 */
import type { ClockState } from "./clock.ts";
import { restoreCpu, saveCpu, type CpuState } from "./cpu/cpu-state.ts";
import type { CmosRtcState } from "./devices/cmos-rtc.ts";
import type { Dma8237State } from "./devices/dma-8237.ts";
import type { FwCfgState } from "./devices/fw-cfg.ts";
import { applyAllPam } from "./devices/i440fx-piix3.ts";
import type { Keyboard8042State } from "./devices/keyboard-8042.ts";
import type { PciBusState } from "./devices/pci-bus.ts";
import type { InterruptControllersState } from "./devices/pic-8259.ts";
import type { Piix3IdeState } from "./devices/piix3-ide.ts";
import type { PitState } from "./devices/pit-8254.ts";
import type { Uart16550State } from "./devices/uart-16550.ts";
import type { VgaState } from "./devices/vga.ts";
import type { VirtioConsoleState } from "./devices/virtio-console.ts";
import type { Pc } from "./pc.ts";

export interface PcState {
  version: 1;
  clock: ClockState;
  cpu: CpuState;
  a20: boolean;
  pic: InterruptControllersState;
  pit: PitState;
  rtc: CmosRtcState;
  keyboard: Keyboard8042State;
  serial: Uart16550State[];
  dma: Dma8237State;
  vga: VgaState;
  fwCfg: FwCfgState;
  pci: PciBusState;
  ide: Piix3IdeState;
  nics: unknown[];
  console: VirtioConsoleState;
}

/** Only between two runs and while no drive is busy (`pc.settle`). */
export function savePc(pc: Pc): PcState {
  return {
    version: 1,
    clock: pc.clock.save(),
    cpu: saveCpu(pc.cpu),
    a20: pc.memory.a20,
    pic: pc.pic.save(),
    pit: pc.pit.save(),
    rtc: pc.rtc.save(),
    keyboard: pc.keyboard.save(),
    serial: pc.serial.map((uart) => uart.save()),
    dma: pc.dma.save(),
    vga: pc.vga.save(),
    fwCfg: pc.fwCfg.save(),
    pci: pc.pci.save(),
    ide: pc.ide.save(),
    nics: pc.nics.map((nic) => nic.save()),
    console: pc.console.save(),
  };
}

/** After memory has been put in place. */
export function restorePc(pc: Pc, state: PcState): void {
  pc.restored();
  pc.memory.setA20(state.a20);
  restoreCpu(pc.cpu, state.cpu);
  pc.clock.restore(state.clock);
  pc.pci.restore(state.pci);
  applyAllPam(pc.hostBridge, pc.setShadow);
  pc.piix3.restored(pc.pci);
  pc.dma.restore(state.dma);
  pc.vga.restore(state.vga);
  pc.fwCfg.restore(state.fwCfg);
  pc.ide.restore(state.ide);
  pc.nics.forEach((nic, i) => nic.restore(state.nics[i]));
  pc.console.restore(state.console);
  pc.pit.restore(state.pit);
  pc.rtc.restore(state.rtc);
  pc.keyboard.restore(state.keyboard);
  pc.serial.forEach((uart, i) => uart.restore(state.serial[i]));
  // Last: the lines as they were, whatever the devices have driven meanwhile.
  pc.pic.restore(state.pic);
  pc.cpu.raiseInterruptLine(pc.pic.intr);
}
