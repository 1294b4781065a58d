/** An initial RAM file system in the "newc" cpio format (Linux Documentation/driver-api/early-userspace/buffer-format.rst). */

interface Entry {
  name: string;
  mode: number;
  data?: Uint8Array;
  device?: [number, number];
}

const REGULAR = 0o100000;
const DIRECTORY = 0o040000;
const CHARACTER_DEVICE = 0o020000;

function record({ name, mode, data = new Uint8Array(0), device = [0, 0] }: Entry, inode: number): Uint8Array {
  const path = new TextEncoder().encode(`${name}\0`);
  const numbers = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, ...device, path.length, 0];
  const header = new TextEncoder().encode(
    `070701${numbers.map((value) => value.toString(16).padStart(8, "0")).join("")}`,
  );
  const body = (header.length + path.length + 3) & ~3;
  const out = new Uint8Array((body + data.length + 3) & ~3);
  out.set(header);
  out.set(path, header.length);
  out.set(data, body);
  return out;
}

/** `init` is a shell script for /init. */
export function initramfs(busybox: Uint8Array, init: string): Uint8Array {
  const script = new TextEncoder().encode(
    `#!/bin/busybox sh\nexport PATH=/bin\n/bin/busybox --install /bin\n${init}\n`,
  );
  const entries: Entry[] = [
    ...["bin", "dev", "proc", "sys", "tmp"].map((name) => ({ name, mode: DIRECTORY | 0o755 })),
    { name: "dev/console", mode: CHARACTER_DEVICE | 0o600, device: [5, 1] },
    { name: "bin/busybox", mode: REGULAR | 0o755, data: busybox },
    { name: "init", mode: REGULAR | 0o755, data: script },
    { name: "TRAILER!!!", mode: 0 },
  ];
  const records = entries.map((entry, i) => record(entry, i + 1));
  const out = new Uint8Array(records.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of records) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
