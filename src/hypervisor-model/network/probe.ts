/**
 * Questions that a simulated host asks on a network: a ping or a TCP connection, from the host's adapter or another device
 * on the network, from the outside of its gateway (for port forwards), or from a host of the Internet. Times are the network's: on a held network an answer waits too.
 */
import type { IpHost } from "./ip-host.ts";
import type { Network } from "./network.ts";
import { read16 } from "./wire/byte-order.ts";
import type { IcmpMessage } from "./wire/icmp.ts";
import { formatAddress, parseAddress } from "./wire/ipv4-address.ts";
import type { Ipv4Packet } from "./wire/ipv4.ts";

export type Probe =
  | { type: "ping"; to: string; ttl?: number }
  /** Connects, sends `send` and listens until the other side ends or the time is over. */
  | { type: "tcp"; to: string; port: number; send?: string };

export type ProbeAnswer =
  | { type: "answered"; by: string; ttl: number; milliseconds: number }
  | { type: "unreachable" | "expired"; by: string; code: number; milliseconds: number }
  | { type: "connected"; received: string; milliseconds: number }
  | { type: "refused"; milliseconds: number }
  | { type: "silent" };

/** `adapter`: the host's adapter on the network; `outside`: the host as the gateway's outside sees it. */
export type ProbeFrom = "adapter" | "outside" | { device: string } | { internet: string };

export class ProbeError extends Error {
  override name = "ProbeError";
}

const MAX_RECEIVED = 65_536;

type IcmpListener = (message: IcmpMessage, packet: Ipv4Packet) => void;
const listeners = new WeakMap<IpHost, Map<number, IcmpListener>>();
let nextIdentifier = 1;

/** Calls `done` once. Throws `ProbeError` when the network has no such adapter or the address is none. */
export function sendProbe(
  network: Network,
  from: ProbeFrom,
  probe: Probe,
  timeoutMs: number,
  done: (answer: ProbeAnswer) => void,
): void {
  const host = proberOf(network, from);
  const to = parseAddress(probe.to);
  if (to === undefined) throw new ProbeError(`"${probe.to}" is not an IPv4 address`);
  if (probe.type === "ping") ping(network, host, to, probe.ttl, timeoutMs, done);
  else connect(network, host, to, probe, timeoutMs, done);
}

function proberOf(network: Network, from: ProbeFrom): IpHost {
  const [host, name] =
    from === "adapter"
      ? [network.hostAdapter?.host, "host adapter"]
      : from === "outside"
        ? [network.outsideHost, "gateway to the outside"]
        : "device" in from
          ? [network.devices.find((device) => device.name === from.device)?.host, `device "${from.device}"`]
          : [network.internet?.host(from.internet), `Internet with a host ${from.internet}`];
  if (host === undefined) throw new ProbeError(`"${network.config.name}" has no ${name}`);
  return host;
}

function ping(
  { scheduler }: Network,
  host: IpHost,
  to: number,
  ttl: number | undefined,
  timeoutMs: number,
  done: (answer: ProbeAnswer) => void,
): void {
  const identifier = (nextIdentifier = (nextIdentifier % 0xffff) + 1);
  const waiting = icmpListeners(host);
  const start = scheduler.now;
  const cancel = scheduler.after(timeoutMs, () => finish({ type: "silent" }));
  const finish = (answer: ProbeAnswer) => {
    cancel();
    waiting.delete(identifier);
    done(answer);
  };
  waiting.set(identifier, (message, packet) => {
    const milliseconds = scheduler.now - start;
    const by = formatAddress(packet.source);
    if (message.type === "echo-reply") finish({ type: "answered", by, ttl: packet.ttl, milliseconds });
    else if (message.type === "unreachable" || message.type === "time-exceeded") {
      const type = message.type === "unreachable" ? "unreachable" : "expired";
      finish({ type, by, code: message.code, milliseconds });
    }
  });
  host.sendIcmp(to, { type: "echo-request", identifier, sequence: 1, data: new Uint8Array(56) }, ttl);
}

/** Probes of one host by their identifier: an answer carries it, an error quotes it. */
function icmpListeners(host: IpHost): Map<number, IcmpListener> {
  const known = listeners.get(host);
  if (known !== undefined) return known;
  const waiting = new Map<number, IcmpListener>();
  listeners.set(host, waiting);
  host.onIcmp = (message, packet) => {
    const identifier = identifierOf(message);
    if (identifier !== undefined) waiting.get(identifier)?.(message, packet);
  };
  return waiting;
}

function identifierOf(message: IcmpMessage): number | undefined {
  if (message.type === "echo-reply") return message.identifier;
  if (message.type !== "unreachable" && message.type !== "time-exceeded") return undefined;
  const at = (message.original[0] & 15) * 4;
  return message.original.length < at + 8 ? undefined : read16(message.original, at + 4);
}

function connect(
  { scheduler }: Network,
  host: IpHost,
  to: number,
  probe: Extract<Probe, { type: "tcp" }>,
  timeoutMs: number,
  done: (answer: ProbeAnswer) => void,
): void {
  const start = scheduler.now;
  const decoder = new TextDecoder();
  let established: number | undefined;
  let received = "";
  let over = false;
  const finish = (answer: ProbeAnswer) => {
    if (over) return;
    over = true;
    cancel();
    done(answer);
  };
  const heard = () =>
    established === undefined
      ? ({ type: "silent" } as const)
      : ({ type: "connected", received, milliseconds: established } as const);
  const connection = host.connect(to, probe.port, {
    established: (open) => {
      established = scheduler.now - start;
      if (probe.send === undefined) open.close();
      else open.write(new TextEncoder().encode(probe.send));
      if (probe.send === undefined) finish(heard());
    },
    data: (_, bytes) => {
      if (received.length < MAX_RECEIVED) received += decoder.decode(bytes, { stream: true });
    },
    ended: (open) => {
      open.close();
      finish(heard());
    },
    closed: (_, reason) =>
      finish(
        established === undefined && (reason === "refused" || reason === "reset")
          ? { type: "refused", milliseconds: scheduler.now - start }
          : heard(),
      ),
  });
  const cancel = scheduler.after(timeoutMs, () => {
    finish(heard());
    connection?.abort();
  });
  if (connection === undefined) finish({ type: "silent" });
}
