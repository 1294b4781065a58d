/**
 * Why something was refused, as data: the page has a text for each key in each language, the command line and the logs
 * use the English sentence made here. Parameters are plain values; nothing in a reason is ready-made prose.
 */
import type { ActionRefusal } from "./lifecycle.ts";
import type { BudgetRefusal } from "./host-resources.ts";

/** Kinds of value that a type name alone does not describe. */
export const EXPECTED_VALUES = {
  uuid: "a UUID in lower case",
  name: "a name of 1 to 80 characters without control characters, and without spaces around it",
  mac: "a unicast MAC address such as 00:0c:29:12:34:56",
  ipv4: "an IPv4 address such as 192.168.10.2",
  subnet: "a subnet such as 192.168.10.0/24, with no bits set beyond the prefix and a prefix of 8 to 29",
  endpoint: "an IPv4 address and port such as 192.168.10.130:80",
  expression: "a JavaScript regular expression",
  "boot-order": "each boot device at most once",
  "exit-status": 'a number from 0 to 255 or "nonzero"',
  image: 'the name of an image, or {"iso"}, {"disk"} or {"kernel"} with a path',
  step: "a step",
  "fault-setting": "at least one thing to change",
} as const;
export type ExpectedValue = keyof typeof EXPECTED_VALUES;

export type ValueRefusal =
  | { key: "not-json"; line: number; column: number }
  | { key: "unknown-field"; known: string[] }
  | { key: "missing-field" }
  /** `expected` and `found` are type names: string, number, boolean, object, array, null. */
  | { key: "wrong-type"; expected: string; found: string }
  | { key: "not-one-of"; allowed: string[]; found: string }
  | { key: "bad-value"; expected: ExpectedValue; found: string }
  | { key: "not-an-integer"; found: string }
  | { key: "too-small"; minimum: number; found: string }
  | { key: "too-large"; maximum: number; found: string }
  | { key: "too-many"; maximum: number; found: string }
  | { key: "too-short"; minimum: number; found: string }
  | { key: "newer-version"; found: number; supported: number }
  | { key: "duplicate"; value: string; first: string }
  | { key: "name-taken"; name: string }
  | { key: "name-empty" }
  | { key: "name-too-long"; maximum: number }
  | { key: "name-characters" }
  | { key: "no-such-network"; network: string }
  | { key: "no-such-machine"; machine: string }
  | { key: "no-such-snapshot"; machine: string; snapshot: string }
  | { key: "no-nic-on-network"; machine: string; network: string }
  | { key: "fixed-subnet"; kind: string; subnet: string }
  | { key: "outside-subnet"; subnet: string; found: string }
  | { key: "subnets-overlap"; other: string }
  | { key: "range-reversed"; first: string; last: string }
  | { key: "address-in-dhcp-range"; address: string; first: string; last: string }
  | { key: "address-reserved"; address: string; use: "network" | "host-adapter" | "broadcast" }
  | { key: "only-for-kind"; kind: string }
  | { key: "two-system-disks" }
  | { key: "too-many-disks"; maximum: number }
  | { key: "step-kinds"; found: string[] }
  | { key: "fields-together"; other: string };

export type Reason = ValueRefusal | ActionRefusal | BudgetRefusal;

/** A refused value: where it stands (`machines[1].nics[0].network`; empty for the whole document) and why. */
export interface Problem {
  path: string;
  reason: ValueRefusal;
}

/** One problem in English, for the command line and for logs. */
export function describeProblem({ path, reason }: Problem): string {
  return path === "" ? describeReason(reason) : `${path}: ${describeReason(reason)}`;
}

export function describeReason(reason: Reason): string {
  switch (reason.key) {
    case "not-json":
      return `not JSON: line ${reason.line}, column ${reason.column}`;
    case "unknown-field":
      return `unknown field (known: ${reason.known.join(", ")})`;
    case "missing-field":
      return "missing";
    case "wrong-type":
      return `expected ${reason.expected}, found ${reason.found}`;
    case "not-one-of":
      return `expected ${reason.allowed.join(" or ")}, found ${reason.found}`;
    case "bad-value":
      return `expected ${EXPECTED_VALUES[reason.expected]}, found ${reason.found}`;
    case "not-an-integer":
      return `expected a whole number, found ${reason.found}`;
    case "too-small":
      return `expected at least ${reason.minimum}, found ${reason.found}`;
    case "too-large":
      return `expected at most ${reason.maximum}, found ${reason.found}`;
    case "too-many":
      return `expected at most ${reason.maximum} entries, found ${reason.found}`;
    case "too-short":
      return `expected at least ${reason.minimum} characters, found ${reason.found}`;
    case "newer-version":
      return `version ${reason.found} was written by a newer Ringside; this one reads up to version ${reason.supported}`;
    case "duplicate":
      return `"${reason.value}" is already used by ${reason.first}`;
    case "name-taken":
      return `there is already a machine named "${reason.name}"`;
    case "name-empty":
      return "a name is needed";
    case "name-too-long":
      return `a name has at most ${reason.maximum} characters`;
    case "name-characters":
      return "a name has no control characters";
    case "no-such-network":
      return `no network "${reason.network}"`;
    case "no-such-machine":
      return `no machine "${reason.machine}"`;
    case "no-such-snapshot":
      return `machine "${reason.machine}" has no snapshot "${reason.snapshot}" at this step`;
    case "no-nic-on-network":
      return `machine "${reason.machine}" has no network card on "${reason.network}"`;
    case "fixed-subnet":
      return `a ${reason.kind} network always has ${reason.subnet}`;
    case "outside-subnet":
      return `${reason.found} is outside ${reason.subnet}`;
    case "subnets-overlap":
      return `overlaps the subnet of "${reason.other}"`;
    case "range-reversed":
      return `the range ends (${reason.last}) before it begins (${reason.first})`;
    case "address-in-dhcp-range":
      return `${reason.address} lies inside the DHCP range ${reason.first} to ${reason.last}`;
    case "address-reserved":
      return `${reason.address} is taken: ${RESERVED_ADDRESS[reason.use]}`;
    case "only-for-kind":
      return `only a ${reason.kind} network has this`;
    case "two-system-disks":
      return "a machine has at most one system disk";
    case "too-many-disks":
      return `a machine has at most ${reason.maximum} disks, its image's own disk included`;
    case "step-kinds":
      return `a step has exactly one of run, fault, power, snapshot, clone, revert; found ${reason.found.length === 0 ? "none" : reason.found.join(" and ")}`;
    case "fields-together":
      return `only together with ${reason.other}`;
    case "running":
      return "the machine is running: power it off first";
    case "off":
      return "the machine is off";
    case "paused":
      return "the machine is paused: continue it first";
    case "not-paused":
      return "the machine is not paused";
    case "not-suspended":
      return "the machine is not suspended";
    case "suspended":
      return "the machine is suspended: resume it or power it off first";
    case "busy":
      return `wait: the machine is ${BUSY[reason.state]}`;
    case "crashed":
      return "the machine has crashed: power it off or reset it";
    case "elsewhere":
      return "the machine is open in another tab or program";
    case "unreadable":
      return "this version cannot read the machine's definition";
    case "template":
      return "the machine is a template: clone it, or make it an ordinary machine again";
    case "has-clones":
      return `linked clones stand on it: ${reason.clones}`;
    case "memory-budget":
      return `this machine needs about ${reason.neededMiB} MiB, and only ${reason.freeMiB} of ${reason.budgetMiB} MiB are free: power off another machine or give this one less memory`;
    case "too-many-machines":
      return `${reason.running} machines are running and ${reason.limit} is the limit: power one off first`;
    default:
      return reason satisfies never;
  }
}

const RESERVED_ADDRESS = {
  network: "it is the network's own address",
  "host-adapter": "it is the host adapter's address",
  broadcast: "it is the broadcast address",
};

const BUSY = {
  starting: "starting",
  suspending: "being suspended",
  resuming: "being resumed",
  stopping: "being stopped",
};
