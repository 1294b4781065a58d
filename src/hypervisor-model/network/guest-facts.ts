/**
 * What "Why did this ping fail?" has to know of a guest besides its adapters: one command that the agent runs in it, and
 * what its output says. The output is the guest's and may be anything.
 */
import type { GuestRoute } from "./laboratory-state.ts";

export interface GuestFacts {
  routes: GuestRoute[];
  nameServers: string[];
  /** net.ipv4.ip_forward */
  forwards: boolean;
  /** By net.ipv4.icmp_echo_ignore_all, or by what iptables' INPUT chain says of echo requests. */
  ignoresPing: boolean;
  /** Its ARP table: who has which address, as far as it knows. */
  neighbours: { address: string; mac: string }[];
}

const SEPARATOR = "==ringside==";
const MAX_LINES = 1000;

export const GUEST_FACTS_COMMAND = [
  "ip -4 route",
  "cat /etc/resolv.conf",
  "cat /proc/sys/net/ipv4/ip_forward",
  "cat /proc/sys/net/ipv4/icmp_echo_ignore_all",
  "iptables -S INPUT",
  "ip -4 neigh",
].join(` 2>/dev/null; echo ${SEPARATOR}; `);

export function parseGuestFacts(output: string): GuestFacts {
  const parts = output.split(SEPARATOR).map((part) => part.split("\n", MAX_LINES).map((line) => line.trim()));
  const [routes = [], resolver = [], forward = [], ignore = [], input = [], neighbours = []] = parts;
  return {
    routes: routes.flatMap(readRoute),
    nameServers: resolver.flatMap((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? []),
    forwards: forward.includes("1"),
    ignoresPing: ignore.includes("1") || dropsEcho(input),
    neighbours: neighbours.flatMap((line) => {
      const [, address, mac] = /^(\S+) dev \S+ lladdr (\S+)/.exec(line) ?? [];
      return address === undefined ? [] : [{ address, mac }];
    }),
  };
}

/** `default via 192.168.10.2 dev ens33`, `192.168.56.0/24 via 192.168.10.3 dev ens33`. Those on a link follow from addresses. */
function readRoute(line: string): GuestRoute[] {
  const words = line.split(/\s+/);
  const after = (word: string) => {
    const at = words.indexOf(word);
    return at < 0 ? undefined : words[at + 1];
  };
  const device = after("dev");
  if (device === undefined || words[0] === "" || after("proto") === "kernel") return [];
  const to = words[0].includes("/") || words[0] === "default" ? words[0] : `${words[0]}/32`;
  const via = after("via");
  return [via === undefined ? { to, device } : { to, via, device }];
}

/** The first rule that every echo request matches decides, else the policy (iptables(8)). */
function dropsEcho(rules: readonly string[]): boolean {
  let policy = "ACCEPT";
  for (const rule of rules) {
    if (rule.startsWith("-P INPUT ")) policy = rule.slice("-P INPUT ".length);
    const match =
      /^-A INPUT(?: -p icmp)?(?: -m icmp)?(?: --icmp-type (?:8|any))? -j (ACCEPT|DROP|REJECT)\b/.exec(rule);
    if (match) return match[1] !== "ACCEPT";
  }
  return policy === "DROP";
}
