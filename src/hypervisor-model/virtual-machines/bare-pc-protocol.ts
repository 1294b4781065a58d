/** What a debugger's panel asks of the Worker that has the machine. */
import type { Assembled } from "../../emulator/core/assembler/assemble.ts";
import type { DebugAnswer, DebugCommand } from "../../emulator/core/debug/session.ts";
import type { DebugView, ViewRequest } from "../../emulator/core/debug/view.ts";
import type { ScreenUpdate } from "../../emulator/machine.ts";

export interface DebugTarget {
  view(request: ViewRequest): Promise<DebugView>;
  command(command: DebugCommand): Promise<DebugAnswer>;
}

/** A PC with nothing on it but a program that is assembled here. */
export interface BarePcControl extends DebugTarget {
  /** With problems the PC stays as it was. */
  load(source: string): Promise<Assembled>;
  /** Typed on COM1. */
  input(text: string): Promise<void>;
  /** Pressed and released on the PC's keyboard, as set 1 scan codes. */
  scancodes(codes: readonly number[]): Promise<void>;
  /** The session so far as the text of a file (recording.ts). The PC must stand. */
  recording(): Promise<string>;
  /** Undefined, and nothing has changed, for what is no recording; else its program and whether it ended as it did then. */
  replay(text: string): Promise<{ source: string; same: boolean } | undefined>;
  /** Comlink proxies. */
  listen(output: (text: string) => void, screen: (update: ScreenUpdate) => void): Promise<void>;
}
