import { expect, it } from "vitest";
import { DnsServer } from "./dns-server.ts";
import {
  DNS_A,
  DNS_AAAA,
  DNS_NAME_ERROR,
  DNS_NO_ERROR,
  DNS_PTR,
  DNS_SERVER_FAILURE,
  parseDns,
  serialiseDns,
  type DnsMessage,
} from "./wire/dns.ts";
import { isMalformed } from "./wire/malformed.ts";

const HOST = { names: ["host.test"], address: "10.9.8.7", latencyMs: 1, hops: [] };

function ask(aliases: Record<string, string>, name: string, recordType = DNS_A): DnsMessage {
  const query = serialiseDns({
    id: 1,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    responseCode: 0,
    questions: [{ name, recordType, recordClass: 1 }],
    answers: [],
    authorities: [],
    additionals: [],
  });
  const answer = parseDns(new DnsServer("dns", { hosts: [HOST], aliases }).answer(query)!);
  if (isMalformed(answer)) throw new Error(answer);
  return answer;
}

it("an alias that leads back to itself is a server failure", () => {
  const loops: Record<string, string>[] = [
    { "a.test": "a.test" },
    { "a.test": "b.test", "b.test": "c.test", "c.test": "a.test" },
  ];
  for (const aliases of loops) {
    expect(ask(aliases, "a.test")).toMatchObject({ responseCode: DNS_SERVER_FAILURE, answers: [] });
  }
});

it("a chain of aliases is followed to its address, whatever the case of the letters", () => {
  const answer = ask({ "a.test": "B.test", "b.test": "host.TEST" }, "A.TEST");
  expect(answer.answers.map(({ type }) => type)).toEqual(["CNAME", "CNAME", "A"]);
});

it("a name that is not there, and an alias to one, are name errors", () => {
  expect(ask({}, "none.test").responseCode).toBe(DNS_NAME_ERROR);
  expect(ask({ "a.test": "none.test" }, "a.test").responseCode).toBe(DNS_NAME_ERROR);
});

it("a name without a record of the type asked for has an empty answer", () => {
  expect(ask({}, "host.test", DNS_AAAA)).toMatchObject({ responseCode: DNS_NO_ERROR, answers: [] });
});

it("an address leads back to its host's name", () => {
  expect(ask({}, "7.8.9.10.in-addr.arpa", DNS_PTR).answers).toMatchObject([
    { type: "PTR", target: "host.test" },
  ]);
});
