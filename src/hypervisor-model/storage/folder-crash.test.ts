/** Kills a process that commits to a folder store at seeded random moments; what it had reported must be there. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { build } from "vite";
import { openFolderStore } from "./folder-store.ts";

const KILLS = 20;
const SEED = 20261123;

/** Commits block after block, says each number when it is stored, and collects garbage now and then. */
const WRITER = `
import { openFolderStore } from ${JSON.stringify(join(import.meta.dirname, "folder-store.ts"))};
import { blockIdOf, packIds } from ${JSON.stringify(join(import.meta.dirname, "block-id.ts"))};
const store = await openFolderStore(process.argv[2]);
for (let number = Number(process.argv[3]); ; number++) {
  const bytes = new Uint8Array(4096).fill(number & 255);
  new DataView(bytes.buffer).setUint32(0, number + 1, true);
  const id = blockIdOf(bytes, store.fingerprintKey);
  await store.commit({
    put: [{ collection: "x", key: String(number % 50), value: { number, blocks: packIds([id]) } }],
    blocks: new Map([[id, bytes]]),
    durability: number % 3 ? "relaxed" : "strict",
  });
  if (number % 7 === 0) await store.collectGarbage();
  process.stdout.write(number + "\\n");
}
`;

test(
  `a folder store survives ${KILLS} kills with every reported commit (seed ${SEED})`,
  { timeout: 120_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "ringside-crash-"));
    try {
      await writeFile(join(folder, "writer.ts"), WRITER);
      await build({
        configFile: false,
        logLevel: "error",
        build: {
          ssr: join(folder, "writer.ts"),
          outDir: join(folder, "built"),
          rollupOptions: { output: { entryFileNames: "writer.mjs" } },
        },
        ssr: { noExternal: true },
      });
      const place = join(folder, "store");
      let random = SEED;
      let reported = -1;
      for (let kill = 0; kill < KILLS; kill++) {
        random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
        reported = Math.max(
          reported,
          await writeAndKill(folder, place, reported + 1, 1 + ((random >>> 8) % 120)),
        );
        const store = await openFolderStore(place);
        const documents = (await store.list("x")).map(({ value }) => (value as { number: number }).number);
        const newest = Math.max(...documents);
        expect(newest, `kill ${kill}`).toBeGreaterThanOrEqual(reported);
        for (let number = Math.max(0, newest - 49); number <= newest; number++)
          expect(documents).toContain(number);
        for (const { value } of await store.list("x")) {
          const { number, blocks } = value as { number: number; blocks: Uint8Array };
          const id = Array.from(blocks, (byte) => byte.toString(16).padStart(2, "0")).join("");
          const [bytes] = await store.readBlocks([id]);
          expect(bytes && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)).toBe(number + 1);
        }
        await store.collectGarbage();
        expect((await store.usage()).blocks).toBe(documents.length);
        reported = newest;
        await store.close();
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

/** The last number the writer reported, -1 for none. It is killed some milliseconds after its first report. */
function writeAndKill(folder: string, place: string, first: number, milliseconds: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(folder, "built", "writer.mjs"), place, String(first)]);
    let output = "";
    let errors = "";
    child.stderr.on("data", (data) => (errors += String(data)));
    child.stdout.on("data", (data) => {
      if (output === "") setTimeout(() => child.kill("SIGKILL"), milliseconds);
      output += String(data);
    });
    child.on("close", (_, signal) => {
      if (signal === "SIGKILL") resolve(Number(output.slice(0, output.lastIndexOf("\n")).split("\n").pop()));
      else reject(new Error(`the writer ended by itself: ${errors}`));
    });
  });
}
