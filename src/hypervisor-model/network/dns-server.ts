/** A DNS server for the names of a zone (RFC 1034 §4.3.2): A, CNAME chains, PTR, NXDOMAIN. */
import type { Observe } from "./decision.ts";
import {
  DNS_A,
  DNS_ANY,
  DNS_CLASS_IN,
  DNS_CNAME,
  DNS_FORMAT_ERROR,
  DNS_NAME_ERROR,
  DNS_NO_ERROR,
  DNS_NOT_IMPLEMENTED,
  DNS_PTR,
  DNS_SERVER_FAILURE,
  parseDns,
  serialiseDns,
  type DnsMessage,
  type DnsRecord,
} from "./wire/dns.ts";
import { formatAddress, parseAddress } from "./wire/ipv4-address.ts";
import { isMalformed } from "./wire/malformed.ts";
import type { Zone } from "./zone.ts";

const MAX_CHAIN = 8;
const TIME_TO_LIVE = 300;
const MAX_UDP = 512;

export class DnsServer {
  readonly name: string;
  observe: Observe;
  readonly #addresses = new Map<string, number[]>();
  readonly #aliases = new Map<string, string>();
  readonly #pointers = new Map<string, string>();

  constructor(name: string, zone: Zone) {
    this.name = name;
    this.setZone(zone);
  }

  setZone(zone: Zone): void {
    for (const names of [this.#addresses, this.#aliases, this.#pointers]) names.clear();
    for (const host of zone.hosts) {
      const address = parseAddress(host.address)!;
      for (const text of host.names) {
        const key = text.toLowerCase();
        const known = this.#addresses.get(key);
        if (known === undefined) this.#addresses.set(key, [address]);
        else if (!known.includes(address)) known.push(address);
      }
      if (host.names.length > 0) this.#pointers.set(pointerName(address), host.names[0]);
    }
    for (const [alias, target] of Object.entries(zone.aliases))
      this.#aliases.set(alias.toLowerCase(), target);
  }

  /** Bytes of the answer; undefined for what is not a question. */
  answer(query: Uint8Array): Uint8Array | undefined {
    const message = parseDns(query);
    if (isMalformed(message)) {
      if (query.length < 12 || (query[2] & 0x80) !== 0) return undefined;
      return serialiseDns(reply({ ...EMPTY, id: (query[0] << 8) | query[1] }, DNS_FORMAT_ERROR, []));
    }
    if (message.response) return undefined;
    if (message.opcode !== 0) return serialiseDns(reply(message, DNS_NOT_IMPLEMENTED, []));
    if (message.questions.length !== 1) return serialiseDns(reply(message, DNS_FORMAT_ERROR, []));
    const bytes = serialiseDns(this.#answerQuestion(message));
    if (bytes.length <= MAX_UDP) return bytes;
    return serialiseDns({ ...reply(message, DNS_NO_ERROR, []), truncated: true });
  }

  #answerQuestion(message: DnsMessage): DnsMessage {
    const question = message.questions[0];
    const answers: DnsRecord[] = [];
    let name = question.name;
    const wants = (type: number) => question.recordType === type || question.recordType === DNS_ANY;
    for (let step = 0; step <= MAX_CHAIN; step++) {
      const key = name.toLowerCase();
      const header = { name, recordClass: DNS_CLASS_IN, timeToLive: TIME_TO_LIVE };
      const alias = this.#aliases.get(key);
      if (alias !== undefined) {
        answers.push({ type: "CNAME", ...header, target: alias });
        if (question.recordType === DNS_CNAME) return reply(message, DNS_NO_ERROR, answers);
        name = alias;
        continue;
      }
      const pointer = this.#pointers.get(key);
      if (pointer !== undefined && wants(DNS_PTR)) answers.push({ type: "PTR", ...header, target: pointer });
      const addresses = this.#addresses.get(key);
      if (addresses === undefined && pointer === undefined)
        return this.#fail(message, answers, "no-such-name");
      if (wants(DNS_A))
        for (const address of addresses ?? []) answers.push({ type: "A", ...header, address });
      const found = answers.flatMap((record) => (record.type === "A" ? [formatAddress(record.address)] : []));
      this.observe?.({
        device: this.name,
        type: "dns-answered",
        name: question.name,
        addresses: found.join(", "),
      });
      return reply(message, DNS_NO_ERROR, answers);
    }
    return this.#fail(message, [], "loop");
  }

  #fail(message: DnsMessage, answers: DnsRecord[], reason: "no-such-name" | "loop"): DnsMessage {
    this.observe?.({ device: this.name, type: "dns-failed", name: message.questions[0].name, reason });
    return reply(message, reason === "loop" ? DNS_SERVER_FAILURE : DNS_NAME_ERROR, answers);
  }
}

const EMPTY: DnsMessage = {
  id: 0,
  response: false,
  opcode: 0,
  authoritative: false,
  truncated: false,
  recursionDesired: false,
  recursionAvailable: false,
  responseCode: 0,
  questions: [],
  answers: [],
  authorities: [],
  additionals: [],
};

function reply(query: DnsMessage, responseCode: number, answers: DnsRecord[]): DnsMessage {
  const { id, opcode, recursionDesired, questions } = query;
  return {
    ...EMPTY,
    id,
    opcode,
    recursionDesired,
    questions,
    answers,
    responseCode,
    response: true,
    recursionAvailable: true,
  };
}

/** 110.242.68.4 is asked for as 4.68.242.110.in-addr.arpa. */
function pointerName(address: number): string {
  return `${formatAddress(address).split(".").reverse().join(".")}.in-addr.arpa`;
}
