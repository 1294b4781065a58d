/** A small picture of what a running machine's console shows, for its snapshot. */
import { ScreenPicture } from "../components/screen-console/screen-picture.ts";
import type { RunningMachine } from "../../hypervisor-model/virtual-machines/running-machine-types.ts";

/** As wide and high as the tree shows it, at twice the pixels. */
const SIZE = { width: 256, height: 96 };
const LINES = 6;
const LINE_HEIGHT = 15;
/** Control sequences (ECMA-48): CSI with its parameters, OSC, and escapes of two characters. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-_]|[\x00-\x08\x0b-\x1f]/g;

/** The screen is drawn whole first; this is how long that may take. */
const SCREEN_MS = 500;

/** PNG; undefined where nothing can be drawn. */
export async function thumbnailOf(
  machine: RunningMachine,
  console: "serial" | "screen" = "serial",
): Promise<Uint8Array | undefined> {
  const canvas = new OffscreenCanvas(SIZE.width, SIZE.height);
  const context = canvas.getContext("2d");
  if (!context) return undefined;
  context.fillStyle = "#101317";
  context.fillRect(0, 0, SIZE.width, SIZE.height);
  if (console === "screen") {
    const screen = await screenOf(machine);
    const scale = Math.min(SIZE.width / screen.width, SIZE.height / screen.height);
    context.drawImage(screen, 0, 0, screen.width * scale, screen.height * scale);
  } else {
    context.fillStyle = "#e6e9ed";
    context.font = "12px monospace";
    const text = new TextDecoder().decode(machine.console.scrollback().slice(-8192)).replace(CONTROL, "");
    const lines = text.trimEnd().split("\n").slice(-LINES);
    for (const [i, line] of lines.entries()) context.fillText(line.slice(0, 80), 4, (i + 1) * LINE_HEIGHT);
  }
  const blob = await canvas.convertToBlob({ type: "image/png" });
  return new Uint8Array(await blob.arrayBuffer());
}

/** What the machine's VGA shows; black where it shows nothing. */
async function screenOf(machine: RunningMachine): Promise<OffscreenCanvas> {
  const canvas = new OffscreenCanvas(720, 400);
  const picture = new ScreenPicture(canvas);
  await new Promise<void>((resolve) => {
    const limit = setTimeout(end, SCREEN_MS);
    let quiet: ReturnType<typeof setTimeout> | undefined;
    const stop = machine.display.onUpdate((update) => {
      picture.draw(update);
      clearTimeout(quiet);
      quiet = setTimeout(end, 40);
    });
    function end(): void {
      clearTimeout(limit);
      clearTimeout(quiet);
      stop();
      resolve();
    }
  });
  return canvas;
}
