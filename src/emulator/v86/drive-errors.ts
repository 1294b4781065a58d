/** Ends a disk request that the host could not serve, with the error a worn medium gives (ATA-4 and ATAPI registers). */
import type { DriveName } from "../machine.ts";
import type { Cpu, IdeInterface } from "./internals.ts";

const STATUS_DRDY_DSC_ERR = 0x51;
const ERROR_UNCORRECTABLE = 0x40;
const SENSE_MEDIUM_ERROR = 3;
const ASC_UNRECOVERED_READ_ERROR = 0x11;
const DMA_ACTIVE = 1;

export function reportMediumError(cpu: Cpu, drive: DriveName, operation: "read" | "write"): void {
  void operation;
  const { ide, cdrom } = cpu.devices;
  switch (drive) {
    case "hda":
      return failRequest(ide.primary.master);
    case "hdb":
      return failRequest(ide.primary.slave);
    case "cdrom":
      return failRequest(cdrom);
    case "floppy":
      // v86's floppy controller cannot be told; the driver's own time limit ends the request.
      return;
    default:
      return drive satisfies never;
  }
}

function failRequest(device: IdeInterface): void {
  device.in_progress_io_ids.clear();
  device.status_reg = STATUS_DRDY_DSC_ERR;
  if (device.is_atapi) {
    device.error_reg = SENSE_MEDIUM_ERROR << 4;
    device.atapi_sense_key = SENSE_MEDIUM_ERROR;
    device.atapi_add_sense = ASC_UNRECOVERED_READ_ERROR;
  } else {
    device.error_reg = ERROR_UNCORRECTABLE;
  }
  device.channel.dma_status &= ~DMA_ACTIVE;
  device.current_command = -1;
  device.push_irq();
}
