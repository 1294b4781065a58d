/** English texts of "Why did this ping fail?". */
import type { PingStep } from "../../hypervisor-model/network/ping-step.ts";
import type { ProbeAnswer } from "../../hypervisor-model/network/probe.ts";

export type PingTexts = { [T in PingStep["type"]]: (step: Extract<PingStep, { type: T }>) => string };

export type ProbeTexts = {
  [T in ProbeAnswer["type"]]: (answer: Extract<ProbeAnswer, { type: T }>) => string;
};

const milliseconds = (time: number) => `${Math.round(time * 100) / 100} ms`;

const probe: ProbeTexts = {
  answered: ({ by, ttl, milliseconds: time }) => `Answer from ${by}: ttl=${ttl} time=${milliseconds(time)}`,
  unreachable: ({ by }) => `${by} says: destination unreachable.`,
  expired: ({ by }) => `${by} says: the time to live has run out.`,
  connected: ({ milliseconds: time }) => `Connected in ${milliseconds(time)}.`,
  refused: () => "The connection was refused.",
  silent: () => "No answer within 2 seconds.",
};

const lane = { in: "towards the switch", out: "from the switch" };

const step: PingTexts = {
  "name-resolved": ({ name, address, server }) => `asked ${server} for ${name}: ${address}.`,
  "no-name-server": ({ name }) =>
    `has no name server (in /etc/resolv.conf), so nobody can be asked for ${name}.`,
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
  "duplicate-address": ({ address, owners, believed }) =>
    `asks for ${address}, and more than one has it: ${owners}.${believed ? ` By its ARP table it believes ${believed}.` : ""}`,
  "duplicate-own": ({ address, owners }) =>
    `has ${address}, and is not the only one: ${owners}. The answer may go to the other.`,
  "other-vlan": ({ address, owner, vlan, other }) =>
    `asks for ${address} in VLAN ${vlan}, but ${owner}, who has it, is in VLAN ${other}.`,
  "no-router": ({ address }) => `gets packets for ${address} and drops them: it is no router.`,
  "rogue-gateway": ({ address }) =>
    `is a rogue DHCP server that named itself the gateway: what is for ${address} ends here.`,
  "behind-nat": ({ address, owner, network }) =>
    `cannot reach ${address} (${owner}): it is behind the NAT or on the private network ${network}. From outside nobody can begin: there is no NAT entry; only a port forward leads in.`,
  "cable-down": ({ cable }) => `the cable of ${cable} is not plugged in, or has no contact just now.`,
  "cable-loses": ({ cable, direction, percent }) =>
    `the fault on the cable of ${cable} loses ${percent}% of the frames ${lane[direction]}.`,
  "cable-corrupts": ({ cable, direction, percent }) =>
    `the fault on the cable of ${cable} flips a bit in ${percent}% of the frames ${lane[direction]}, and the receiver drops them.`,
  "cable-delays": ({ cable, direction, milliseconds: time }) =>
    `the fault on the cable of ${cable} delays frames ${lane[direction]} by ${time} ms: ping does not wait so long.`,
  "cable-faulty": ({ cable, direction }) =>
    `faults on the cable of ${cable} spoil some of the frames ${lane[direction]}.`,
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
  lead: "One ping is sent, by the guest itself or by a simulated device. Then the way is followed through cables and the tables of guests, gateways and Internet to the first thing that is wrong.",
  guests: "Machines that run",
  devices: "Simulated devices",
  hosts: "Hosts of the simulated Internet",
  notSent: "Nothing was sent: the name has no address.",
  probe,
  from: "From",
  to: "To (address or name)",
  ask: "Ping and explain",
  busy: "Pinging, and asking the guests for their tables…",
  noSource: "The networks are not there yet.",
  badTarget: "Type an IPv4 address or a name.",
  noAnswer: "The guest's agent did not answer. Try again when the guest is up.",
  answered: (from: string, to: string) => `${from} got an answer from ${to}.`,
  failed: (from: string, to: string) => `${from} got no answer from ${to}.`,
  way: "The way of the packet",
  cause: "here",
  faultyCables: (cables: string) =>
    `By the tables it should arrive. The faults on the cables of ${cables} explain it.`,
  unexplained:
    "By the tables it should arrive. Capture on the way, or step through the network, to see where it stops.",
  contradiction:
    "It was answered all the same: another device may have this address, or the tables changed meanwhile.",
  silent: (machines: string) => `These machines did not tell their tables: ${machines}.`,
  step,
};
