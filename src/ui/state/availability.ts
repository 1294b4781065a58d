/** Why an action on a machine cannot be taken now, and what a start costs of the host's budget. */
import {
  hostBudget,
  OVERHEAD_MIB,
  startRefusal,
  type Budget,
} from "../../hypervisor-model/virtual-machines/host-resources.ts";
import { refusal, type MachineAction } from "../../hypervisor-model/virtual-machines/lifecycle.ts";
import type { Messages } from "../i18n/messages.ts";
import { refusalText } from "./failure.ts";
import { machines, type MachineView } from "./machines.ts";

export function budget(): Budget {
  const { deviceMemory } = navigator as Navigator & { deviceMemory?: number };
  const running = machines.get().flatMap(({ session }) => (session ? [session.machine.spec.memoryMiB] : []));
  return hostBudget({ memoryGiB: deviceMemory, cores: navigator.hardwareConcurrency }, running);
}

/** Empty when the action can be taken. */
export function whyNot(m: Messages, view: MachineView | undefined, action: MachineAction): string {
  if (!view) return m.reason.noMachine;
  if (view.elsewhere && action !== "rename") return m.reason.elsewhere;
  if (!view.definition) return view.isNewer ? m.reason.notStartable : m.reason.damaged;
  const isRefusedToTemplates = !["rename", "duplicate", "delete", "change-media", "edit-hardware"].includes(
    action,
  );
  if (view.isTemplate && isRefusedToTemplates) return m.reason.isTemplate;
  const refused = refusal(view.state, action);
  if (refused) {
    if ((action === "delete" || action === "duplicate") && refused.key === "running")
      return m.reason.deleteOn;
    if ((action === "power-on" || action === "boot-cold") && refused.key === "running") {
      return m.reason.alreadyOn;
    }
    return refusalText(m, refused);
  }
  if (action === "shut-down" && !view.session?.agentReady) return m.reason.noAgent;
  if (action === "power-on" || action === "boot-cold" || action === "resume") {
    return budgetRefusal(m, view.definition.memoryMiB);
  }
  return "";
}

export function isOverBudget(memoryMiB: number): boolean {
  return startRefusal(budget(), memoryMiB) !== undefined;
}

/** Empty when a machine with this memory may start. */
export function budgetRefusal(m: Messages, memoryMiB: number): string {
  const refused = startRefusal(budget(), memoryMiB);
  if (!refused) return "";
  return refused.key === "memory-budget"
    ? m.budget.tooMuchMemory(String(refused.neededMiB), String(refused.freeMiB))
    : m.budget.tooManyGuests(refused.limit);
}

/** What a start would take of the host's budget; empty when the machine is on. */
export function startCost(m: Messages, view: MachineView | undefined): string {
  if (!view?.definition || view.session) return "";
  const { usedMiB, budgetMiB, running, limit } = budget();
  const need = view.definition.memoryMiB + OVERHEAD_MIB;
  const memory = m.budget.memory(String(need), String(Math.max(0, budgetMiB - usedMiB)));
  return `${memory} · ${m.budget.guests(running, limit)}`;
}
