/** The command line's front door: which command, its help, and the exit status. */
import { kernelProblem } from "../emulator/kernel-image.ts";
import { bench, BENCH_HELP } from "./bench.ts";
import { boot, BOOT_HELP } from "./boot.ts";
import { compare, COMPARE_HELP } from "./compare.ts";
import { cpuTest, CPU_TEST_HELP } from "./cpu-test.ts";
import { lab, LAB_HELP } from "./lab.ts";
import { predictCommand, PREDICT_HELP } from "./predict.ts";
import { rom, ROM_HELP } from "./rom.ts";
import { run, RUN_HELP } from "./run.ts";

/** Nothing was started because the request itself is wrong. */
const REFUSED = 2;

const COMMANDS: Record<string, { run: (argv: string[]) => Promise<number>; help: string }> = {
  boot: { run: boot, help: BOOT_HELP },
  run: { run, help: RUN_HELP },
  "cpu-test": { run: cpuTest, help: CPU_TEST_HELP },
  rom: { run: rom, help: ROM_HELP },
  compare: { run: compare, help: COMPARE_HELP },
  predict: { run: predictCommand, help: PREDICT_HELP },
  lab: { run: lab, help: LAB_HELP },
  bench: { run: bench, help: BENCH_HELP },
};

const HELP = `ringside: real guests, and what the hypervisor under them does, without a browser

${Object.values(COMMANDS)
  .map(({ help }) => `  ${help.split("\n")[0]}`)
  .join("\n")}

ringside COMMAND --help says more about one command.
`;

/** Told by name: what a machine's thread throws arrives without its class. */
const REFUSALS = ["UsageError", "BadDefinitionError", "TooLittleMemoryError", "StorageUnavailableError"];
const isRefusal = (error: unknown) =>
  error instanceof Error && (REFUSALS.includes(error.name) || kernelProblem(error.name) !== undefined);

async function main(argv: string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(HELP);
    return name === undefined ? REFUSED : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    process.stderr.write(`ringside: no command "${name}"; ringside --help lists them\n`);
    return REFUSED;
  }
  if (rest.includes("--help")) {
    process.stdout.write(command.help);
    return 0;
  }
  try {
    return await command.run(rest);
  } catch (error) {
    process.stderr.write(`ringside ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    return isRefusal(error) ? REFUSED : 1;
  }
}

// A reader that has gone, as in `ringside … | head -1`: end as a program ended by SIGPIPE does, without a word.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 141 : 1));

const status = await main(process.argv.slice(2));
// Writes to a pipe are asynchronous: leave only when both streams have taken everything.
await Promise.all(
  [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((done) => stream.write("", () => done())),
  ),
);
process.exit(status);
