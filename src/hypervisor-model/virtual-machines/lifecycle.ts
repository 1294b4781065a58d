/**
 * The life of a machine as one table: for each state, which event leads where and which action the user may take.
 * A refused action has a reason, shown beside its disabled control.
 */

export type MachineState =
  | "off"
  | "starting"
  | "running"
  | "paused"
  | "suspending"
  | "suspended"
  | "resuming"
  | "stopping"
  | "crashed";

export type MachineAction =
  | "power-on"
  /** Power on without the image's warm state: firmware, boot loader, kernel. */
  | "boot-cold"
  /** Asks the guest to shut itself down. */
  | "shut-down"
  /** Pulls the plug. */
  | "power-off"
  | "reset"
  | "suspend"
  | "resume"
  | "pause"
  | "continue"
  | "send-keys"
  /** Memory, disks, number and model of network cards, boot order. */
  | "edit-hardware"
  /** CD or floppy in or out, network card to another network or its cable out. */
  | "change-media"
  | "rename"
  | "duplicate"
  | "delete"
  | "snapshot"
  | "revert";

/** What happens to a machine, whoever caused it. */
export type MachineEvent =
  | "start"
  | "started"
  | "start-failed"
  | "pause"
  | "continue"
  | "suspend"
  | "suspend-done"
  | "suspend-failed"
  | "resume"
  | "resumed"
  | "resume-failed"
  /** The plug was pulled, or the guest was asked to shut down. */
  | "stop"
  | "stopped"
  /** CLI and HLT, or its Worker was ended. */
  | "halted"
  /** The engine failed or its Worker died. */
  | "crashed"
  | "reset"
  /** The saved state of a suspended machine was thrown away. */
  | "discard";

type BusyState = "starting" | "suspending" | "resuming" | "stopping";

export type ActionRefusal =
  | { key: "running" }
  | { key: "off" }
  | { key: "paused" }
  | { key: "not-paused" }
  | { key: "not-suspended" }
  | { key: "suspended" }
  | { key: "busy"; state: BusyState }
  | { key: "crashed" }
  /** Another page or program runs this machine. */
  | { key: "elsewhere" }
  /** The definition was written by a newer version, or is damaged. */
  | { key: "unreadable" }
  /** A template is not started or changed. */
  | { key: "template" }
  /** Linked clones stand on it: their names. */
  | { key: "has-clones"; clones: string };

interface StateRow {
  on: Partial<Record<MachineEvent, MachineState>>;
  may: Record<MachineAction, "yes" | Exclude<ActionRefusal["key"], "has-clones">>;
}

/** While one state turns into another, nothing but pulling the plug is possible. */
const MAY_WHILE_BUSY: StateRow["may"] = {
  "power-on": "busy",
  "boot-cold": "busy",
  "shut-down": "busy",
  "power-off": "yes",
  reset: "busy",
  suspend: "busy",
  resume: "busy",
  pause: "busy",
  continue: "busy",
  "send-keys": "busy",
  "edit-hardware": "busy",
  "change-media": "busy",
  rename: "yes",
  duplicate: "busy",
  delete: "busy",
  snapshot: "busy",
  revert: "busy",
};

export const LIFECYCLE: Record<MachineState, StateRow> = {
  off: {
    on: { start: "starting", resume: "resuming" },
    may: {
      "power-on": "yes",
      "boot-cold": "yes",
      "shut-down": "off",
      "power-off": "off",
      reset: "off",
      suspend: "off",
      resume: "not-suspended",
      pause: "off",
      continue: "off",
      "send-keys": "off",
      "edit-hardware": "yes",
      "change-media": "yes",
      rename: "yes",
      duplicate: "yes",
      delete: "yes",
      snapshot: "yes",
      revert: "yes",
    },
  },
  starting: {
    on: { started: "running", "start-failed": "off", stop: "stopping", halted: "off", crashed: "crashed" },
    may: MAY_WHILE_BUSY,
  },
  running: {
    on: {
      pause: "paused",
      suspend: "suspending",
      stop: "stopping",
      halted: "off",
      stopped: "off",
      crashed: "crashed",
      reset: "running",
    },
    may: {
      "power-on": "running",
      "boot-cold": "running",
      "shut-down": "yes",
      "power-off": "yes",
      reset: "yes",
      suspend: "yes",
      resume: "not-suspended",
      pause: "yes",
      continue: "not-paused",
      "send-keys": "yes",
      "edit-hardware": "running",
      "change-media": "yes",
      rename: "yes",
      duplicate: "running",
      delete: "running",
      snapshot: "yes",
      revert: "yes",
    },
  },
  paused: {
    on: {
      continue: "running",
      suspend: "suspending",
      stop: "stopping",
      stopped: "off",
      crashed: "crashed",
      reset: "paused",
    },
    may: {
      "power-on": "paused",
      "boot-cold": "paused",
      "shut-down": "paused",
      "power-off": "yes",
      reset: "yes",
      suspend: "yes",
      resume: "not-suspended",
      pause: "paused",
      continue: "yes",
      "send-keys": "paused",
      "edit-hardware": "running",
      "change-media": "yes",
      rename: "yes",
      duplicate: "running",
      delete: "running",
      snapshot: "yes",
      revert: "yes",
    },
  },
  suspending: {
    on: { "suspend-done": "suspended", "suspend-failed": "running", stop: "stopping", crashed: "crashed" },
    may: MAY_WHILE_BUSY,
  },
  suspended: {
    on: { resume: "resuming", discard: "off" },
    may: {
      "power-on": "suspended",
      "boot-cold": "suspended",
      "shut-down": "suspended",
      "power-off": "yes",
      reset: "suspended",
      suspend: "suspended",
      resume: "yes",
      pause: "suspended",
      continue: "not-paused",
      "send-keys": "suspended",
      "edit-hardware": "suspended",
      "change-media": "suspended",
      rename: "yes",
      duplicate: "suspended",
      delete: "yes",
      snapshot: "yes",
      revert: "yes",
    },
  },
  resuming: {
    on: { resumed: "running", "resume-failed": "suspended", stop: "stopping", crashed: "crashed" },
    may: MAY_WHILE_BUSY,
  },
  stopping: {
    // a guest that was asked to shut down may restart instead, or need its plug pulled
    on: { stopped: "off", halted: "off", crashed: "off", reset: "running", stop: "stopping" },
    may: MAY_WHILE_BUSY,
  },
  crashed: {
    on: { stop: "stopping", stopped: "off", start: "starting", reset: "starting" },
    may: {
      "power-on": "crashed",
      "boot-cold": "crashed",
      "shut-down": "crashed",
      "power-off": "yes",
      reset: "yes",
      suspend: "crashed",
      resume: "not-suspended",
      pause: "crashed",
      continue: "crashed",
      "send-keys": "crashed",
      "edit-hardware": "crashed",
      "change-media": "crashed",
      rename: "yes",
      duplicate: "crashed",
      delete: "crashed",
      snapshot: "crashed",
      revert: "yes",
    },
  },
};

export const MACHINE_STATES = Object.keys(LIFECYCLE) as MachineState[];
export const MACHINE_ACTIONS = Object.keys(LIFECYCLE.off.may) as MachineAction[];

/** Why this action cannot be taken now; `undefined` when it can. */
export function refusal(state: MachineState, action: MachineAction): ActionRefusal | undefined {
  const answer = LIFECYCLE[state].may[action];
  if (answer === "yes") return undefined;
  if (answer === "busy") return { key: "busy", state: state as BusyState };
  return { key: answer };
}

/** Where an event leads; `undefined` when it means nothing in this state (a late report of an ended Worker). */
export function nextState(state: MachineState, event: MachineEvent): MachineState | undefined {
  return LIFECYCLE[state].on[event];
}

export class RefusedActionError extends Error {
  override name = "RefusedActionError";
  readonly action: MachineAction;
  readonly reason: ActionRefusal;
  constructor(machine: string, action: MachineAction, reason: ActionRefusal) {
    super(`${machine}: ${action} refused (${reason.key})`);
    this.action = action;
    this.reason = reason;
  }
}
