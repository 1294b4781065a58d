/** The bare PC's Worker. */
import { expose } from "comlink";
import { BarePcDriver } from "../../emulator/core/debug/bare-pc-driver.ts";
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
  view: async (request: ViewRequest) => session.view(request),
  command: (command: DebugCommand) => session.command(command),
  listen: async (onOutput, onScreen) => {
    output = onOutput;
    screen = onScreen;
  },
};
expose(control);
