/** A small picture of what a running machine's console shows, for its snapshot. */
import type { RunningMachine } from "../../hypervisor-model/virtual-machines/running-machine-types.ts";

const SIZE = { width: 280, height: 150 };
const LINES = 18;
/** Control sequences (ECMA-48): CSI with its parameters, OSC, and escapes of two characters. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]|[\x00-\x08\x0b-\x1f]/g;

/** PNG; undefined where nothing can be drawn, or the machine's tab shows its screen and not its serial console. */
export async function thumbnailOf(
  machine: RunningMachine,
  console: "serial" | "screen" = "serial",
): Promise<Uint8Array | undefined> {
  if (console === "screen") return undefined;
  const canvas = new OffscreenCanvas(SIZE.width, SIZE.height);
  const context = canvas.getContext("2d");
  if (!context) return undefined;
  context.fillStyle = "#101317";
  context.fillRect(0, 0, SIZE.width, SIZE.height);
  context.fillStyle = "#e6e9ed";
  context.font = "7px monospace";
  const text = new TextDecoder().decode(machine.console.scrollback().slice(-8192)).replace(CONTROL, "");
  const lines = text.split("\n").slice(-LINES);
  for (const [i, line] of lines.entries()) context.fillText(line.slice(0, 80), 4, 9 + i * 8);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return new Uint8Array(await blob.arrayBuffer());
}
