/** One run of bare v86 in a thread of its own: the clock starts when the thread does its first work. */
import { parentPort, workerData } from "node:worker_threads";
import { BareMachine, type BareImage } from "./bare-v86.ts";

export interface BareJob {
  image: BareImage;
  /** Starts from this state instead of booting. */
  state?: ArrayBuffer;
  /** A command to time three times. */
  hash?: string;
  /** Gives the state at the shell prompt back. */
  save?: boolean;
  /** Saves and restores the state at the shell prompt this many times. */
  states?: number;
  /** Commands to be timed together three times, after what prepares them. */
  disk?: { before: string; command: string };
}

export interface BareTimes {
  /** Seconds to the prompt, or to the restored state. */
  ready: number;
  /** Seconds to the answer of one command. */
  command: number;
  hash: number[];
  state?: ArrayBuffer;
  /** Seconds of v86's own save_state and restore_state, from running to running. */
  saves: number[];
  restores: number[];
  stateBytes: number;
  disk: number[];
}

/** A prompt on COM1, of a shell or of the login. */
const PROMPT = new RegExp(String.raw`(login: |[#$] (${String.fromCharCode(27)}\[6n)?)$`);

const { image, state, hash, save, states = 0, disk } = workerData as BareJob;
const from = performance.now();
const passed = () => (performance.now() - from) / 1000;
const machine = await BareMachine.create(image);
if (state !== undefined) await machine.restore(state);
machine.run();
if (state === undefined) await machine.expect(PROMPT);
const ready = passed();
if (state === undefined) {
  // At a shell prompt `root` is merely an unknown command.
  machine.type("root\n");
  await machine.expect(PROMPT);
}
await machine.command("true");
const times: BareTimes = {
  ready,
  command: passed(),
  hash: [],
  saves: [],
  restores: [],
  stateBytes: 0,
  disk: [],
};
for (let lap = 0; lap < (hash === undefined ? 0 : 3); lap++) {
  const start = performance.now();
  await machine.command(hash!);
  times.hash.push((performance.now() - start) / 1000);
}
for (let lap = 0; lap < states; lap++) {
  let start = performance.now();
  const own = await machine.save();
  machine.run();
  times.saves.push((performance.now() - start) / 1000);
  times.stateBytes = own.byteLength;
  await machine.command("true");
  start = performance.now();
  await machine.stop();
  await machine.restore(own);
  machine.run();
  times.restores.push((performance.now() - start) / 1000);
  await machine.command("true");
}
if (disk !== undefined) {
  await machine.command(disk.before);
  for (let lap = 0; lap < 3; lap++) {
    const start = performance.now();
    await machine.command(disk.command);
    times.disk.push((performance.now() - start) / 1000);
  }
}
if (save) times.state = await machine.save();
parentPort!.postMessage(times);
