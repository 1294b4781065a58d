/** The word and the shape for where a machine is in its life. */
import type { MachineView } from "./machines.ts";
import type { Messages } from "../i18n/messages.ts";

export function stateName(m: Messages, machine: MachineView): string {
  if (!machine.definition) return m.state.unreadable;
  if (machine.isTemplate) return m.state.template;
  return machine.elsewhere ? m.state.elsewhere : m.state[machine.state];
}

export function stateMark({ state, isTemplate }: MachineView): string {
  if (isTemplate) return "◇";
  if (state === "running") return "▶";
  if (state === "suspended" || state === "paused") return "‖";
  return state === "off" ? "○" : "◐";
}
