/**
 * FLUSH CACHE and FLUSH CACHE EXT (ATA/ATAPI-6, 8.12 and 8.13). v86 answers them at once; a guest that asks is to wait until
 * what it wrote is where its owner keeps it.
 */
import type { DriveBuffer } from "./drive-buffer.ts";
import type { IdeInterface } from "./internals.ts";

const FLUSH_COMMANDS = [0xe7, 0xea];
const STATUS_BUSY = 0x80;
const STATUS_DRDY_DSC = 0x50;

/** Devices that wait, with their disks. v86 seals its devices: the command is caught where they inherit it from. */
const waiting = new WeakMap<IdeInterface, DriveBuffer>();
const caught = new WeakSet<object>();

/** A failed flush is reported to the guest by `buffer` as every other failed request is. */
export function answerFlushes(device: IdeInterface, buffer: DriveBuffer): void {
  if (buffer.device.flush !== undefined) waiting.set(device, buffer);
  const inherited = Object.getPrototypeOf(device) as IdeInterface;
  if (caught.has(inherited)) return;
  caught.add(inherited);
  const command = inherited.ata_command;
  inherited.ata_command = function (this: IdeInterface, code) {
    const disk = waiting.get(this);
    if (disk === undefined || !FLUSH_COMMANDS.includes(code)) {
      command.call(this, code);
      return;
    }
    this.current_command = code;
    this.error_reg = 0;
    this.status_reg = STATUS_BUSY;
    disk.flush(() => {
      this.status_reg = STATUS_DRDY_DSC;
      this.push_irq();
    });
  };
}
