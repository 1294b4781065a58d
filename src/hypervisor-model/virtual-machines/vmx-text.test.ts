import { expect, test } from "vitest";
import { Random } from "../../common/random.ts";
import { newDefinition } from "./definition.ts";
import { vmxText } from "./vmx-text.ts";

const taken = { names: [], macs: [] };
const machine = () =>
  newDefinition(
    {
      name: 'router "1"',
      memoryMiB: 96,
      disks: [{ name: "data", sizeMiB: 8 }],
      nics: [{ network: "vmnet1" }, { network: "lab" }],
      cdrom: null,
    },
    new Random(1),
    0,
    taken,
  );

test("the keys and values are VMware's", () => {
  const definition = machine();
  const lines = vmxText(definition, ["data-000001.vmdk"]).split("\n");
  expect(lines).toContain('config.version = "8"');
  expect(lines).toContain('memsize = "96"');
  expect(lines).toContain('ide0:0.fileName = "data-000001.vmdk"');
  expect(lines).toContain('ethernet0.connectionType = "hostonly"');
  expect(lines).toContain('ethernet1.vnet = "lab"');
  expect(lines).toContain(`ethernet0.address = "${definition.nics[0].mac.toUpperCase()}"`);
  expect(lines).toContain('floppy0.present = "FALSE"');
});

test("a name cannot end a value or begin another line", () => {
  const definition = { ...machine(), description: 'a"\nevil.key = "1' };
  const text = vmxText(definition, []);
  expect(text).toContain('displayName = "router |221|22"');
  expect(text).toContain('annotation = "a|22|0Aevil.key = |221"');
  expect(text.split("\n").filter((line) => line.startsWith("evil"))).toEqual([]);
});
