import { expect, it } from "vitest";
import { Random } from "../../common/random.ts";
import { IpHost } from "./ip-host.ts";
import { Scheduler } from "./scheduler.ts";
import { ipv4Packet, parseIpv4, PROTOCOL_TCP, serialiseIpv4 } from "./wire/ipv4.ts";
import { isMalformed } from "./wire/malformed.ts";
import { parseTcp, serialiseTcp, TCP_ACK, TCP_SYN, type TcpSegment } from "./wire/tcp.ts";

const SERVER = 0x0a000001;
const CLIENT = 0x0a000002;
const NO_BYTES = new Uint8Array(0);

function listening() {
  const scheduler = new Scheduler();
  const sent: { segment: TcpSegment; to: number }[] = [];
  const host = new IpHost({
    name: "server",
    address: SERVER,
    ttl: 64,
    scheduler,
    random: new Random(1),
    send: (packet, to) => {
      const parsed = parseIpv4(packet);
      if (isMalformed(parsed)) throw new Error(parsed);
      const segment = parseTcp(parsed.payload, parsed.source, parsed.destination);
      if (isMalformed(segment)) throw new Error(segment);
      sent.push({ segment, to });
    },
  });
  let heard = "";
  host.listen(80, () => ({ data: (_, bytes) => (heard += String.fromCharCode(...bytes)) }));
  const send = (source: number, fields: Partial<TcpSegment>) => {
    const segment = {
      sourcePort: 1000,
      destinationPort: 80,
      sequence: 0,
      acknowledgment: 0,
      flags: TCP_SYN,
      window: 65_535,
      urgent: 0,
      options: NO_BYTES,
      payload: NO_BYTES,
      ...fields,
    };
    const payload = serialiseTcp(segment, source, SERVER);
    host.receive(serialiseIpv4(ipv4Packet({ source, destination: SERVER, protocol: PROTOCOL_TCP, payload })));
  };
  return { host, sent, send, scheduler, heard: () => heard };
}

it("a SYN flood keeps a bounded number of half-open connections", () => {
  const { host, send } = listening();
  for (let i = 0; i < 20_000; i++) send(0x0b000000 + i, { sourcePort: 1 + (i % 60_000) });
  expect(host.tcpConnections).toBeLessThanOrEqual(128);
});

it("a connection that was open before a SYN flood goes on through it, and a new one can be opened after it", () => {
  const { send, sent, heard, scheduler } = listening();
  const open = (source: number) => {
    send(source, { sequence: 99 });
    const answer = sent.findLast(({ to }) => to === source)!.segment;
    expect(answer.flags).toBe(TCP_SYN | TCP_ACK);
    return (answer.sequence + 1) >>> 0;
  };
  const acknowledgment = open(CLIENT);
  send(CLIENT, { sequence: 100, acknowledgment, flags: TCP_ACK });
  for (let i = 0; i < 5000; i++) send(0x0b000000 + i, {});
  send(CLIENT, { sequence: 100, acknowledgment, flags: TCP_ACK, payload: Uint8Array.of(111, 107) });
  expect(heard()).toBe("ok");
  scheduler.advance(1e6);
  const next = open(CLIENT + 1);
  send(CLIENT + 1, { sequence: 100, acknowledgment: next, flags: TCP_ACK, payload: Uint8Array.of(33) });
  expect(heard()).toBe("ok!");
});
