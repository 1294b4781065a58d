/** The task log's lines as text. */
import { errorOfParameters, type TaskEntry } from "../../hypervisor-model/virtual-machines/task-log.ts";
import { catalogues, type Messages } from "../i18n/messages.ts";
import { sentenceFor } from "./failure.ts";

/** What a start that the user gave up has for an error. */
export const CANCELLED = "cancelled";

export function taskText(m: Messages, { task, machine, parameters, outcome }: TaskEntry): string {
  const name = machine?.name ?? "";
  if (outcome === "failed" && parameters.error === CANCELLED) return m.log.startCancelled(name);
  if (outcome === "failed") return m.log.failed(name, failureText(m, name, parameters));
  switch (task) {
    case "create":
      return m.log.created(name);
    case "edit":
    case "edit-hardware":
      return m.log.settingsChanged(name);
    case "rename":
      return m.log.renamed(String(parameters.from), name);
    case "duplicate":
      return m.log.duplicated(name, String(parameters.as ?? "…"));
    case "delete":
      return m.log.removed(name);
    case "power-on":
      return m.log.poweredOn(name);
    case "boot-cold":
      return m.log.poweredOnCold(name);
    case "power-off":
      return m.log.poweredOff(name);
    case "shut-down":
      return m.log.shutDown(name);
    case "suspend":
      return m.log.suspended(name);
    case "resume":
      return m.log.resumed(name);
    case "reset":
      return m.log.reset(name);
    case "send-keys":
      return m.log.ctrlAltDel(name);
    case "guest-shut-down":
      return m.log.guestOff(name);
    case "guest-panicked":
      return m.log.panicked(name);
    case "no-kernel":
      return m.log.noKernel(name);
    case "crash":
      return m.log.crashed(name);
    case "interrupted":
      return m.log.interrupted(name);
    case "snapshot":
      return m.storage.log.snapshot(name, String(parameters.snapshot ?? ""));
    case "revert":
      return m.storage.log.revert(name, String(parameters.snapshot ?? ""));
    case "snapshot-delete":
      return m.storage.log.removed(name, String(parameters.snapshot ?? ""));
    case "clone":
      return m.storage.log.clone(name, String(parameters.as ?? "…"));
    default:
      return `${name}: ${task}`;
  }
}

/** The page keeps the sentence in both languages; of what the model logs itself the error is made again. */
function failureText(m: Messages, name: string, parameters: TaskEntry["parameters"]): string {
  const kept = parameters[m === catalogues.en ? "en" : "zh-CN"];
  if (kept !== undefined) return String(kept);
  if (parameters.error === undefined) return m.error.title;
  return sentenceFor(errorOfParameters(parameters), name, 0)(m);
}
