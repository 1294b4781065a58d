/** What an error of a Worker's call still says on the other side. */
import { expose, wrap } from "comlink";
import { expect, test } from "vitest";
import { RefusedError } from "../storage/errors.ts";
import { keepErrorFields } from "./thrown-errors.ts";

test("A refusal in a Worker arrives with its rule, what was found and what was expected", async () => {
  keepErrorFields();
  const { port1, port2 } = new MessageChannel();
  const refusal = { key: "snapshot-without-memory", snapshot: "clean" } as const;
  const service = {
    revert() {
      throw new RefusedError("refused", "clean", "one with memory", refusal);
    },
  };
  expose(service, port1);
  const answer = wrap<typeof service>(port2).revert();
  await expect(answer).rejects.toMatchObject({
    name: "RefusedError",
    found: "clean",
    expected: "one with memory",
    refusal,
  });
  port1.close();
  port2.close();
});
