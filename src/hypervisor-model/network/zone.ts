/** The simulated Internet as data: hosts with names, addresses, distance and services, checked when read. */
import { parseAddress } from "./wire/ipv4-address.ts";
import { isDnsName } from "./wire/dns.ts";

export interface ZoneHost {
  /** The first name is the host's own and answers PTR; all have an A record. */
  names: string[];
  address: string;
  /** Round trip in milliseconds from the uplink. */
  latencyMs: number;
  lossPercent?: number;
  /** Addresses of the routers on the way, as traceroute shows them. */
  hops: string[];
  ping?: boolean;
  dns?: boolean;
  ntp?: boolean;
  /** Pages of a web server at port 80 by path; a path that ends in / is shown for the folder. */
  http?: Record<string, { contentType: string; body: string }>;
}

export interface Zone {
  hosts: ZoneHost[];
  /** Other names and what they stand for. */
  aliases: Record<string, string>;
}

/** Why a value is refused, in English; the page says the same by key in its languages. */
const REASONS = {
  object: () => "expected an object",
  list: () => "expected a list",
  unknown: () => "unknown field",
  number: (most: string) => `expected a number from 0 to ${most}`,
  address: () => "expected an IPv4 address",
  name: () => "expected a domain name",
  "many-hosts": (most: string) => `more than ${most} hosts`,
  "address-used": () => "another host has this address",
  "many-names": (most: string) => `more than ${most} names`,
  hops: (most: string) => `expected a list of at most ${most} addresses`,
  boolean: () => "expected true or false",
  path: () => "a path begins with /",
  page: () => "expected contentType and body",
} satisfies Record<string, (...values: string[]) => string>;

export type ZoneReason = keyof typeof REASONS;

export class ZoneError extends Error {
  override name = "ZoneError";
  /** Such as `hosts[2].address`. */
  readonly path: string;
  readonly key: ZoneReason;
  /** What the reason speaks of, in the order of its parameters. */
  readonly values: string[];
  constructor(path: string, key: ZoneReason, ...values: string[]) {
    super(`${path}: ${(REASONS[key] as (...values: string[]) => string)(...values)}`);
    this.path = path;
    this.key = key;
    this.values = values;
  }
}

const MAX_HOSTS = 1000;
const MAX_HOPS = 30;
const MAX_NAMES = 100;

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function only(fields: Fields, known: string[], path: string): void {
  const unknown = Object.keys(fields).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new ZoneError(`${path}.${unknown}`, "unknown");
}

function number(value: unknown, path: string, max: number): void {
  if (typeof value !== "number" || !(value >= 0 && value <= max)) {
    throw new ZoneError(path, "number", String(max));
  }
}

function address(value: unknown, path: string): void {
  if (typeof value !== "string" || parseAddress(value) === undefined) throw new ZoneError(path, "address");
}

function name(value: unknown, path: string): void {
  if (typeof value !== "string" || !isDnsName(value)) throw new ZoneError(path, "name");
}

/** Throws `ZoneError` with the path of what is wrong. */
export function readZone(value: unknown): Zone {
  if (!isFields(value)) throw new ZoneError("zone", "object");
  only(value, ["hosts", "aliases"], "zone");
  if (!Array.isArray(value.hosts)) throw new ZoneError("hosts", "list");
  if (value.hosts.length > MAX_HOSTS) throw new ZoneError("hosts", "many-hosts", String(MAX_HOSTS));
  const seen = new Set<string>();
  for (const [i, host] of (value.hosts as unknown[]).entries()) readHost(host, `hosts[${i}]`, seen);
  if (!isFields(value.aliases)) throw new ZoneError("aliases", "object");
  for (const [alias, target] of Object.entries(value.aliases)) {
    name(alias, `aliases["${alias}"]`);
    name(target, `aliases["${alias}"]`);
  }
  return value as unknown as Zone;
}

function readHost(host: unknown, path: string, seen: Set<string>): void {
  if (!isFields(host)) throw new ZoneError(path, "object");
  only(host, ["names", "address", "latencyMs", "lossPercent", "hops", "ping", "dns", "ntp", "http"], path);
  if (!Array.isArray(host.names)) throw new ZoneError(`${path}.names`, "list");
  if (host.names.length > MAX_NAMES) throw new ZoneError(`${path}.names`, "many-names", String(MAX_NAMES));
  for (const [i, text] of host.names.entries()) name(text, `${path}.names[${i}]`);
  address(host.address, `${path}.address`);
  if (seen.has(host.address as string)) throw new ZoneError(`${path}.address`, "address-used");
  seen.add(host.address as string);
  number(host.latencyMs, `${path}.latencyMs`, 60_000);
  if (host.lossPercent !== undefined) number(host.lossPercent, `${path}.lossPercent`, 100);
  if (!Array.isArray(host.hops) || host.hops.length > MAX_HOPS) {
    throw new ZoneError(`${path}.hops`, "hops", String(MAX_HOPS));
  }
  for (const [i, hop] of host.hops.entries()) address(hop, `${path}.hops[${i}]`);
  for (const service of ["ping", "dns", "ntp"]) {
    if (host[service] !== undefined && typeof host[service] !== "boolean") {
      throw new ZoneError(`${path}.${service}`, "boolean");
    }
  }
  if (host.http === undefined) return;
  if (!isFields(host.http)) throw new ZoneError(`${path}.http`, "object");
  for (const [at, page] of Object.entries(host.http)) {
    if (!at.startsWith("/")) throw new ZoneError(`${path}.http["${at}"]`, "path");
    if (!isFields(page) || typeof page.body !== "string" || typeof page.contentType !== "string") {
      throw new ZoneError(`${path}.http["${at}"]`, "page");
    }
  }
}
