import { describe, expect, test } from "vitest";
import { AgentClient } from "./agent-client.ts";
import * as p from "./protocol.ts";
import { encodeSlip, SlipDecoder } from "./slip.ts";

/** The guest's side, played by the test. */
class Guest {
  readonly heard: p.Message[] = [];
  readonly client: AgentClient;
  readonly #decoder = new SlipDecoder(p.FRAME_LIMIT);
  onMessage: (message: p.Message) => void = () => undefined;

  constructor() {
    this.client = new AgentClient((bytes) =>
      this.#decoder.push(bytes, (frame) => {
        const message = p.decodeMessage(frame);
        if (message === undefined) throw new Error("the host sent a short frame");
        this.heard.push(message);
        queueMicrotask(() => this.onMessage(message));
      }),
    );
  }

  say(type: number, id: number, payload: Uint8Array | string = new Uint8Array(0)): void {
    const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
    this.client.receive(encodeSlip(p.encodeMessage({ type, id, payload: bytes })));
  }

  types(): number[] {
    return this.heard.map(({ type }) => type);
  }
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("a run", () => {
  test("gives both streams and the exit status", async () => {
    const guest = new Guest();
    guest.onMessage = ({ id, payload }) => {
      expect(text(payload)).toBe("ls");
      guest.say(p.STDOUT, id, "out");
      guest.say(p.STDERR, id, "err");
      guest.say(p.EXIT, id, p.u32(3));
    };
    const result = await guest.client.run("ls");
    expect([result.exit, text(result.stdout), text(result.stderr)]).toEqual([3, "out", "err"]);
  });

  test("a long command goes in several frames and arrives whole", async () => {
    const guest = new Guest();
    let command = "";
    guest.onMessage = ({ type, id, payload }) => {
      command += text(payload);
      if (type === p.RUN) guest.say(p.EXIT, id, p.u32(0));
    };
    const long = "x".repeat(5000);
    await guest.client.run(long);
    expect(command).toBe(long);
    expect(guest.types()).toEqual([p.RUN_MORE, p.RUN_MORE, p.RUN]);
  });

  test("a command over 64 KiB is refused before anything is sent", async () => {
    const guest = new Guest();
    await expect(guest.client.run("x".repeat(70_000))).rejects.toThrow(RangeError);
    expect(guest.heard).toEqual([]);
  });

  test("several at once get their own answers", async () => {
    const guest = new Guest();
    const ids: number[] = [];
    guest.onMessage = ({ id }) => {
      ids.push(id);
      if (ids.length < 2) return;
      guest.say(p.STDOUT, ids[1], "second");
      guest.say(p.STDOUT, ids[0], "first");
      guest.say(p.EXIT, ids[1], p.u32(0));
      guest.say(p.EXIT, ids[0], p.u32(0));
    };
    const [first, second] = await Promise.all([guest.client.run("a"), guest.client.run("b")]);
    expect([text(first.stdout), text(second.stdout)]).toEqual(["first", "second"]);
  });

  test("output is acknowledged with as much credit as was taken", async () => {
    const guest = new Guest();
    let granted = 0;
    guest.onMessage = ({ type, id, payload }) => {
      if (type === p.CREDIT) granted += new DataView(payload.slice().buffer).getUint32(0, true);
      if (type !== p.RUN) return;
      for (let i = 0; i < 40; i++) guest.say(p.STDOUT, id, new Uint8Array(2048));
      queueMicrotask(() => guest.say(p.EXIT, id, p.u32(0)));
    };
    await guest.client.run("yes");
    expect(granted).toBe(65536);
  });

  test("what is over the limit is counted and not kept", async () => {
    const guest = new Guest();
    guest.onMessage = ({ type, id }) => {
      if (type !== p.RUN) return;
      guest.say(p.STDOUT, id, "0123456789");
      guest.say(p.EXIT, id, p.u32(0));
    };
    const result = await guest.client.run("x", { outputLimit: 4 });
    expect([text(result.stdout), result.droppedBytes]).toEqual(["0123", 6]);
  });

  test("a run out of time is killed", async () => {
    const guest = new Guest();
    await expect(guest.client.run("sleep 9", { timeoutMs: 10 })).rejects.toMatchObject({
      name: "AgentTimeoutError",
    });
    expect(guest.types()).toEqual([p.RUN, p.KILL]);
  });

  test("an aborted run is killed", async () => {
    const guest = new Guest();
    const abort = new AbortController();
    const run = guest.client.run("sleep 9", { signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(run).rejects.toThrow("enough");
    expect(guest.types()).toEqual([p.RUN, p.KILL]);
  });
});

test("an error of the guest carries its number and its words", async () => {
  const guest = new Guest();
  guest.onMessage = ({ id }) =>
    guest.say(p.ERROR, id, Uint8Array.from([2, 0, 0, 0, ...new TextEncoder().encode("No such file")]));
  await expect(guest.client.readFile("/x")).rejects.toMatchObject({ errno: 2, message: "No such file" });
});

test("a file is written with at most four frames unanswered", async () => {
  const guest = new Guest();
  const content = Uint8Array.from({ length: 20_000 }, (_, i) => i);
  const written: number[] = [];
  let unanswered = 0;
  let most = 0;
  guest.onMessage = ({ type, id, payload }) => {
    most = Math.max(most, ++unanswered);
    if (type === p.WRITE_DATA) written.push(...payload);
    setTimeout(() => {
      unanswered--;
      guest.say(p.DONE, id, p.u32(payload.length));
    }, 1);
  };
  await guest.client.writeFile("/x", content, { mode: 0o755 });
  expect(written).toEqual([...content]);
  expect(most).toBeLessThanOrEqual(4);
  expect(guest.types()[0]).toBe(p.WRITE);
  expect([...guest.heard[0].payload]).toEqual([0xed, 1, 0, 0, 0x2f, 0x78]);
  expect(guest.types().at(-1)).toBe(p.WRITE_END);
});

test("a reset fails what was asked, and later requests work", async () => {
  const guest = new Guest();
  const lost = guest.client.run("sleep 9");
  guest.client.reset();
  await expect(lost).rejects.toMatchObject({ name: "AgentLostError" });
  guest.onMessage = ({ id }) => guest.say(p.EXIT, id, p.u32(0));
  expect((await guest.client.run("true")).exit).toBe(0);
});

test("a guest that restarts by itself fails what was asked", async () => {
  const guest = new Guest();
  guest.say(p.STATUS, 0, "stage=run\n");
  const lost = guest.client.run("reboot");
  guest.say(p.STATUS, 0, "stage=wait\n");
  await expect(lost).rejects.toMatchObject({ name: "AgentLostError" });
});

test("after the end every request fails at once", async () => {
  const guest = new Guest();
  guest.client.close("off");
  await expect(guest.client.hello()).rejects.toMatchObject({ name: "AgentLostError", message: "off" });
});

test("a status is read whatever else is in it", () => {
  const status = p.decodeStatus(
    new TextEncoder().encode(
      "version=1\nstage=run\nready=1\nhostname=a\nroot=disk\nnic=ens33 00:0c:29:01:02:03 up 192.168.10.130/24 fe80::1/64\nnew=thing\nrubbish\n",
    ),
  );
  expect(status).toMatchObject({ stage: "run", ready: true, hostname: "a", root: "disk" });
  expect(status.nics).toEqual([
    { name: "ens33", mac: "00:0c:29:01:02:03", up: true, addresses: ["192.168.10.130/24", "fe80::1/64"] },
  ]);
});

test("an identity cannot smuggle in a line of its own", () => {
  const lines = text(p.encodeIdentity({ hostname: "a\nmac0=evil", time: 1500, macs: ["00:0c:29:00:00:01"] }));
  expect(lines).toBe("hostname=a mac0=evil\ntime=1.500000\nmac0=00:0c:29:00:00:01\n");
});
