/** v86 against the machine contract, and the facts about v86 itself that this folder relies on. */
import { describe, expect, test } from "vitest";
import { bench, describeMachine, sleep, until } from "../contract/machine-contract.ts";
import { Code } from "../contract/rom.ts";
import type { MachineOptions, NicModel } from "../machine.ts";
import { compileV86 } from "./compile-node.ts";
import { checkInternals, EngineMismatchError, type Emulator } from "./internals.ts";
import { V86Machine } from "./v86-machine.ts";

const create = async (options: MachineOptions) => V86Machine.create(await compileV86(), options);

describeMachine("v86", create);

const nics = (...models: NicModel[]) =>
  models.map((model, i) => ({ model, mac: `00:0c:29:00:00:0${i + 1}` }));

/** Transmits one frame of 60 bytes from page 40h of the NE2000 at `port`. */
function transmitFrom(code: Code, port: number): Code {
  return code
    .out8(port, 0x22)
    .out8(port + 4, 0x40)
    .out8(port + 5, 60)
    .out8(port + 6, 0)
    .out8(port, 0x26);
}

describe("network cards of v86", () => {
  test("two NE2000 send by their own numbers", async () => {
    const code = transmitFrom(transmitFrom(new Code(), 0x300), 0x400).halt();
    const { machine, frames } = await bench(create, code, { hardware: { nics: nics("ne2000", "ne2000") } });
    await machine.run();
    await until(() => frames.length === 2);
    expect(frames.map(({ nic, frame }) => [nic, frame.length])).toEqual([
      [0, 60],
      [1, 60],
    ]);
    await machine.destroy();
  });

  test("an NE2000 whose cable is out sends nothing", async () => {
    const code = transmitFrom(transmitFrom(new Code(), 0x300), 0x400).halt();
    const { machine, frames } = await bench(create, code, { hardware: { nics: nics("ne2000", "ne2000") } });
    machine.setLink(0, false);
    await machine.run();
    await until(() => frames.length === 1);
    expect(frames[0].nic).toBe(1);
    await machine.destroy();
  });

  test("the address PROM of each NE2000 holds our address", async () => {
    const code = new Code();
    [0x300, 0x400].forEach((port, card) => {
      code
        .out8(port, 0x22)
        .out8(port + 0x0e, 0x49)
        .out8(port + 0x08, 0)
        .out8(port + 0x09, 0)
        .out8(port + 0x0a, 12)
        .out8(port + 0x0b, 0)
        .out8(port, 0x0a);
      for (let i = 0; i < 6; i++) {
        const at = 0x600 + card * 8 + i;
        code.raw(0xba, (port + 0x10) & 0xff, (port + 0x10) >> 8, 0xed).store8(at); // in ax, dx
      }
    });
    const { machine, statuses } = await bench(create, code.halt(), {
      hardware: { nics: nics("ne2000", "ne2000") },
    });
    await machine.run();
    await until(() => statuses.at(-1)?.type === "halted");
    expect([...machine.readMemory(0x600, 6)]).toEqual([0x00, 0x0c, 0x29, 0, 0, 1]);
    expect([...machine.readMemory(0x608, 6)]).toEqual([0x00, 0x0c, 0x29, 0, 0, 2]);
    await machine.destroy();
  });

  test("the second card's registers survive save and restore", async () => {
    const hardware = { nics: nics("ne2000", "ne2000") };
    const code = new Code()
      .out8(0x400, 0x22)
      .out8(0x403, 0x55)
      .waitFor(0x700)
      .in8(0x403)
      .store8(0x710)
      .halt();
    const first = await bench(create, code, { hardware });
    await first.machine.run();
    await new Promise((resolve) => setTimeout(resolve, 30));
    await first.machine.pause();
    const state = await first.machine.save();
    await first.machine.destroy();
    const second = await bench(create, code, { hardware });
    await second.machine.restore(state);
    second.machine.writeMemory(0x700, Uint8Array.of(1, 0));
    await second.machine.run();
    await until(() => second.statuses.at(-1)?.type === "halted");
    expect(second.machine.readMemory(0x710, 1)[0]).toBe(0x55);
    await second.machine.destroy();
  });

  test("three cards are refused by name", async () => {
    const options = { hardware: { nics: nics("ne2000", "ne2000", "virtio") } };
    await expect(bench(create, new Code().halt(), options)).rejects.toMatchObject({
      name: "MachineConfigError",
    });
  });
});

describe("v86's internals", () => {
  test("a missing one is named together with the version that was expected", () => {
    const emulator = {
      v86: {},
      bus: {},
      emulator_bus: {},
      screen_adapter: {},
      add_listener: () => undefined,
    };
    expect(() => checkInternals(emulator as unknown as Emulator)).toThrow(EngineMismatchError);
    expect(() => checkInternals(emulator as unknown as Emulator)).toThrow(
      /v86\.run is missing.*0\.5\.462|0\.5\.462.*v86\.run is missing/,
    );
  });

  test("more memory than v86 addresses is refused by name", async () => {
    await expect(bench(create, new Code().halt(), { hardware: { memoryMiB: 4096 } })).rejects.toMatchObject({
      name: "MachineConfigError",
    });
  });
});

describe("what the owner of a v86 machine is told or asked", () => {
  const NO_INTERRUPTS = 0x02;
  const FLUSH_CACHE = 0xe7;

  test("FLUSH CACHE is answered when the disk's owner has all that was written", async () => {
    let safe: () => void = () => undefined;
    let asked = 0;
    const hda = {
      byteLength: 2 ** 20,
      readOnly: false,
      read: (_offset: number, length: number) => new Uint8Array(length),
      write: () => undefined,
      flush: () => {
        asked++;
        return new Promise<void>((resolve) => (safe = resolve));
      },
    };
    const code = new Code().out8(0x3f6, NO_INTERRUPTS).out8(0x1f6, 0xe0).out8(0x1f7, FLUSH_CACHE);
    const loop = code.here;
    code.in8(0x1f7).raw(0xa8, 0x80).jumpIf(0x75, loop).halt(); // until BSY is clear
    const { machine, statuses } = await bench(create, code, { drives: { hda } });
    await machine.run();
    await until(() => asked === 1);
    await sleep(100);
    expect(statuses.at(-1)?.type).toBe("running");
    safe();
    await until(() => statuses.at(-1)?.type === "halted");
    await machine.destroy();
  });

  test("a reset that the guest itself asks for is told", async () => {
    let resets = 0;
    // The second time round it stops.
    const code = new Code().raw(0xa0, 0x00, 0x07, 0x84, 0xc0, 0x74, 0x02, 0xfa, 0xf4); // [700h] not zero: cli, hlt
    code.raw(0xc6, 0x06, 0x00, 0x07, 0x01).out8(0x64, 0xfe).jump(code.here); // 8042: pulse the reset line
    const { machine, statuses } = await bench(create, code, { events: { reset: () => resets++ } });
    await machine.run();
    await until(() => statuses.at(-1)?.type === "halted");
    expect(resets).toBe(1);
    await machine.destroy();
  });
});
