/** The terminal as the guest's console. */
import type { EndReason, RunningMachine } from "../hypervisor-model/virtual-machines/running-machine.ts";

/** Ctrl+], as in telnet. */
const WAY_OUT = 0x1d;

/** Resolves with the exit status when the machine has ended or the user has left. */
export async function attachTerminal(machine: RunningMachine): Promise<number> {
  const { stdin, stdout, stderr } = process;
  stdout.write(machine.console.scrollback());
  machine.console.onOutput((bytes) => void stdout.write(bytes));
  const resize = () => machine.console.resize(stdout.columns, stdout.rows);
  if (stdout.isTTY) {
    resize();
    stdout.on("resize", resize);
  }
  if (stdin.isTTY) {
    stderr.write("Ctrl+] ends the machine.\r\n");
    stdin.setRawMode(true);
  }
  const left = new Promise<"left">((resolve) => {
    stdin.on("data", (bytes: Buffer) => {
      const out = stdin.isTTY ? bytes.indexOf(WAY_OUT) : -1;
      machine.console.write(new Uint8Array(out < 0 ? bytes : bytes.subarray(0, out)));
      if (out >= 0) resolve("left");
    });
  });
  const end = await Promise.race([machine.ended, left]);
  if (stdin.isTTY) stdin.setRawMode(false);
  stdin.pause();
  if (end === "left" || end.type === "halted" || end.type === "power-off") return 0;
  stderr.write(`${endSentence(end)}\n`);
  return 1;
}

/** Why a machine ended that was not told to. */
export function endSentence(end: EndReason): string {
  switch (end.type) {
    case "panicked":
      return `the guest's kernel gave up: ${end.line}`;
    case "no-kernel":
      return `the machine was reset, and its kernel could not be loaded: ${end.error.message}`;
    case "crashed":
      return `the engine failed and the machine was ended: ${end.detail.split("\n")[0]}`;
    case "halted":
      return "the guest shut itself down";
    case "suspended":
    case "power-off":
      return `the machine has ended (${end.type})`;
    default:
      return end satisfies never;
  }
}
