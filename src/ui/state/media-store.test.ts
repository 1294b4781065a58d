import { expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { MemoryStore } from "../../hypervisor-model/storage/memory-store.ts";
import {
  newDefinition,
  type MachineDefinition,
  type MediumReference,
} from "../../hypervisor-model/virtual-machines/definition.ts";
import { MediumMissingError } from "./failure.ts";
import { MediaStore } from "./media-store.ts";

function machine(medium: MediumReference): MachineDefinition {
  const empty = newDefinition({ name: "m" }, new Random(1), 0, { names: [], macs: [] });
  return { ...empty, cdrom: { medium } };
}

async function kept() {
  const media = new MediaStore(new MemoryStore());
  const medium = await media.keep(new File(["CD"], "own.iso"));
  return { media, medium };
}

test("A medium is read back as it was given", async () => {
  const { media, medium } = await kept();
  expect(new TextDecoder().decode(await media.read(medium))).toBe("CD");
});

test("A medium that no machine uses any more is deleted", async () => {
  const { media, medium } = await kept();
  await media.deleteUnused(machine(medium), []);
  await expect(media.read(medium)).rejects.toThrow(MediumMissingError);
});

test("A medium that another machine uses stays", async () => {
  const { media, medium } = await kept();
  await media.deleteUnused(machine(medium), [machine(medium)]);
  expect(await media.read(medium)).toHaveLength(2);
});
