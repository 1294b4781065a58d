import { afterEach, describe, expect, test } from "vitest";
import { ChannelPeers } from "./library-peers.ts";

describe("pages that share a library", () => {
  const open: ChannelPeers[] = [];
  const page = (self: string, library = "test") => {
    const peers = new ChannelPeers(library, self);
    open.push(peers);
    return peers;
  };
  afterEach(() => {
    for (const peers of open.splice(0)) peers.close();
  });

  test("answer for themselves", async () => {
    page("first");
    expect(await page("second").isAlive("first")).toBe(true);
  });

  test("are gone when closed", async () => {
    page("first").close();
    expect(await page("second").isAlive("first")).toBe(false);
  });

  test("do not answer for another library", async () => {
    page("first", "other");
    expect(await page("second").isAlive("first")).toBe(false);
  });

  test("hear of each other's changes", async () => {
    const heard = new Promise<void>((resolve) => page("first").onChange(resolve));
    page("second").announceChange();
    await heard;
  });
});

describe("where there are Web Locks", () => {
  const held = new Set<string>();
  const locks = {
    async request(name: string, hold: () => Promise<void>) {
      held.add(name);
      await hold();
      held.delete(name);
    },
    query: async () => ({ held: [...held].map((name) => ({ name })) }),
  } as unknown as LockManager;

  test("a page that holds its lock is there, though it answers nothing, and is gone when it is closed", async () => {
    const asking = new ChannelPeers("locks", "asking", locks);
    // A frozen tab: its lock stands, its channel is silent.
    const frozen = new ChannelPeers("another channel", "frozen", locks);
    expect(await asking.isAlive("frozen")).toBe(true);
    frozen.close();
    await Promise.resolve();
    expect(await asking.isAlive("frozen")).toBe(false);
    asking.close();
  });
});
