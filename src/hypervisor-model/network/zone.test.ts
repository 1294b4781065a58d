import { expect, it } from "vitest";
import { DEFAULT_ZONE } from "./default-zone.ts";
import { readZone } from "./zone.ts";

const host = (fields: object) => ({
  hosts: [{ names: ["a.test"], address: "10.0.0.1", latencyMs: 1, hops: [], ...fields }],
  aliases: {},
});

it("the zone that comes with the laboratory is well-formed", () => {
  expect(readZone(JSON.parse(JSON.stringify(DEFAULT_ZONE)))).toEqual(DEFAULT_ZONE);
});

it.each([
  ["zone", null],
  ["zone", []],
  ["zone.other", { ...host({}), other: 1 }],
  ["hosts", { hosts: {}, aliases: {} }],
  ["hosts", { hosts: Array.from({ length: 1001 }, () => ({})), aliases: {} }],
  ["hosts[0]", { hosts: ["a"], aliases: {} }],
  ["hosts[0].colour", host({ colour: "red" })],
  ["hosts[0].names", host({ names: "a.test" })],
  ["hosts[0].names", host({ names: Array.from({ length: 101 }, () => "a.test") })],
  ["hosts[0].names[0]", host({ names: ["a..test"] })],
  ["hosts[0].names[0]", host({ names: ["x".repeat(64)] })],
  ["hosts[0].address", host({ address: "10.0.0.256" })],
  ["hosts[0].latencyMs", host({ latencyMs: -1 })],
  ["hosts[0].latencyMs", host({ latencyMs: Number.NaN })],
  ["hosts[0].lossPercent", host({ lossPercent: 101 })],
  ["hosts[0].hops", host({ hops: Array.from({ length: 31 }, () => "10.0.0.2") })],
  ["hosts[0].hops[0]", host({ hops: ["router"] })],
  ["hosts[0].ping", host({ ping: "yes" })],
  ["hosts[0].http", host({ http: [] })],
  ['hosts[0].http["index"]', host({ http: { index: { contentType: "text/plain", body: "" } } })],
  ['hosts[0].http["/"]', host({ http: { "/": { body: "" } } })],
  ["hosts[1].address", { hosts: [...host({}).hosts, ...host({}).hosts], aliases: {} }],
  ["aliases", { hosts: [], aliases: [] }],
  ['aliases["a..b"]', { hosts: [], aliases: { "a..b": "c.test" } }],
  ['aliases["a.test"]', { hosts: [], aliases: { "a.test": 5 } }],
])("what is wrong is named by its path: %s", (path, zone) => {
  expect(() => readZone(zone)).toThrowError(expect.objectContaining({ name: "ZoneError", path }) as Error);
});
