/** Snapshots, reverts and clones of a real guest, as steps of scenarios that the real command plays. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ringside-snapshots-"));
afterAll(() => rmSync(folder, { recursive: true }));

const networks = [{ name: "vmnet8", kind: "nat", subnet: "192.168.10.0/24", gateway: "192.168.10.2" }];
const a = {
  name: "a",
  nics: [{ network: "vmnet8" }],
  disks: [{ name: "system", role: "system", sizeMiB: 64 }],
};

/** The answer of each step: "ok" or its error. */
function play(name: string, steps: object[], { machines = [a] as object[], store = name } = {}) {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify({ ringside: 1, networks, machines, steps }));
  const argv = [join(root, "src/cli/ringside.mjs"), "run", file, "--json", "--store", join(folder, store)];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, {
    encoding: "utf8",
    timeout: 110_000,
  });
  const answer = JSON.parse(stdout || "{}") as { steps?: { ok: boolean; error: string; output: string }[] };
  return {
    status,
    stderr,
    answers: answer.steps?.map(({ ok, error }) => (ok ? "ok" : error)),
    outputs: answer.steps?.map(({ output }) => output),
  };
}

const run = (command: string, output?: string, on = "a") => ({
  on,
  run: command,
  expect: { exit: 0, ...(output === undefined ? {} : { output }) },
});

test("memory and disk go back together, into a running, a suspended and a powered-off machine, and the tree is there in the next run", () => {
  const look = "cat /root/mark /run/mark";
  const first = play(
    "tree",
    [
      run("echo disk one > /root/mark; sync; echo memory one > /run/mark"),
      { snapshot: "a", name: "live", memory: true },
      run("echo disk two > /root/mark; sync; echo memory two > /run/mark"),
      { revert: "a", to: "live" },
      run(look, "disk one\nmemory one"),
      { power: "a", to: "suspend" },
      { snapshot: "a", name: "suspended", memory: true },
      { power: "a", to: "resume" },
      run("echo disk three > /root/mark; sync"),
      { power: "a", to: "shutdown" },
      { snapshot: "a", name: "clean" },
      { revert: "a", to: "live" },
      run(look, "disk one\nmemory one"),
      { revert: "a", to: "suspended" },
      { power: "a", to: "resume" },
      run(look, "disk one\nmemory one"),
      { revert: "a", to: "clean" },
    ],
    { store: "tree" },
  );
  expect(first.answers).toEqual(Array(17).fill("ok"));
  const second = play(
    "again",
    [
      run("cat /root/mark", "disk three"),
      { revert: "a", to: "live" },
      run(look, "disk one\nmemory one"),
      { snapshot: "a", name: "crash", memory: false },
      { revert: "a", to: "crash" },
      { on: "a", run: "true" },
    ],
    { store: "tree" },
  );
  expect(second.answers).toEqual([...Array(5).fill("ok"), "a is not running"]);
});

test("a ping in the guest goes on after a revert to a running snapshot", () => {
  const { answers } = play("ping", [
    run("ip addr add 192.168.10.130/24 dev ens33 && ip link set ens33 up"),
    run("ping 192.168.10.2 > /run/ping 2>&1 & sleep 3; grep -c ttl /run/ping"),
    { snapshot: "a", name: "pinging", memory: true },
    run("sleep 1; killall ping; echo gone > /run/ping"),
    { revert: "a", to: "pinging" },
    run("grep -c ttl /run/ping > /run/before; pidof ping"),
    run("sleep 3; test $(grep -c ttl /run/ping) -ge $(($(cat /run/before) + 2))"),
    run("killall -INT ping; sleep 1; tail -n 3 /run/ping", " 0% packet loss"),
  ]);
  expect(answers).toEqual(Array(8).fill("ok"));
});

test("clones start off, with their own names, addresses and disks, and reach each other", () => {
  const address = (n: number) => `ip addr add 192.168.10.${n}/24 dev ens33 && ip link set ens33 up`;
  const { answers, outputs } = play("clones", [
    run("echo original > /root/mark; sync"),
    { power: "a", to: "off" },
    { snapshot: "a", name: "clean" },
    { clone: "a", snapshot: "clean", as: "b" },
    { clone: "a", snapshot: "clean", kind: "full", as: "c", macs: ["00:0c:29:00:00:0c"] },
    { on: "b", run: "true" },
    { power: "b", to: "on" },
    { power: "c", to: "on" },
    run("cat /root/mark; hostname", "original\nb", "b"),
    run("echo own > /root/mark; sync; hostname", "c", "c"),
    run("cat /root/mark", "original", "b"),
    run("cat /sys/class/net/ens33/address", undefined, "b"),
    run("cat /sys/class/net/ens33/address", "00:0c:29:00:00:0c", "c"),
    run(address(131), undefined, "b"),
    run(address(132), undefined, "c"),
    run("ping -c 2 192.168.10.132", " 0% packet loss", "b"),
  ]);
  expect(answers).toEqual([...Array(5).fill("ok"), "b is not running", ...Array(10).fill("ok")]);
  expect(outputs![11].trim()).not.toBe("00:0c:29:00:00:0c");
});
