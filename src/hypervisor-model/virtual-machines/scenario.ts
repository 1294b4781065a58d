/**
 * The scenario file: networks, machines and steps as one JSON document, which the page exports and imports and
 * `ringside run` plays. Everything that is wrong is refused with its path before anything starts.
 */
import * as v from "valibot";
import { VIRTUALIZATION } from "../../emulator/machine.ts";
import {
  diskSizeSchema,
  engineSchema,
  macSchema,
  MAX_DISKS,
  MAX_NICS,
  MEMORY_MIB,
  memorySchema,
  nameSchema,
  nicModelSchema,
  vlanSchema,
  type MachineChoices,
  type MachineDefinition,
  type MachineImage,
  type MediumReference,
} from "./definition.ts";
import { checkDocument, expectedValue, fields, parseJson, quote, type Checked } from "./document-check.ts";
import type { Problem } from "./reasons.ts";
import {
  devicesOf,
  MAX_NETWORKS,
  networkProblems,
  parseIpv4,
  parseSubnet,
  type ScenarioDhcp,
  type ScenarioNetwork,
} from "./scenario-networks.ts";

export const SCENARIO_VERSION = 1;
export const DEFAULT_TIMEOUT_SECONDS = 30;

const text = v.pipe(v.string(), v.minLength(1));
const ipv4 = v.pipe(
  v.string(),
  expectedValue<string>("ipv4", (value) => parseIpv4(value) !== undefined),
);
const subnet = v.pipe(
  v.string(),
  expectedValue<string>("subnet", (value) => parseSubnet(value) !== undefined),
);
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535));
const endpoint = v.pipe(
  v.string(),
  expectedValue<string>("endpoint", (value) => {
    const [address, number, ...rest] = value.split(":");
    return rest.length === 0 && parseIpv4(address) !== undefined && v.is(port, Number(number));
  }),
);

const dhcpFields = fields({
  first: v.optional(ipv4),
  last: v.optional(ipv4),
  leaseSeconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(10), v.maxValue(31_536_000))),
});

const networkSchema = fields({
  name: nameSchema,
  kind: v.picklist(["nat", "host-only", "bridged"]),
  subnet: v.optional(subnet),
  gateway: v.optional(ipv4),
  dhcp: v.optional(
    v.lazy((input) => (typeof input === "boolean" ? v.boolean() : dhcpFields)),
  ) as v.GenericSchema<unknown, boolean | ScenarioDhcp | undefined>,
  dns: v.optional(v.array(ipv4)),
  hostAdapter: v.optional(v.boolean()),
  forwards: v.optional(v.array(fields({ protocol: v.picklist(["tcp", "udp"]), port, to: endpoint }))),
});

/** What `image` says beside a name: the user's own media. */
const ownImageFields = fields({
  iso: v.optional(text),
  disk: v.optional(text),
  kernel: v.optional(text),
  initrd: v.optional(text),
  commandLine: v.optional(v.string()),
});
const ownImage = v.pipe(
  ownImageFields,
  expectedValue<v.InferOutput<typeof ownImageFields>>(
    "image",
    ({ iso, disk, kernel, initrd, commandLine }) =>
      [iso, disk, kernel].filter((path) => path !== undefined).length === 1 &&
      (kernel !== undefined || (initrd === undefined && commandLine === undefined)),
  ),
);
type OwnImage = v.InferOutput<typeof ownImage>;

const machineSchema = fields({
  name: nameSchema,
  description: v.optional(v.string()),
  image: v.optional(
    v.lazy((input) => (typeof input === "string" ? text : ownImage)) as v.GenericSchema<
      unknown,
      string | OwnImage
    >,
    "tiny",
  ),
  engine: v.optional(engineSchema, "v86"),
  memoryMiB: v.optional(memorySchema, MEMORY_MIB.default),
  virtualization: v.optional(v.picklist(VIRTUALIZATION)),
  nics: v.optional(
    v.pipe(
      v.array(
        fields({
          network: text,
          model: v.optional(nicModelSchema, "ne2000"),
          mac: v.optional(macSchema),
          connected: v.optional(v.boolean(), true),
          /** The VLAN of its switch port, which carries it untagged. */
          vlan: v.optional(vlanSchema),
        }),
      ),
      v.maxLength(MAX_NICS),
    ),
    [],
  ),
  disks: v.optional(
    v.pipe(
      v.array(fields({ name: nameSchema, role: v.optional(v.literal("system")), sizeMiB: diskSizeSchema })),
      v.maxLength(MAX_DISKS),
    ),
    [],
  ),
});

const expression = v.pipe(
  v.string(),
  expectedValue<string>("expression", (source) => {
    try {
      return new RegExp(source) instanceof RegExp;
    } catch {
      return false;
    }
  }),
);
const exitSchema = v.lazy((input) =>
  typeof input === "number"
    ? v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(255))
    : v.pipe(
        v.unknown(),
        expectedValue<unknown>("exit-status", (value) => value === "nonzero"),
      ),
) as v.GenericSchema<unknown, number | "nonzero">;

const percent = v.pipe(v.number(), v.minValue(0), v.maxValue(100));
const milliseconds = v.pipe(v.number(), v.minValue(0), v.maxValue(600_000));

const flapTime = v.pipe(v.number(), v.minValue(10), v.maxValue(600_000));
const cableFaults = {
  lossPercent: v.optional(percent),
  delayMs: v.optional(milliseconds),
  jitterMs: v.optional(milliseconds),
  duplicatePercent: v.optional(percent),
  reorderPercent: v.optional(percent),
  corruptPercent: v.optional(percent),
  /** 0 for no limit. */
  rateKbitPerSecond: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1e9))),
};
const offOr = <T>(schema: v.GenericSchema<unknown, T>) =>
  v.optional(
    v.lazy((input) => (input === false ? v.literal(false) : schema)) as v.GenericSchema<unknown, false | T>,
  );

const cableChanges = {
  /** Seen from the end that is no switch: what it sends goes `in` to the switch. */
  direction: v.optional(v.picklist(["in", "out", "both"])),
  ...cableFaults,
  linkUp: v.optional(v.boolean()),
  flap: offOr(fields({ upMs: flapTime, downMs: flapTime })),
};
/** On the cable of one machine. */
const machineCableFault = fields({ network: text, machine: text, ...cableChanges });
/** On the cable of a device that the network itself has: gateway, host adapter, neighbour. */
const deviceCableFault = fields({ network: text, device: text, ...cableChanges });
type MachineCableFault = v.InferOutput<typeof machineCableFault>;
type DeviceCableFault = v.InferOutput<typeof deviceCableFault>;
/** A device that nobody asked for, on the network. */
const networkFault = fields({
  network: text,
  duplicateAddress: offOr(ipv4),
  rogueDhcp: offOr(
    fields({ address: ipv4, first: ipv4, last: ipv4, gateway: v.optional(ipv4), dns: v.optional(ipv4) }),
  ),
});
/** Something besides network, machine or device, and direction. */
const changesSomething = <T extends MachineCableFault | DeviceCableFault>() =>
  expectedValue<T>(
    "fault-setting",
    (fault) => Object.keys(fault).length > (fault.direction === undefined ? 2 : 3),
  );
const faultSchema = v.lazy((input) => {
  const has = (field: string) => typeof input === "object" && input !== null && field in input;
  if (has("duplicateAddress") || has("rogueDhcp")) return networkFault;
  return has("device")
    ? v.pipe(deviceCableFault, changesSomething<DeviceCableFault>())
    : v.pipe(machineCableFault, changesSomething<MachineCableFault>());
}) as v.GenericSchema<unknown, MachineCableFault | DeviceCableFault | v.InferOutput<typeof networkFault>>;

export const STEP_SCHEMAS = {
  run: fields({
    on: text,
    run: v.string(),
    timeoutSeconds: v.optional(
      v.pipe(v.number(), v.minValue(0.001), v.maxValue(86_400)),
      DEFAULT_TIMEOUT_SECONDS,
    ),
    expect: v.optional(
      fields({
        exit: v.optional(exitSchema),
        output: v.optional(v.string()),
        outputMatches: v.optional(expression),
      }),
    ),
  }),
  fault: fields({ fault: faultSchema }),
  power: fields({
    power: text,
    to: v.picklist(["on", "off", "shutdown", "reset", "suspend", "resume"]),
  }),
  snapshot: fields({ snapshot: text, name: nameSchema, memory: v.optional(v.boolean(), false) }),
  clone: fields({
    clone: text,
    snapshot: v.optional(text),
    kind: v.optional(v.picklist(["linked", "full"]), "linked"),
    as: nameSchema,
    macs: v.optional(v.pipe(v.array(macSchema), v.maxLength(MAX_NICS))),
  }),
  revert: fields({ revert: text, to: text }),
};
export type StepKind = keyof typeof STEP_SCHEMAS;
const STEP_KINDS = Object.keys(STEP_SCHEMAS) as StepKind[];

type StepOf<Kind extends StepKind> = v.InferOutput<(typeof STEP_SCHEMAS)[Kind]>;
export type ScenarioStep = { [Kind in StepKind]: { type: Kind } & StepOf<Kind> }[StepKind];

const kindsIn = (step: object) =>
  STEP_KINDS.filter((kind) => kind in step && !(kind === "snapshot" && "clone" in step));

/** The step's only key of a kind says which fields it may have; how many there are is checked afterwards. */
const stepSchema = v.lazy((input) => {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return fields({});
  const kinds = kindsIn(input);
  return kinds.length === 1 ? STEP_SCHEMAS[kinds[0]] : v.looseObject({});
}) as v.GenericSchema<unknown, object>;

const scenarioSchema = fields({
  ringside: v.literal(SCENARIO_VERSION),
  networks: v.optional(v.pipe(v.array(networkSchema), v.maxLength(MAX_NETWORKS)), []),
  machines: v.array(machineSchema),
  steps: v.optional(v.array(stepSchema), []),
});

export type ScenarioMachine = v.InferOutput<typeof machineSchema>;
export interface Scenario {
  networks: ScenarioNetwork[];
  machines: ScenarioMachine[];
  steps: ScenarioStep[];
}

/** Names of the snapshots of each machine that is there already, by the machine's name. */
export type StoredMachines = ReadonlyMap<string, readonly string[]>;
const NONE: StoredMachines = new Map();

export function parseScenario(source: string, stored = NONE): Checked<Scenario> {
  const parsed = parseJson(source);
  return parsed.type === "ok" ? checkScenario(parsed.value, stored) : parsed;
}

export function checkScenario(document: unknown, stored = NONE): Checked<Scenario> {
  const version = (document as { ringside?: unknown } | null)?.ringside;
  if (typeof version === "number" && version > SCENARIO_VERSION) {
    const reason = { key: "newer-version", found: version, supported: SCENARIO_VERSION } as const;
    return { type: "refused", problems: [{ path: "ringside", reason }] };
  }
  const checked = checkDocument(scenarioSchema, document);
  if (checked.type === "refused") return checked;
  const { networks, machines } = checked.value;
  const rawSteps = checked.value.steps;
  const problems = [
    ...networkProblems(networks),
    ...machineProblems(machines, networks),
    ...rawSteps.flatMap((step, i): Problem[] => {
      const found: string[] = kindsIn(step);
      return found.length === 1 ? [] : [{ path: `steps[${i}]`, reason: { key: "step-kinds", found } }];
    }),
  ];
  if (problems.length > 0) return { type: "refused", problems };
  const steps = rawSteps.map((step) => ({ ...step, type: kindsIn(step)[0] }) as ScenarioStep);
  const broken = stepProblems(steps, machines, networks, stored);
  if (broken.length > 0) return { type: "refused", problems: broken };
  return { type: "ok", value: { networks, machines, steps } };
}

function machineProblems(machines: ScenarioMachine[], networks: ScenarioNetwork[]): Problem[] {
  const problems: Problem[] = [];
  const names = new Map<string, string>();
  const macs = new Map<string, string>();
  const use = (seen: Map<string, string>, value: string, path: string, by: string) => {
    const first = seen.get(value.toLowerCase());
    if (first === undefined) seen.set(value.toLowerCase(), by);
    else problems.push({ path, reason: { key: "duplicate", value, first } });
  };
  for (const [i, machine] of machines.entries()) {
    const at = `machines[${i}]`;
    use(names, machine.name, `${at}.name`, at);
    for (const [j, nic] of machine.nics.entries()) {
      if (!networks.some(({ name }) => name === nic.network)) {
        problems.push({
          path: `${at}.nics[${j}].network`,
          reason: { key: "no-such-network", network: nic.network },
        });
      }
      if (nic.mac !== undefined) use(macs, nic.mac, `${at}.nics[${j}].mac`, `${at}.nics[${j}]`);
    }
    const ownDisk = typeof machine.image !== "string" && machine.image.disk !== undefined;
    if (machine.disks.length + (ownDisk ? 1 : 0) > MAX_DISKS) {
      problems.push({ path: `${at}.disks`, reason: { key: "too-many-disks", maximum: MAX_DISKS } });
    }
    const second = machine.disks.findIndex(
      ({ role }, j) => role === "system" && machine.disks.slice(0, j).some((disk) => disk.role === "system"),
    );
    if (second >= 0) {
      problems.push({ path: `${at}.disks[${second}].role`, reason: { key: "two-system-disks" } });
    }
  }
  return problems;
}

/** References of the steps, in their order: a clone exists from its step on, and so does a snapshot. */
function stepProblems(
  steps: ScenarioStep[],
  machines: ScenarioMachine[],
  networks: ScenarioNetwork[],
  stored: StoredMachines,
): Problem[] {
  const problems: Problem[] = [];
  const known = new Map(
    machines.map(({ name, nics }) => [
      name,
      { nics: nics.map((nic) => nic.network), snapshots: new Set(stored.get(name)) },
    ]),
  );
  const macs = new Map<string | undefined, string>(
    machines.flatMap(({ nics }, i) =>
      nics.map(({ mac }, j): [string | undefined, string] => [mac, `machines[${i}].nics[${j}]`]),
    ),
  );
  const machineAt = (path: string, machine: string) => {
    const found = known.get(machine);
    if (found === undefined) problems.push({ path, reason: { key: "no-such-machine", machine } });
    return found;
  };
  const snapshotAt = (path: string, machine: string, snapshot: string) => {
    if (known.get(machine)?.snapshots.has(snapshot) === false) {
      problems.push({ path, reason: { key: "no-such-snapshot", machine, snapshot } });
    }
  };
  for (const [i, step] of steps.entries()) {
    const at = `steps[${i}]`;
    switch (step.type) {
      case "run":
        machineAt(`${at}.on`, step.on);
        break;
      case "fault": {
        if (!("machine" in step.fault)) {
          const { network } = step.fault;
          const found = networks.find(({ name }) => name === network);
          const device = "device" in step.fault ? step.fault.device : undefined;
          const allowed = found === undefined ? [] : devicesOf(found);
          if (found === undefined)
            problems.push({ path: `${at}.fault.network`, reason: { key: "no-such-network", network } });
          else if (device !== undefined && !allowed.includes(device)) {
            const reason = { key: "not-one-of", allowed, found: quote(device) } as const;
            problems.push({ path: `${at}.fault.device`, reason });
          }
          break;
        }
        const { machine, network } = step.fault;
        if (machineAt(`${at}.fault.machine`, machine)?.nics.includes(network) === false) {
          problems.push({
            path: `${at}.fault.network`,
            reason: { key: "no-nic-on-network", machine, network },
          });
        }
        break;
      }
      case "power":
        machineAt(`${at}.power`, step.power);
        break;
      case "snapshot":
        machineAt(`${at}.snapshot`, step.snapshot)?.snapshots.add(step.name);
        break;
      case "clone": {
        const original = machineAt(`${at}.clone`, step.clone);
        if (step.snapshot !== undefined) snapshotAt(`${at}.snapshot`, step.clone, step.snapshot);
        for (const [j, mac] of (step.macs ?? []).entries()) {
          const first = macs.get(mac);
          if (first === undefined) macs.set(mac, at);
          else problems.push({ path: `${at}.macs[${j}]`, reason: { key: "duplicate", value: mac, first } });
        }
        if (original !== undefined && (step.macs?.length ?? 0) > original.nics.length) {
          const [maximum, found] = [original.nics.length, String(step.macs?.length)];
          problems.push({ path: `${at}.macs`, reason: { key: "too-many", maximum, found } });
        }
        if (known.has(step.as) || stored.has(step.as)) {
          problems.push({ path: `${at}.as`, reason: { key: "name-taken", name: step.as } });
        } else {
          known.set(step.as, { nics: original?.nics ?? [], snapshots: new Set() });
        }
        break;
      }
      case "revert":
        machineAt(`${at}.revert`, step.revert);
        snapshotAt(`${at}.to`, step.revert, step.to);
        break;
      default:
        step satisfies never;
    }
  }
  return problems;
}

/** The wizard's choices for a machine of the file. `medium` says where a path of the file leads. */
export function choicesOf(
  machine: ScenarioMachine,
  medium: (path: string) => MediumReference = (path) => ({ type: "file", path }),
): MachineChoices {
  const { image } = machine;
  return {
    ...machine,
    image: typeof image === "string" ? { type: "library", name: image } : own(image),
  };
  function own({ iso, disk, kernel, initrd, commandLine }: OwnImage): MachineImage {
    if (iso !== undefined) return { type: "iso", medium: medium(iso) };
    if (disk !== undefined) return { type: "disk", medium: medium(disk) };
    return {
      type: "kernel",
      kernel: medium(kernel ?? ""),
      ...(initrd === undefined ? {} : { initrd: medium(initrd) }),
      commandLine: commandLine ?? "",
    };
  }
}

/** A machine of the library as it stands in a file. A machine without an image of its own boots its disks: `none` has no form there. */
export function scenarioMachineOf(definition: MachineDefinition): ScenarioMachine {
  const { name, description, engine, memoryMiB, virtualization } = definition;
  return {
    name,
    ...(description === "" ? {} : { description }),
    image: scenarioImage(definition.image),
    engine,
    memoryMiB,
    ...(virtualization === undefined ? {} : { virtualization }),
    nics: definition.nics.flatMap(({ network, ...nic }) => (network === null ? [] : [{ network, ...nic }])),
    disks: definition.disks.map(({ name, role, sizeMiB }) =>
      role === undefined ? { name, sizeMiB } : { name, role, sizeMiB },
    ),
  };
}

const pathOf = (medium: MediumReference) => (medium.type === "file" ? medium.path : medium.name);

function scenarioImage(image: MachineImage): string | OwnImage {
  switch (image.type) {
    case "library":
      return image.name;
    case "iso":
      return { iso: pathOf(image.medium) };
    case "disk":
      return { disk: pathOf(image.medium) };
    case "kernel":
      return {
        kernel: pathOf(image.kernel),
        ...(image.initrd === undefined ? {} : { initrd: pathOf(image.initrd) }),
        ...(image.commandLine === "" ? {} : { commandLine: image.commandLine }),
      };
    case "none":
    case "floppy":
      throw new Error(`a machine started from ${image.type} has no form in a scenario file: ${quote(image)}`);
    default:
      return image satisfies never;
  }
}

/** The document that the page exports. */
export function scenarioDocument(
  networks: ScenarioNetwork[],
  machines: MachineDefinition[],
  steps: object[] = [],
): object {
  return { ringside: SCENARIO_VERSION, networks, machines: machines.map(scenarioMachineOf), steps };
}
