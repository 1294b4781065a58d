/** Turns an error of the model into one sentence for the user, with what to do. */
import { kernelProblem } from "../../emulator/kernel-image.ts";
import { StateMismatchError } from "../../emulator/machine.ts";
import { NO_SUCH_FILE, type RefusedError } from "../../hypervisor-model/storage/errors.ts";
import { ImageError, TooLittleMemoryError } from "../../hypervisor-model/virtual-machines/images.ts";
import { BadDefinitionError } from "../../hypervisor-model/virtual-machines/library.ts";
import { RefusedActionError, type ActionRefusal } from "../../hypervisor-model/virtual-machines/lifecycle.ts";
import type { Problem, ValueRefusal } from "../../hypervisor-model/virtual-machines/reasons.ts";
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
  if (error instanceof TooLittleMemoryError) {
    const { image, minimumMiB } = error;
    return (m) => m.error.tooLittleMemory(image, minimumMiB);
  }
  if (error instanceof MediumMissingError) return (m) => m.error.mediumMissing(error.message);
  if (error instanceof StateMismatchError) return mismatchSentence(machine, error.message);
  if (error instanceof RefusedActionError) return (m) => refusalText(m, error.reason);
  if (error instanceof BadDefinitionError) return (m) => m.errors.definition(problemsText(m, error.problems));
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  const kernel = kernelProblem(name);
  if (kernel !== undefined) return (m) => m.errors.kernel[kernel];
  return namedSentence(error, name, message) ?? sentenceOfWords(name, message, machine, memoryMiB);
}

/** Errors that may have crossed a thread, which keeps their name but not their class. */
function namedSentence(error: unknown, name: string, message: string): Sentence | undefined {
  const { found = "", expected = "", refusal, problem } = error as Partial<RefusedError>;
  const { reason } = error as Partial<RefusedActionError>;
  if (problem) return (m) => m.storage.problem[problem](found, expected);
  switch (name) {
    case "RefusedActionError":
      return reason && ((m) => refusalText(m, reason));
    case "RefusedError":
      return refusal && ((m) => m.errors.storageRefusal(refusal));
    case "UnsupportedFormatError":
      return (m) => m.errors.imageUnsupported(found);
    case "FormatError":
      if (found === NO_SUCH_FILE) return (m) => m.errors.imagePartMissing(expected);
      return (m) =>
        found
          ? `${m.errors.imageBroken} ${m.storage.error.foundExpected(found, expected)}`
          : m.errors.imageBroken;
    case "DamagedError":
    case "StateFormatError":
      return (m) => m.errors.damaged;
    case "NotFoundError":
      return (m) => m.errors.notFound;
    case "StorageUnavailableError":
      return (m) => m.errors.storageUnavailable;
    case "StorageFullError":
      return (m) => m.error.storageRefused;
    case "InUseError":
      return (m) => m.errors.inUse;
    case "NewerVersionError":
      return (m) => m.storage.error.newer;
    case "CancelledError":
      return (m) => m.storage.error.cancelled;
    case "ConflictError":
      return (m) => m.storage.error.conflict;
    case "ParentModifiedError":
      return (m) =>
        `${m.storage.disk.broken} (parentCID=${found}, CID=${expected}) ${m.storage.disk.repairThere}`;
    case "NoSuchMachineError":
      return (m) => m.errors.machineGone;
    case "MachineEndedError":
      return (m) => m.errors.machineEnded;
    case "MachineConfigError":
    case "MachineSpecError":
    case "MediumError":
      return (m) => m.errors.hardwareUnsupported;
    case "EngineMismatchError":
      return (m) => m.errors.engineOther;
    case "EngineUnavailableError":
      return /WebAssembly/.test(message) ? (m) => m.error.wasmRefused : (m) => m.errors.engineUnreachable;
    case "AgentTimeoutError":
    case "AgentLostError":
      return (m) => m.error.agentSilent;
    default:
      return undefined;
  }
}

/** Which part of a saved state does not fit; from the message, since only that comes through threads. */
function mismatchSentence(machine: string, message: string): Sentence {
  const [, field, found, expected] = /: (\S+) is (.{1,80}), expected (.{1,80})$/.exec(message) ?? [];
  return (m) =>
    m.error.stateMismatch(machine, field === undefined ? "" : m.error.mismatch(field, found, expected));
}

/** What browsers say in words of their own. */
function sentenceOfWords(name: string, message: string, machine: string, memoryMiB: number): Sentence {
  if (/StateMismatch/.test(name + message)) return mismatchSentence(machine, message);
  if (name === "CompileError" || /WebAssembly|wasm-eval|wasm code generation/i.test(message)) {
    if (!/memory/i.test(message)) return (m) => m.error.wasmRefused;
  }
  if (name === "RangeError" || /memory|allocation/i.test(message)) {
    return (m) => m.error.memoryRefused(String(memoryMiB));
  }
  return (m) => m.error.other(message);
}

export function problemsText({ errors }: Messages, problems: readonly Problem[]): string {
  const texts = problems.map(({ path, reason }) => (path && `${path}: `) + errors.valueRefusal(reason));
  return texts.join("; ");
}

/** Why a machine cannot have a name, beside the field. */
export function nameRefusalText({ wizard, errors }: Messages, reason: ValueRefusal): string {
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
      return errors.valueRefusal(reason);
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
