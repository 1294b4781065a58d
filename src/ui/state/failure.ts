/** Turns an error of the model into one sentence for the user, with what to do. */
import { StateMismatchError } from "../../emulator/machine.ts";
import { ImageError } from "../../hypervisor-model/virtual-machines/images.ts";
import { BadDefinitionError } from "../../hypervisor-model/virtual-machines/library.ts";
import { RefusedActionError, type ActionRefusal } from "../../hypervisor-model/virtual-machines/lifecycle.ts";
import { describeProblem, type ValueRefusal } from "../../hypervisor-model/virtual-machines/reasons.ts";
import type { Messages } from "../i18n/messages.ts";

/** A text that is made again when the language changes. */
export type Sentence = (m: Messages) => string;

/** A medium of the machine is not in the store. */
export class MediumMissingError extends Error {
  override name = "MediumMissingError";
}

export function sentenceFor(error: unknown, machine: string, memoryMiB: number): Sentence {
  if (error instanceof ImageError) {
    const { image, problem } = error;
    switch (problem) {
      case "wrong-digest":
        return (m) => m.error.imageDigest(image);
      case "truncated":
        return (m) => m.error.imageTruncated(image);
      case "unreachable":
      case "not-found":
      case "no-image":
        return (m) => m.error.imageUnreachable(image);
      default:
        return problem satisfies never;
    }
  }
  if (error instanceof MediumMissingError) return (m) => m.error.mediumMissing(error.message);
  if (error instanceof StateMismatchError) return (m) => m.error.stateMismatch(machine);
  if (error instanceof RefusedActionError) return (m) => refusalText(m, error.reason);
  if (error instanceof BadDefinitionError) {
    return (m) => m.error.other(error.problems.map(describeProblem).join("; "));
  }
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  if (name === "FormatError" || name === "UnsupportedFormatError") return (m) => m.error.diskImage(message);
  if (name === "RefusedError") {
    const { found = "", expected = "" } = error as { found?: string; expected?: string };
    if (expected === "no linked clones") return (m) => m.reason.hasClones(found);
    return (m) => m.storage.error.refused(message);
  }
  if (name === "DamagedError") return (m) => m.storage.error.damaged(message);
  if (name === "NewerVersionError") return (m) => m.storage.error.newer;
  if (name === "ConflictError") return (m) => m.storage.error.conflict;
  if (name === "ParentModifiedError") return (m) => m.storage.disk.broken;
  if (name === "StorageFullError") return (m) => m.error.storageRefused;
  if (/StateMismatch/.test(name + message)) return (m) => m.error.stateMismatch(machine);
  if (name === "CompileError" || /WebAssembly|wasm-eval|wasm code generation/i.test(message)) {
    if (!/memory/i.test(message)) return (m) => m.error.wasmRefused;
  }
  if (name === "RangeError" || /memory|allocation/i.test(message)) {
    return (m) => m.error.memoryRefused(String(memoryMiB));
  }
  if (name === "AgentTimeoutError" || name === "AgentLostError") return (m) => m.error.agentSilent;
  return (m) => m.error.other(message);
}

/** Why a machine cannot have a name, beside the field. */
export function nameRefusalText({ wizard }: Messages, reason: ValueRefusal): string {
  switch (reason.key) {
    case "name-empty":
      return wizard.nameEmpty;
    case "name-too-long":
      return wizard.nameTooLong(reason.maximum);
    case "name-characters":
      return wizard.nameCharacters;
    case "name-taken":
      return wizard.nameUsed;
    default:
      return describeProblem({ path: "name", reason });
  }
}

export function refusalText(m: Messages, reason: ActionRefusal): string {
  switch (reason.key) {
    case "running":
      return m.reason.isOn;
    case "off":
      return m.reason.isOff;
    case "paused":
      return m.reason.notRunning;
    case "not-paused":
      return m.reason.notRunning;
    case "not-suspended":
      return m.reason.notSuspended;
    case "suspended":
      return m.reason.isSuspended;
    case "busy":
      return m.reason.busy;
    case "crashed":
      return m.reason.isCrashed;
    case "elsewhere":
      return m.reason.elsewhere;
    case "unreadable":
      return m.reason.notStartable;
    case "template":
      return m.reason.isTemplate;
    case "has-clones":
      return m.reason.hasClones(reason.clones);
    default:
      return reason satisfies never;
  }
}
