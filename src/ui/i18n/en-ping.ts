/** English texts of "Why did this ping fail?". */
import type { PingStep } from "../../hypervisor-model/network/explain-ping.ts";

export type PingTexts = { [T in PingStep["type"]]: (step: Extract<PingStep, { type: T }>) => string };

const step: PingTexts = {
  "name-resolved": ({ name, address, server }) => `asked ${server} for ${name}: ${address}.`,
  "no-name-server": ({ name }) =>
    `has no name server in /etc/resolv.conf, so nobody can be asked for ${name}.`,
  "unknown-name": ({ name }) => `knows no name ${name}.`,
  "name-server-unreachable": ({ name }) => `gets no answer from its name server, so ${name} stays unknown.`,
  "no-address": ({ interface: nic }) =>
    `has no address${nic ? ` on ${nic}` : ""}: set one, or ask for one by DHCP.`,
  "interface-down": ({ interface: nic }) =>
    `has its interface ${nic} down: bring it up (ip link set ${nic} up).`,
  "cable-out": ({ interface: nic }) => `has no cable on ${nic}, or its link is down.`,
  direct: ({ address, interface: nic }) => `finds ${address} in its own subnet and asks for it on ${nic}.`,
  "by-gateway": ({ address, gateway, interface: nic }) =>
    `sends what is for ${address} to the gateway ${gateway} on ${nic}.`,
  "no-route": ({ address }) => `has no route to ${address}: it needs a gateway.`,
  "gateway-not-in-subnet": ({ gateway, interface: nic }) =>
    `has the gateway ${gateway}, which is outside the subnet of ${nic}: gateway or prefix is wrong.`,
  "arp-unanswered": ({ address, network }) =>
    `gets no answer to “who has ${address}” on ${network}: nobody there has this address.`,
  "other-network": ({ address, network, owner, on }) =>
    `asks for ${address} on ${network}, but it belongs to ${owner} on ${on}: they are on different networks.`,
  "duplicate-address": ({ address, owners }) => `asks for ${address}, and more than one answer: ${owners}.`,
  "not-forwarding": ({ address }) =>
    `gets packets for ${address} but forwards nothing (net.ipv4.ip_forward is 0).`,
  translated: ({ address }) => `translates the source address and sends the packet on to ${address}.`,
  "unknown-host": ({ address }) => `finds no host ${address} behind it: the simulated Internet has none.`,
  "ping-ignored": () => "gets the ping and does not answer: a firewall or the kernel drops echo requests.",
  answers: ({ address }) => `has ${address} and answers.`,
  loop: () => "sees the packet again and again: the routes lead in a circle.",
};

export const ping = {
  title: "Why did this ping fail?",
  lead: "One ping is sent by the guest itself. Then the way is followed through the tables of guests, gateways and Internet to the first thing that is wrong.",
  from: "From",
  to: "To (address or name)",
  ask: "Ping and explain",
  busy: "Pinging, and asking the guests for their tables…",
  noSource: "No machine runs whose agent answers: power one on.",
  badTarget: "Type an IPv4 address or a name.",
  noAnswer: "The guest's agent did not answer. Try again when the guest is up.",
  answered: (from: string, to: string) => `${from} got an answer from ${to}.`,
  failed: (from: string, to: string) => `${from} got no answer from ${to}.`,
  way: "The way of the packet",
  cause: "here",
  faultyCables: (cables: string) =>
    `By the tables it should arrive. There are faults on the cables of ${cables}, which explain it.`,
  unexplained:
    "By the tables it should arrive. Capture on the way, or step through the network, to see where it stops.",
  contradiction:
    "It was answered all the same: another device may have this address, or the tables changed meanwhile.",
  silent: (machines: string) => `These machines did not tell their tables: ${machines}.`,
  step,
};
