import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Random } from "../../../common/random.ts";
import { bytesSource, plainName, type ByteSink, type DiskContents, type ImageFile } from "./image.ts";
import { inflate } from "./inflate.ts";
import { openImageChain, openImageFile, topmostImage } from "./open-image.ts";
import { serialiseQcow2 } from "./qcow2.ts";
import { serialiseRaw } from "./raw.ts";
import { parseVmdkDescriptor } from "./vmdk-descriptor.ts";
import { serialiseVmdk, splitVmdk } from "./vmdk.ts";

const KIB = 1024;
const ALLOWED = new Set(["FormatError", "UnsupportedFormatError"]);

function contentsOf(bytes: Uint8Array): DiskContents {
  return {
    sizeBytes: bytes.length,
    hasData: (offset, length) => bytes.subarray(offset, offset + length).some((byte) => byte !== 0),
    read: (offset, length) => bytes.subarray(offset, offset + length),
  };
}

async function collect(write: (sink: ByteSink) => Promise<void>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  await write((bytes) => void parts.push(bytes.slice()));
  return Buffer.concat(parts);
}

async function bytesOf(chain: ImageFile[]): Promise<Uint8Array> {
  const { sizeBytes } = chain[chain.length - 1];
  const bytes = new Uint8Array(sizeBytes);
  for (const image of chain) {
    for await (const cluster of image.clusters()) {
      if (cluster.offset >= sizeBytes) break;
      bytes.set(cluster.bytes.subarray(0, sizeBytes - cluster.offset), cluster.offset);
    }
  }
  return bytes;
}

/** A disk with some data at both ends and in between, not a whole number of clusters. */
function sampleDisk(sizeBytes = 1000 * KIB + 512): Uint8Array {
  const random = new Random(1);
  const bytes = new Uint8Array(sizeBytes);
  bytes.set(random.bytes(5000), 0);
  bytes.set(random.bytes(60_000), 130_000);
  bytes.set(random.bytes(512), sizeBytes - 512);
  return bytes;
}

const writers: Record<string, (contents: DiskContents, sink: ByteSink) => Promise<void>> = {
  raw: serialiseRaw,
  qcow2: serialiseQcow2,
  vmdk: (contents, sink) => serialiseVmdk(contents, "disk.vmdk", "1234abcd", sink),
};

describe("disk image formats", () => {
  test.each(Object.keys(writers))("what is written as %s is read again", async (format) => {
    const disk = sampleDisk();
    const file = await collect((sink) => writers[format](contentsOf(disk), sink));
    const image = await openImageFile(bytesSource(file), () => undefined);
    expect(image.format).toBe(format);
    expect(Buffer.compare(await bytesOf([image]), disk)).toBe(0);
  });

  test("a blank disk of 64 GiB is a small qcow2 file", async () => {
    const blank: DiskContents = {
      sizeBytes: 64 * 2 ** 30,
      hasData: () => false,
      read: () => Promise.reject(new Error("read")),
    };
    const file = await collect((sink) => serialiseQcow2(blank, sink));
    expect(file.length).toBeLessThan(512 * KIB);
    expect((await openImageFile(bytesSource(file), () => undefined)).sizeBytes).toBe(64 * 2 ** 30);
  });

  test("a split VMDK is a descriptor and extents, found by their names", async () => {
    const disk = sampleDisk();
    const files = new Map<string, Uint8Array>();
    for (const { name, write } of splitVmdk(contentsOf(disk), "d.vmdk", "1234abcd"))
      files.set(name, await collect(write));
    expect([...files.keys()]).toEqual(["d.vmdk", "d-s001.vmdk"]);
    const find = (name: string) => files.has(name) && bytesSource(files.get(name)!);
    const chain = await openImageChain("d.vmdk", (name) => find(name) || undefined);
    expect(Buffer.compare(await bytesOf(chain), disk)).toBe(0);
    files.delete("d-s001.vmdk");
    await expect(openImageChain("d.vmdk", (name) => find(name) || undefined)).rejects.toThrow(
      "the extent d-s001.vmdk of the VMDK is missing",
    );
  });

  test("of a split VMDK's files, in any order, the descriptor is meant", async () => {
    const files = new Map<string, Uint8Array>();
    for (const file of splitVmdk(contentsOf(sampleDisk()), "disk.vmdk", "1234abcd"))
      files.set(file.name, await collect((sink) => file.write(sink)));
    const find = (name: string) => {
      const bytes = files.get(name);
      return bytes && bytesSource(bytes);
    };
    expect([...files.keys()].length).toBeGreaterThan(1);
    expect(await topmostImage([...files.keys()].sort(), find)).toBe("disk.vmdk");
    expect(await topmostImage([...files.keys()].sort().reverse(), find)).toBe("disk.vmdk");
  });

  test("deflate data is inflated whatever follows it", () => {
    const random = new Random(2);
    for (const bytes of [
      new Uint8Array(70_000),
      random.bytes(70_000),
      Buffer.from("to be or not to be, ".repeat(999)),
    ]) {
      for (const level of [0, 1, 9]) {
        const packed = Buffer.concat([deflateRawSync(bytes, { level }), random.bytes(100)]);
        expect(Buffer.compare(inflate(packed, bytes.length), bytes)).toBe(0);
      }
    }
  });

  test("deflate data that ends early is refused", () => {
    const packed = deflateRawSync(new Random(3).bytes(1000));
    expect(() => inflate(packed.subarray(0, 500), 1000)).toThrow("the compressed data is broken");
    expect(() => inflate(packed, 1001)).toThrow("1000 bytes instead of 1001");
  });

  test("images that stand on each other in a loop are refused", async () => {
    const file = await collect((sink) => serialiseQcow2(contentsOf(sampleDisk()), sink));
    const data = new DataView(file.buffer, file.byteOffset);
    data.setBigUint64(8, 200n);
    data.setUint32(16, 1);
    file[200] = "a".charCodeAt(0);
    await expect(openImageChain("a", () => bytesSource(file))).rejects.toThrow("in a loop");
  });

  test("a VMDK whose parent was changed under it is refused with both CIDs", async () => {
    const disk = sampleDisk(256 * KIB);
    const image = (cid: string) => collect((sink) => serialiseVmdk(contentsOf(disk), "base.vmdk", cid, sink));
    const [descriptor, extent] = splitVmdk(contentsOf(disk), "child.vmdk", "00000003");
    const text = Buffer.from(await collect((sink) => descriptor.write(sink))).toString();
    const child = Buffer.from(
      text.replace("parentCID=ffffffff", 'parentCID=00000001\nparentFileNameHint="base.vmdk"'),
    );
    const opened = async (base: Uint8Array) => {
      const files = { "child.vmdk": child, "base.vmdk": base, [extent.name]: await collect(extent.write) };
      return openImageChain("child.vmdk", (name) => bytesSource(files[name]));
    };
    expect(await opened(await image("00000001"))).toHaveLength(2);
    await expect(opened(await image("00000002"))).rejects.toMatchObject({
      name: "FormatError",
      problem: "parent-changed",
      found: "CID=00000002 (base.vmdk)",
      expected: "CID=00000001",
    });
  });

  test("L2 entries that all point to one cluster are refused before they fill the memory", async () => {
    const file = await collect((sink) => serialiseQcow2(contentsOf(sampleDisk(64 << 20)), sink));
    const table = 4 * 65536;
    const data = new DataView(file.buffer, file.byteOffset);
    for (let at = 0; at < 1024; at++) data.setBigUint64(table + at * 8, data.getBigUint64(table));
    const image = await openImageFile(bytesSource(file), () => undefined);
    await expect(bytesOf([image])).rejects.toThrow("qcow2 clusters");
  });

  test.each([
    ["QED\0", "QED"],
    ["LUKS\xba\xbe", "LUKS (encrypted)"],
    ["COWD", "VMware ESX sparse (COWD)"],
    ["conectix", "VHD"],
  ])("a file that begins with %j is refused as %s", async (magic, name) => {
    const file = new Uint8Array(1024);
    file.set(Buffer.from(magic, "latin1"));
    await expect(openImageFile(bytesSource(file), () => undefined)).rejects.toMatchObject({
      name: "UnsupportedFormatError",
      found: name,
    });
  });

  test("an encrypted qcow2 image is refused by name", async () => {
    const file = await collect((sink) => serialiseQcow2(contentsOf(sampleDisk()), sink));
    file[35] = 2;
    await expect(openImageFile(bytesSource(file), () => undefined)).rejects.toMatchObject({
      name: "UnsupportedFormatError",
      found: "LUKS encryption",
    });
  });

  test("of a path in an image only the name counts", () => {
    expect(plainName("../../etc/passwd")).toBe("passwd");
    expect(plainName("C:\\disks\\base.vmdk")).toBe("base.vmdk");
    expect(() => plainName("a/..")).toThrow("without a proper name");
  });

  test("a VMDK descriptor of another type is refused by name", () => {
    const text = '# Disk DescriptorFile\nCID=1\ncreateType="vmfs"\nRW 1 SPARSE "a"\n';
    expect(() => parseVmdkDescriptor(Buffer.from(text))).toThrow("VMDK files of type vmfs are not supported");
  });
});

describe("damaged disk images", () => {
  const SEED = 20261124;
  const ROUNDS = 10_000;
  const small = sampleDisk(256 * KIB);
  const files: Record<string, () => Promise<Uint8Array>> = {
    raw: () => collect((sink) => serialiseRaw(contentsOf(small.subarray(0, 8 * KIB)), sink)),
    qcow2: () => collect((sink) => serialiseQcow2(contentsOf(small), sink)),
    vmdk: () => collect((sink) => serialiseVmdk(contentsOf(small), "disk.vmdk", "1234abcd", sink)),
    "vmdk-descriptor": async () =>
      collect((sink) => splitVmdk(contentsOf(small), "d.vmdk", "1234abcd")[0].write(sink)),
  };

  test.each(Object.keys(files))(
    `${ROUNDS} mutations of %s are read or refused by name (seed ${SEED})`,
    async (format) => {
      const whole = await files[format]();
      const random = new Random(SEED);
      // Fields, not data, are what can mislead: the bytes that matter come first in every format.
      const places = interestingBytes(whole);
      const extent = await collect((sink) => splitVmdk(contentsOf(small), "d.vmdk", "1")[1].write(sink));
      const find = () => bytesSource(extent);
      let refused = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const undo: [number, number][] = [];
        for (let n = 1 + random.below(4); n > 0; n--) {
          const at = random.below(8) === 0 ? random.below(whole.length) : places[random.below(places.length)];
          undo.push([at, whole[at]]);
          whole[at] = random.below(2) === 0 ? random.below(256) : whole[at] ^ (1 << random.below(8));
        }
        const length = random.below(10) === 0 ? random.below(whole.length) : whole.length;
        try {
          const image = await openImageFile(bytesSource(whole.subarray(0, length)), find);
          let given = 0;
          for await (const { offset, bytes } of image.clusters()) {
            if (offset < 0 || offset >= image.sizeBytes) throw new Error(`a cluster at ${offset}`);
            given += bytes.length;
            if (given > 64 << 20) throw new Error(`${given} bytes from a file of ${length}`);
          }
        } catch (error) {
          if (!ALLOWED.has((error as Error).name))
            throw new Error(`seed ${SEED}, round ${round}`, { cause: error });
          refused++;
        }
        for (const [at, byte] of undo.reverse()) whole[at] = byte;
      }
      expect(refused).toBeGreaterThan(ROUNDS / 20);
    },
  );
});

/** Places of bytes that are not zero, and those around them, of the file without its last clusters of data. */
function interestingBytes(file: Uint8Array): number[] {
  const places: number[] = [];
  for (let at = 0; at < file.length && places.length < 4000; at++) {
    if (file[at] !== 0 || (at > 0 && file[at - 1] !== 0)) places.push(at);
  }
  return places;
}
