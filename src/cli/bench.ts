/** `ringside bench`: the benchmarks of test/benchmarks as rows of work, ours, peer and ratio. */
import { benchmarks, runBenchmark, type Row } from "../../test/benchmarks/bench.ts";
import { imagesFolder } from "./laboratory.ts";
import { readOptions, UsageError } from "./options.ts";

export const BENCH_HELP = `ringside bench [NAME…] [--part PART] [--json]    the benchmarks: ${Object.keys(benchmarks).join(", ")}

  --part   of storage only this, more than once for more: layers, live-64, live-256, disk, page-64, page-256
  --json   {"NAME": [{"work", "ours", "peer", "ratio", "limit"}]} on standard output
`;

export async function bench(argv: string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, {
    json: { type: "boolean" },
    part: { type: "string", multiple: true },
  });
  const parts = values.part;
  const wants = (part: string) => parts === undefined || parts.includes(part);
  const unknown = positionals.find((name) => !Object.hasOwn(benchmarks, name));
  if (unknown !== undefined) {
    throw new UsageError(`no benchmark "${unknown}"; there are: ${Object.keys(benchmarks).join(", ")}`);
  }
  const names = positionals.length > 0 ? positionals : Object.keys(benchmarks);
  const all: Record<string, Row[]> = {};
  for (const name of names) {
    const log = (line: string) => void process.stderr.write(`${line}\n`);
    const rows = await runBenchmark(name, imagesFolder, log, wants);
    all[name] = rows;
    if (values.json !== true) process.stdout.write(table(name, rows));
  }
  if (values.json === true) process.stdout.write(`${JSON.stringify(all)}\n`);
  return 0;
}

function table(name: string, rows: Row[]): string {
  const cells = [
    [name, "ours", "peer", "ratio", "limit"],
    ...rows.map(({ work, ours, peer, ratio, limit }) => [
      work,
      ours.toPrecision(3),
      peer.toPrecision(3),
      ratio.toFixed(2),
      limit === undefined ? "" : String(limit),
    ]),
  ];
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  return `${cells
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
        .join("  ")
        .trimEnd(),
    )
    .join("\n")}\n`;
}
