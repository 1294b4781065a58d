/** English texts of the step mode: a sentence for each decision of a device. */
import type { Decision } from "../../hypervisor-model/network/decision.ts";

type Of<T extends Decision["type"]> = Extract<Decision, { type: T }>;
export type DecisionTexts = { [T in Decision["type"]]: (decision: Of<T>) => string };

const switchDrop = {
  malformed: "it is malformed",
  "same-port": "its destination is behind the port it came from",
  vlan: "the port does not belong to its VLAN",
  storm: "too many broadcasts come from that port",
  "reserved-address": "switches do not forward this reserved address",
  "too-long": "it is too long",
};
const linkDrop = {
  down: "the link is down",
  lost: "the cable's fault lost it",
  "queue-full": "the queue is full",
};
const linkChange = {
  corrupted: "flipped a bit of the frame",
  duplicated: "sent the frame twice",
  reordered: "held the frame back behind others",
};
const natDrop = {
  malformed: "it is malformed",
  "no-entry": "no translation and no port forward belongs to it",
  "entry-expired": "its translation has expired",
  "table-full": "the translation table is full",
  "no-port": "no port is free",
  "ttl-expired": "its time to live has run out",
  fragment: "it is a fragment whose beginning is missing",
  protocol: "the protocol cannot be translated",
  "not-inside": "its source is not of the inner network",
};
const hostDrop: Record<string, string> = {
  "other-mac": "it is for another MAC address",
  "arp-for-another": "the question is for another address",
  "not-for-me": "it is for another IP address",
  "echo-ignored": "it does not answer pings",
  "udp-closed-port": "no service listens at that UDP port",
  "tcp-closed-port": "no service listens at that TCP port",
  "tcp-too-many": "it has too many connections",
  "not-understood": "it does not know this kind of frame",
  "arp-queue-full": "too many packets wait for ARP",
  protocol: "it does not know this protocol",
};
const routeDrop = {
  "no-route": "it has no gateway, and the address is not of its own subnet",
  lost: "it was lost on the way",
  "unknown-host": "no such host is on the Internet",
};
const dhcpRefusal = {
  exhausted: "no address is free",
  "wrong-address": "the address is not of this range",
  "no-lease": "somebody else has the address",
  "lease-expired": "its lease has expired and somebody else has the address",
};
const dnsFailure = {
  "no-such-name": "there is no such name",
  "no-such-type": "the name has no such record",
  loop: "the names lead in a circle",
};
const flooding = {
  broadcast: "it is a broadcast",
  multicast: "it is a multicast",
  unknown: "it has not learned where that address is",
};

const decision: DecisionTexts = {
  "switch-learned": ({ mac, port }) => `learned that ${mac} is behind port ${port}.`,
  "switch-moved": ({ mac, from, port }) => `${mac} has moved from port ${from} to port ${port}.`,
  "switch-forwarded": ({ mac, port }) => `forwarded it to port ${port}, where it has learned ${mac}.`,
  "switch-flooded": ({ mac, reason }) =>
    `flooded the frame to ${mac} to all other ports: ${flooding[reason]}.`,
  "switch-dropped": ({ reason }) => `dropped it: ${switchDrop[reason]}.`,
  "link-dropped": ({ reason }) => `the cable dropped it: ${linkDrop[reason]}.`,
  "link-changed": ({ what }) => `the cable ${linkChange[what]}.`,
  "nic-received": () => "the network card has handed it to the guest.",
  "arp-asked": ({ address }) => `asks by ARP who has ${address}.`,
  "arp-answered": ({ address, mac }) => `answered that ${address} is at ${mac}.`,
  "arp-unanswered": ({ address }) => `nobody has answered for ${address}: what waited for it is dropped.`,
  "arp-learned": ({ address, mac }) => `noted that ${address} is at ${mac}.`,
  "arp-conflict": ({ address, mac, other }) => `both ${mac} and ${other} say they have ${address}.`,
  "host-dropped": ({ reason }) => `dropped it: ${hostDrop[reason] ?? reason}.`,
  "host-answered": ({ protocol, to }) => `answered ${to} (${protocol}).`,
  "host-received": ({ protocol, from, port }) =>
    `received it from ${from}${port > 0 ? `, ${protocol.toUpperCase()} port ${port}` : ""}.`,
  "nat-created": ({ protocol, inside, outside, remote }) =>
    `made a translation: ${protocol} ${inside} goes out as ${outside} to ${remote}.`,
  "nat-expired": ({ protocol, inside, outside }) =>
    `the translation of ${protocol} ${inside} as ${outside} has expired.`,
  "nat-translated": ({ direction, protocol, from, to }) =>
    `translated the ${direction === "out" ? "source" : "destination"} (${protocol}) from ${from} to ${to}.`,
  "nat-dropped": ({ reason }) => `dropped it: ${natDrop[reason]}.`,
  "route-forwarded": ({ destination, hops, milliseconds }) =>
    `sent it to ${destination} over ${hops} routers; it takes ${Math.round(milliseconds * 10) / 10} ms.`,
  "route-expired": ({ router, destination }) =>
    `its time to live ran out at ${router} on the way to ${destination}.`,
  "route-dropped": ({ reason, destination }) =>
    `dropped it on the way to ${destination}: ${routeDrop[reason]}.`,
  "dhcp-offered": ({ mac, address }) => `offered ${address} to ${mac}.`,
  "dhcp-leased": ({ mac, address }) => `leased ${address} to ${mac}.`,
  "dhcp-renewed": ({ mac, address }) => `renewed the lease of ${address} to ${mac}.`,
  "dhcp-released": ({ mac, address }) => `${mac} has given ${address} back.`,
  "dhcp-declined": ({ mac, address }) => `${mac} declined ${address}: it is in use already.`,
  "dhcp-refused": ({ mac, reason }) => `refused ${mac}: ${dhcpRefusal[reason]}.`,
  "dns-answered": ({ name, addresses }) => `answered that ${name} is ${addresses}.`,
  "dns-failed": ({ name, reason }) => `could not answer for ${name}: ${dnsFailure[reason]}.`,
};

export const steps = {
  title: "Live or step by step",
  live: "Live",
  step: "Step",
  back: "Back",
  play: "Play",
  pause: "Pause",
  forward: "Forward",
  speed: "Speed",
  perSecond: (n: string) => `${n} frames/s`,
  notHeld: "The network is live: switch to “Step” first.",
  atBeginning: "There is nothing before this.",
  isPlaying: "It is playing: pause it first.",
  busy: "Waiting for the next frame…",
  nothing: "No frame was on its way for a second.",
  running: "The network is live.",
  count: (at: string, of: string) => `Frame ${at} of ${of}`,
  begin: (network: string) =>
    `“Step” holds ${network} and lets its frames through one by one. Its machines stand still meanwhile, so nothing times out.`,
  ready: (network: string) =>
    `${network} is held and its machines stand still. “Forward” lets the next frame through.`,
  list: "Frames so far",
  time: "Time (s)",
  frame: "Frame",
  decided: "What happened",
  noFrame: "A timer of the network",
  noDecision: "Nothing on this network had to decide about it.",
  decision,
};
