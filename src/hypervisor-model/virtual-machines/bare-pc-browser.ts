/** The bare PC's thread in the page. */
import { proxy, wrap } from "comlink";
import type { ScreenUpdate } from "../../emulator/machine.ts";
import type { BarePcControl } from "./bare-pc-protocol.ts";

export interface BarePc {
  control: BarePcControl;
  close(): void;
}

export async function startBarePc(listeners: {
  output(text: string): void;
  screen(update: ScreenUpdate): void;
}): Promise<BarePc> {
  const worker = new Worker(new URL("./bare-pc-worker.ts", import.meta.url), { type: "module" });
  const remote = wrap<BarePcControl>(worker);
  await remote.listen(proxy(listeners.output), proxy(listeners.screen));
  return {
    control: {
      load: (source) => remote.load(source),
      input: (text) => remote.input(text),
      scancodes: (codes) => remote.scancodes(codes),
      recording: () => remote.recording(),
      replay: (text) => remote.replay(text),
      view: (request) => remote.view(request),
      command: (command) => remote.command(command),
      listen: (output, screen) => remote.listen(proxy(output), proxy(screen)),
    },
    close: () => worker.terminate(),
  };
}
