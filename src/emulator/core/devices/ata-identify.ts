/** IDENTIFY DEVICE and IDENTIFY PACKET DEVICE data: ATA/ATAPI-6 (T13/1410D), sections 8.15.8 and 8.16.8. */

function words(): {
  bytes: Uint8Array;
  set: (word: number, value: number) => void;
  text: (word: number, count: number, text: string) => void;
} {
  const bytes = new Uint8Array(512);
  return {
    bytes,
    set: (word, value) => {
      bytes[word * 2] = value & 0xff;
      bytes[word * 2 + 1] = (value >> 8) & 0xff;
    },
    // Two characters a word, the first in the high byte.
    text: (word, count, text) => {
      const padded = text.padEnd(count * 2, " ");
      for (let i = 0; i < count * 2; i++) bytes[word * 2 + (i ^ 1)] = padded.charCodeAt(i);
    },
  };
}

export function identifyDisk(byteLength: number, multiple: number): Uint8Array {
  const sectors = Math.floor(byteLength / 512);
  const cylinders = Math.min(16383, Math.floor(sectors / (16 * 63)));
  const { bytes, set, text } = words();
  set(0, 0x0040); // Fixed disk.
  set(1, cylinders);
  set(3, 16);
  set(6, 63);
  text(10, 10, "RS00000001");
  text(23, 4, "1.0");
  text(27, 20, "RINGSIDE HARD DISK");
  set(47, 0x8010); // READ and WRITE MULTIPLE, up to 16 sectors.
  set(49, 0x0300); // LBA and DMA.
  set(51, 0x0200);
  set(53, 0x0007);
  set(54, cylinders);
  set(55, 16);
  set(56, 63);
  const addressable = cylinders * 16 * 63;
  set(57, addressable & 0xffff);
  set(58, addressable >>> 16);
  set(59, 0x0100 | multiple);
  const sectors28 = Math.min(sectors, 0x0fffffff);
  set(60, sectors28 & 0xffff);
  set(61, sectors28 >>> 16);
  set(63, 0x0007); // Multiword DMA 0 to 2.
  set(64, 0x0003); // PIO 3 and 4.
  for (let word = 65; word <= 68; word++) set(word, 120);
  set(80, 0x007e); // ATA-1 to ATA-6.
  set(82, 0x4000); // NOP; the write cache has nothing to say.
  set(83, 0x7400); // 48-bit addresses, FLUSH CACHE and FLUSH CACHE EXT.
  set(84, 0x4000);
  set(85, 0x4000);
  set(86, 0x3400);
  set(87, 0x4000);
  set(93, 0x6001);
  for (let i = 0, rest = sectors; i < 4; i++, rest = Math.floor(rest / 65536)) set(100 + i, rest % 65536);
  return bytes;
}

export function identifyCdrom(): Uint8Array {
  const { bytes, set, text } = words();
  set(0, 0x85c0); // ATAPI, CD-ROM, removable, 12-byte packets, DRQ within 50 µs.
  text(10, 10, "RS00000002");
  text(23, 4, "1.0");
  text(27, 20, "RINGSIDE CD-ROM");
  set(49, 0x0300);
  set(53, 0x0006);
  set(63, 0x0007);
  set(64, 0x0003);
  for (let word = 65; word <= 68; word++) set(word, 120);
  set(80, 0x007e);
  set(82, 0x4210);
  set(83, 0x4000);
  set(84, 0x4000);
  set(85, 0x4210);
  set(93, 0x6001);
  return bytes;
}
