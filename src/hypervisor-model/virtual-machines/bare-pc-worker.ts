/** The bare PC's Worker. */
import { expose } from "comlink";
import { BarePcDriver } from "../../emulator/core/debug/bare-pc-driver.ts";
import { decodeRecording, encodeRecording } from "../../emulator/core/debug/recording.ts";
import { DebugSession, type DebugCommand } from "../../emulator/core/debug/session.ts";
import type { ViewRequest } from "../../emulator/core/debug/view.ts";
import type { ScreenUpdate } from "../../emulator/machine.ts";
import type { BarePcControl } from "./bare-pc-protocol.ts";

let output = (_text: string): void => {};
let screen = (_update: ScreenUpdate): void => {};
const driver = new BarePcDriver({ output: (text) => output(text), screen: (update) => screen(update) });
const session = new DebugSession(driver);

const control: BarePcControl = {
  load: async (source: string) => driver.load(source),
  input: async (text: string) => driver.input(text),
  scancodes: async (codes: readonly number[]) => driver.scancodes(codes),
  recording: async () => encodeRecording(driver.recording()),
  replay: async (text: string) => {
    const recording = decodeRecording(text);
    return recording && { source: recording.source, same: await driver.replay(recording) };
  },
  view: async (request: ViewRequest) => session.view(request),
  command: (command: DebugCommand) => session.command(command),
  listen: async (onOutput, onScreen) => {
    output = onOutput;
    screen = onScreen;
  },
};
expose(control);
