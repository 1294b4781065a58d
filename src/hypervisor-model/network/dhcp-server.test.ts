import { expect, it } from "vitest";
import type { Decision } from "./decision.ts";
import { DhcpServer } from "./dhcp-server.ts";
import {
  DHCP_ACK,
  DHCP_DECLINE,
  DHCP_DISCOVER,
  DHCP_NAK,
  DHCP_OFFER,
  DHCP_RELEASE,
  DHCP_REQUEST,
  dhcpMessageType,
  OPTION_MESSAGE_TYPE,
  OPTION_REQUESTED_ADDRESS,
  OPTION_SERVER_ID,
  words32,
  type DhcpMessage,
} from "./wire/dhcp.ts";
import { formatAddress, parseAddress, parseSubnet } from "./wire/ipv4-address.ts";

const address = (text: string) => parseAddress(text)!;
const LEASE_MS = 60_000;

function server(first = "192.168.10.128", last = "192.168.10.130") {
  const decisions: Decision[] = [];
  const dhcp = new DhcpServer({
    name: "dhcp",
    serverAddress: address("192.168.10.254"),
    subnet: parseSubnet("192.168.10.0/24")!,
    first: address(first),
    last: address(last),
    leaseSeconds: LEASE_MS / 1000,
    dns: [],
    reserved: [],
  });
  dhcp.observe = (decision) => decisions.push(decision);
  const send = (
    mac: number,
    type: number,
    now: number,
    more: { requested?: string; client?: string; server?: string } = {},
  ) => {
    const options = [{ code: OPTION_MESSAGE_TYPE, data: Uint8Array.of(type) }];
    if (more.requested !== undefined) {
      options.push({ code: OPTION_REQUESTED_ADDRESS, data: words32(address(more.requested)) as never });
    }
    if (more.server !== undefined) {
      options.push({ code: OPTION_SERVER_ID, data: words32(address(more.server)) as never });
    }
    const message: DhcpMessage = {
      op: 1,
      hops: 0,
      transaction: 1,
      seconds: 0,
      broadcast: false,
      clientAddress: more.client === undefined ? 0 : address(more.client),
      yourAddress: 0,
      nextServer: 0,
      relay: 0,
      clientMac: mac,
      serverName: "",
      bootFile: "",
      options,
    };
    const answer = dhcp.handle(message, now);
    return answer && { type: dhcpMessageType(answer), address: formatAddress(answer.yourAddress) };
  };
  /** Discover and request. */
  const lease = (mac: number, now: number) => {
    const offer = send(mac, DHCP_DISCOVER, now);
    return offer && send(mac, DHCP_REQUEST, now, { requested: offer.address });
  };
  return { dhcp, decisions, send, lease };
}

it("a renewal moves the end of the lease and keeps the address", () => {
  const { dhcp, send, lease, decisions } = server();
  const held = lease(1, 0)!;
  expect(send(1, DHCP_REQUEST, 30_000, { client: held.address })).toEqual({
    type: DHCP_ACK,
    address: held.address,
  });
  expect(dhcp.leases(30_000)[0].expires).toBe(30_000 + LEASE_MS);
  expect(decisions.at(-1)?.type).toBe("dhcp-renewed");
});

it("a lease that was not renewed is free for another", () => {
  const { lease, dhcp } = server("192.168.10.128", "192.168.10.128");
  lease(1, 0);
  expect(lease(2, LEASE_MS - 1)).toBeUndefined();
  expect(dhcp.leases(LEASE_MS)).toEqual([]);
  expect(lease(2, LEASE_MS)).toEqual({ type: DHCP_ACK, address: "192.168.10.128" });
});

it("a client comes back to the address it had", () => {
  const { lease, send } = server();
  lease(1, 0);
  const second = lease(2, 0)!;
  send(2, DHCP_RELEASE, 10, { client: second.address });
  lease(3, 20);
  expect(lease(1, LEASE_MS + 1)?.address).toBe("192.168.10.128");
});

it("a declined address is not offered again for a while", () => {
  const { lease, send, dhcp } = server();
  const held = lease(1, 0)!;
  send(1, DHCP_DECLINE, 10, { requested: held.address });
  expect(dhcp.leases(10)).toMatchObject([{ address: held.address, state: "declined" }]);
  expect(send(1, DHCP_DISCOVER, 20)).toEqual({ type: DHCP_OFFER, address: "192.168.10.129" });
  expect(send(1, DHCP_REQUEST, 20, { requested: held.address })?.type).toBe(DHCP_NAK);
});

it("nobody can decline or release what another holds", () => {
  const { lease, send, dhcp } = server();
  const held = lease(1, 0)!;
  send(2, DHCP_DECLINE, 10, { requested: held.address });
  send(2, DHCP_RELEASE, 10, { client: held.address });
  expect(dhcp.leases(10)).toMatchObject([{ address: held.address, state: "leased" }]);
});

it("a request for another network's address, or for another's lease, is refused with a NAK", () => {
  const { lease, send, decisions } = server();
  const held = lease(1, 0)!;
  expect(send(2, DHCP_REQUEST, 10, { requested: "10.0.0.5" })?.type).toBe(DHCP_NAK);
  expect(decisions.at(-1)).toMatchObject({ type: "dhcp-refused", reason: "wrong-address" });
  expect(send(2, DHCP_REQUEST, 10, { requested: held.address })?.type).toBe(DHCP_NAK);
  expect(decisions.at(-1)).toMatchObject({ type: "dhcp-refused", reason: "no-lease" });
});

it("when every address is taken a newcomer hears nothing, and those who hold one renew", () => {
  const { lease, send, decisions, dhcp } = server();
  const held = [1, 2, 3].map((mac) => lease(mac, 0)!.address);
  for (let mac = 100; mac < 10_100; mac++) expect(lease(mac, 1)).toBeUndefined();
  expect(decisions.at(-1)).toMatchObject({ type: "dhcp-refused", reason: "exhausted" });
  expect(dhcp.leases(1)).toHaveLength(3);
  for (const [i, client] of held.entries()) {
    expect(send(i + 1, DHCP_REQUEST, 2, { client })).toEqual({ type: DHCP_ACK, address: client });
  }
});

it("an offer made to a client that took another server's is free at once", () => {
  const { send, lease } = server("192.168.10.128", "192.168.10.128");
  send(1, DHCP_DISCOVER, 0);
  expect(send(2, DHCP_DISCOVER, 1)).toBeUndefined();
  send(1, DHCP_REQUEST, 2, { requested: "192.168.10.77", server: "192.168.10.77" });
  expect(lease(2, 3)?.address).toBe("192.168.10.128");
});
