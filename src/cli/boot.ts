/** `ringside boot`: one guest, commands through its agent or the terminal on its console. */
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { VIRTUALIZATION, type EngineName } from "../emulator/machine.ts";
import { describeTripleFault, type TripleFault } from "../emulator/triple-fault.ts";
import type { MachineChoices, MachineImage } from "../hypervisor-model/virtual-machines/definition.ts";
import { isMultiboot, machineSpecOf } from "../hypervisor-model/virtual-machines/machine-spec.ts";
import { startMachine, type RunningMachine } from "../hypervisor-model/virtual-machines/running-machine.ts";
import { attachTerminal, endSentence } from "./console-terminal.ts";
import {
  checkBudget,
  checkImageName,
  fileProblem,
  openLaboratory,
  readMedium,
  type Laboratory,
} from "./laboratory.ts";
import { runMultibootKernel } from "./multiboot-kernel.ts";
import { readOptions, UsageError, wholeNumber } from "./options.ts";

export const BOOT_HELP = `ringside boot [--image tiny] [--engine v86|core] [--memory 64] [--exec CMD]… [--json]    boot one guest

  --exec CMD      run CMD in the guest (sh -c), print its output, end with its status; may be repeated:
                  all run, and the first status that is not 0 is the end's
  --json          one JSON document instead: {"ok", "startedBy", "commands": [{"command", "exit", "stdout", "stderr"}]}
  --kernel FILE   a Linux or Multiboot kernel instead of an image, with --initrd FILE and --append TEXT
  --store DIR     keep the machine and its disks in DIR: the next boot finds them as they were left
  --cold          firmware and kernel from the start, not the image's saved state
  --virtualization not-offered|locked|on|nested-paging   hardware virtualization of a core machine (on)
  --engine core   our own processor and board in TypeScript instead of v86: slower, and the same every time

A Multiboot kernel on the core has no firmware: COM1 goes to standard output, and N written to port F4h ends it with the
status (N << 1) | 1. A triple fault ends a guest on the core with status 1 and says what it came from. Without --exec the terminal is the guest's console; Ctrl+] ends the machine.
`;

const OPTIONS = {
  image: { type: "string" },
  engine: { type: "string" },
  memory: { type: "string" },
  virtualization: { type: "string" },
  exec: { type: "string", multiple: true },
  json: { type: "boolean" },
  kernel: { type: "string" },
  initrd: { type: "string" },
  append: { type: "string" },
  store: { type: "string" },
  cold: { type: "boolean" },
} as const;

export async function boot(argv: string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, OPTIONS);
  if (positionals.length > 0) throw new UsageError(`"${positionals[0]}" is not an option`);
  const engine = (values.engine ?? "v86") as EngineName;
  if (engine !== "v86" && engine !== "core") {
    throw new UsageError(`--engine: expected v86 or core, found "${engine as string}"`);
  }
  const virtualization = VIRTUALIZATION.find((setting) => setting === values.virtualization);
  if (values.virtualization !== undefined) {
    if (virtualization === undefined) {
      const found = values.virtualization;
      throw new UsageError(`--virtualization: expected ${VIRTUALIZATION.join(", ")}, found "${found}"`);
    }
    if (engine !== "core") throw new UsageError("--virtualization goes with --engine core");
  }
  const commands = values.exec ?? [];
  if (values.json === true && commands.length === 0) throw new UsageError("--json needs --exec");
  if (values.kernel === undefined && (values.initrd ?? values.append) !== undefined) {
    throw new UsageError("--initrd and --append go with --kernel");
  }
  for (const file of [values.kernel, values.initrd]) {
    const problem = file === undefined ? undefined : fileProblem(file);
    if (problem !== undefined) throw new UsageError(problem);
  }
  if (
    engine === "core" &&
    values.kernel !== undefined &&
    values.initrd === undefined &&
    commands.length === 0
  ) {
    const kernel = new Uint8Array(await readFile(values.kernel));
    if (isMultiboot(kernel)) {
      const { line, status } = await runMultibootKernel(
        kernel,
        values.append ?? "",
        wholeNumber("memory", values.memory),
      );
      process.stderr.write(`${line}\n`);
      return status;
    }
  }
  const image = imageOf(values);
  const name = image.type === "library" ? image.name : "kernel";
  const memoryMiB = wholeNumber("memory", values.memory);
  if (image.type === "library") checkImageName(image.name);
  const laboratory = await openLaboratory(values.store);
  try {
    const choices: MachineChoices = {
      name,
      engine,
      image,
      memoryMiB,
      ...(virtualization === undefined ? {} : { virtualization }),
      ...(image.type === "kernel" ? { disks: [], nics: [] } : {}),
    };
    if (commands.length > 0) await checkAgent(image, laboratory);
    const { library } = laboratory;
    let definition = library.findByName(name) ?? (await library.create(choices));
    if (memoryMiB !== undefined && definition.memoryMiB !== memoryMiB) {
      await library.update(definition.id, { memoryMiB });
    }
    if (values.engine !== undefined && definition.engine !== engine) {
      await library.update(definition.id, { engine });
    }
    if (virtualization !== undefined && definition.virtualization !== virtualization) {
      await library.update(definition.id, { virtualization });
    }
    if (image.type === "kernel") await library.update(definition.id, { image });
    definition = library.find(definition.id)!;
    checkBudget([definition.memoryMiB]);
    const spec = await machineSpecOf(definition, readMedium);
    await library.claim(definition.id);
    const machine = startMachine(spec, laboratory.host, { mode: values.cold === true ? "cold" : "warm" });
    machine.ready.catch(() => undefined);
    const shutDown = new Promise<TripleFault>((resolve) => void machine.onTripleFault(resolve));
    try {
      const work = async () => {
        await machine.started;
        if (commands.length === 0) return attachTerminal(machine);
        return runCommands(machine, commands, values.json === true).catch((error: unknown) => {
          throw endOr(machine, error);
        });
      };
      const end = await Promise.race([work(), shutDown]);
      if (typeof end === "number") return end;
      process.stderr.write(`${describeTripleFault(end)}\n`);
      return 1;
    } finally {
      await machine.powerOff().catch(() => undefined);
      await library.release(definition.id, "off");
    }
  } finally {
    await laboratory.close();
  }
}

/** Refuses commands for a guest that cannot be asked to run them. */
async function checkAgent(image: MachineImage, { host }: Laboratory): Promise<void> {
  if (image.type === "library") {
    const { agent, files } = await host.images.manifest(image.name);
    if (!agent || !files.some(({ role }) => role === "kernel"))
      throw new UsageError(`--exec needs a guest with Ringside's agent; ${image.name} has none`);
  } else if (image.type === "kernel" && !image.commandLine.split(" ").includes("ringside.wait")) {
    throw new UsageError(
      "--exec needs a guest with Ringside's agent; for a kernel that has it put ringside.wait into --append",
    );
  }
}

function imageOf(values: {
  image?: string;
  kernel?: string;
  initrd?: string;
  append?: string;
}): MachineImage {
  const { kernel, initrd, append } = values;
  if (kernel === undefined) return { type: "library", name: values.image ?? "tiny" };
  if (values.image !== undefined) throw new UsageError("give --image or --kernel, not both");
  return {
    type: "kernel",
    kernel: { type: "file", path: kernel },
    ...(initrd === undefined ? {} : { initrd: { type: "file", path: initrd } as const }),
    commandLine: append ?? "console=ttyS0",
  };
}

async function runCommands(machine: RunningMachine, commands: string[], json: boolean): Promise<number> {
  await machine.ready;
  const results: { command: string; exit: number; stdout: string; stderr: string }[] = [];
  let status = 0;
  for (const command of commands) {
    const { exit, stdout, stderr } = await machine.agent.run(command, {
      onOutput: json
        ? undefined
        : (stream, bytes) => void (stream === "stdout" ? process.stdout : process.stderr).write(bytes),
    });
    const decoder = new TextDecoder();
    results.push({ command, exit, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) });
    if (status === 0) status = exit;
    if (await guestLeaves(machine, exit)) {
      process.stderr.write(`the guest shut down or restarted while it ran: ${command}\n`);
      break;
    }
  }
  if (json) {
    const { startedBy } = machine;
    process.stdout.write(`${JSON.stringify({ ok: status === 0, startedBy, commands: results })}\n`);
  }
  return status;
}

/** An error of a machine that has ended is told by why it ended. */
function endOr({ status }: RunningMachine, error: unknown): unknown {
  return status.type === "ended" ? new Error(endSentence(status.reason)) : error;
}

/** Status of a command that was ended by SIGTERM, as init ends everything before it powers off or restarts. */
const TERMINATED = 143;
const SHUT_DOWN_MS = 20_000;

/** Whether the command was cut off by the guest's own shut-down or restart; waits for that to show. */
async function guestLeaves(machine: RunningMachine, exit: number): Promise<boolean> {
  if (exit !== TERMINATED) return false;
  const boot = machine.agent.status?.bootId;
  const restarted = new Promise<true>((resolve) => {
    machine.agent.onStatus(({ bootId }) => bootId !== boot && resolve(true));
  });
  const ended = machine.ended.then(() => true);
  return Promise.race([ended, restarted, setTimeout(SHUT_DOWN_MS, false, { ref: false })]);
}
