/** The word and the shape for where a machine is in its life. */
import type { MachineView } from "./machines.ts";
import type { Messages } from "../i18n/messages.ts";

export function stateName(m: Messages, machine: MachineView): string {
  if (!machine.definition) return m.state.unreadable;
  return machine.elsewhere ? m.state.elsewhere : m.state[machine.state];
}

export function stateMark({ state }: MachineView): string {
  if (state === "running") return "▶";
  if (state === "suspended" || state === "paused") return "‖";
  return state === "off" ? "○" : "◐";
}
