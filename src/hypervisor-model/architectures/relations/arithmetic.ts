/** Relations that are arithmetic: page walks, sums of a path's parts, caches and clusters, memory shares. */
import { MissingFigureError, type CellName, type FigureBook } from "../figures.ts";
import { reclaimedShare, taxedAllocation } from "../memory-sharing.ts";
import { levelsFor, pageWalkReferences } from "../page-walk.ts";
import { formula, type Estimate } from "../relation.ts";

export function pageWalks({ metric }: CellName): Estimate | undefined {
  if (!/\breferences\b/.test(metric)) return undefined;
  const guest = /(\d)-level guest/.exec(metric);
  const native = /(\d)-level native/.exec(metric);
  if (native !== null) {
    const levels = Number(native[1]);
    return formula(pageWalkReferences(levels), `one entry for each of ${levels} levels`);
  }
  if (guest === null) return undefined;
  const n = Number(guest[1]);
  const nested = /(\d)-level nested/.exec(metric);
  const large = /(4 KB|2 MB|1 GB) nested pages/.exec(metric);
  const m =
    nested !== null ? Number(nested[1]) : levelsFor(4, (large?.[1] ?? "4 KB") as "4 KB" | "2 MB" | "1 GB");
  return formula(
    pageWalkReferences(n, m),
    `n m + n + m with n = ${n} guest levels and m = ${m} nested levels`,
  );
}

const SUGERMAN = "Sugerman";
const PATH = "hosted VMM, virtual Lance NIC";

/** The hosted path of one packet: its steps add up, and its published partial sums leave out known ones. */
export function hostedPath({ paper, metric, system }: CellName, book: FigureBook): Estimate | undefined {
  if (!paper.startsWith(SUGERMAN) || system !== PATH) return undefined;
  const at = (name: string) => book.value(SUGERMAN, name, PATH);
  const toWire = () =>
    at("OUT decoded in VMM world") +
    at("world switch VMM to host") +
    at("VMApp work before send") +
    at("VMNet driver transmit");
  const after = () =>
    at("overhead imposed by hosted design") - at("world-switch round trip") - at("VMApp work before send");
  const resume = () =>
    at("end to end, OUT to next guest instruction") -
    at("OUT to return of VMNet call") -
    at("world switch host to VMM") -
    after();
  switch (metric) {
    case "VMApp work after send":
      return formula(
        after(),
        "hosted overhead less the world-switch round trip and the work before the send",
      );
    case "VMM resume":
      return formula(
        resume(),
        "end to end less the way to the wire, the work after the send and the switch back",
      );
    case "OUT to return of VMNet call":
      return formula(toWire(), "the four steps up to VMNet's transmit");
    case "world-switch round trip":
      return formula(
        at("world switch VMM to host") + at("world switch host to VMM"),
        "the switch to the host and the switch back",
      );
    default:
      return undefined;
  }
}

const NETPERF = "Table 6.2 netperf TCP stream, one saturated core";

export function segmentSize(
  { paper, table, metric, system }: CellName,
  book: FigureBook,
): Estimate | undefined {
  if (table !== NETPERF) return undefined;
  const at = (name: string) => book.value(paper, name, system);
  if (metric === "average segment size") {
    return formula((at("throughput") * 1e6) / 8 / at("TCP segments"), "throughput ÷ segments a second");
  }
  if (metric === "processing per segment") {
    return formula(2.4e9 / at("TCP segments"), "one core of 2.40 GHz ÷ segments a second");
  }
  return undefined;
}

const CACHE = "QEMU docs/qcow2-cache.txt";

/** qcow2's L2 table has one entry a cluster; its cache covers cluster ÷ entry times its own size. */
export function clusterTables({ paper, metric, system }: CellName, book: FigureBook): Estimate | undefined {
  if (!paper.startsWith(CACHE)) return undefined;
  const at = (name: string) => book.value(CACHE, name, system);
  const cluster = () => at("default cluster") * 1024;
  switch (metric) {
    case "virtual disk covered per MB of L2 cache, 64 KB clusters":
      return formula(
        cluster() / at("L2 entry (normal)") / 1024,
        "one entry a cluster: cluster size ÷ entry size",
      );
    case "virtual disk fully covered by that cap":
      return formula(
        (at("default L2 cache cap on Linux") * cluster()) / at("L2 entry (normal)") / 1024,
        "cache size × cluster size ÷ entry size",
      );
    case "L2 entry, extended (subclusters)":
      return formula(
        at("L2 entry (normal)") + 8,
        "the normal entry and a bitmap of 64 bits, two for each of 32 subclusters",
      );
    default:
      return undefined;
  }
}

const CACHE_SWEEP = "4 KB random read, 20 GB image";

/**
 * Random reads with a metadata cache that covers a part of the image: the time of a read is that of a full cache and, for the
 * uncovered part, one more look-up. The two times follow from the fully covered and the smallest cache.
 */
export function cacheSweep({ metric, system, paper }: CellName, book: FigureBook): Estimate | undefined {
  if (metric !== CACHE_SWEEP) return undefined;
  const size = (text: string) => Number(/([\d.]+) MB/.exec(text)?.[1]);
  const points = book.figures
    .filter((figure) => figure.paper === paper && figure.metric === metric)
    .map((figure) => ({ cache: size(figure.system), seconds: 1 / figure.value }))
    .sort((a, b) => a.cache - b.cache);
  const [least, most] = [points[0], points[points.length - 1]];
  const covered = 2.5;
  if (points.length < 2 || most.cache !== covered) return undefined;
  const lookUp = (least.seconds - most.seconds) / (1 - least.cache / covered);
  const missed = 1 - size(system) / covered;
  return formula(
    1 / (most.seconds + missed * lookUp),
    `a read of ${(most.seconds * 1e6).toFixed(1)} µs and, for ${Math.round(missed * 100)} % of the table that is not ` +
      `cached, a look-up of ${(lookUp * 1e6).toFixed(0)} µs`,
  );
}

const WALDSPURGER = "Waldspurger";

export function memoryArithmetic(
  { paper, metric, system }: CellName,
  book: FigureBook,
): Estimate | undefined {
  if (!paper.startsWith(WALDSPURGER)) return undefined;
  const at = (name: string) => book.value(WALDSPURGER, name, system);
  if (metric === "allocation of each VM at 0 % tax") {
    return formula(
      taxedAllocation(360, 256, 0).active,
      "equal shares of 360 MB: no page is dearer than another",
    );
  }
  if (metric === "memory reclaimed, many identical VMs (nearly)") {
    const machines = Number(/^(\d+) x/.exec(system)?.[1]);
    const shared = at("memory shared, many identical Linux VMs (towards)");
    return formula(
      reclaimedShare(shared / 100, machines) * 100,
      `${shared} % shared, each page by ${machines} machines: all copies but one`,
    );
  }
  const total = () => at("total VM memory");
  if (metric === "shared share") return formula((at("shared") / total()) * 100, "shared ÷ total");
  if (metric === "reclaimed share") return formula((at("reclaimed") / total()) * 100, "reclaimed ÷ total");
  if (metric === "shared") return formula((at("shared share") * total()) / 100, "share × total");
  if (metric === "reclaimed") return formula((at("reclaimed share") * total()) / 100, "share × total");
  return undefined;
}

const ELI = "Gordon et al. (ELI)";
const ASSIGNED = "SR-IOV device assignment, no ELI";
const SHARE = "share of bare-metal throughput";
const GAIN = "throughput gain of ELI over plain assignment";

/** The gain is the ratio of the two shares. */
export function exitlessGain({ paper, metric, system }: CellName, book: FigureBook): Estimate | undefined {
  if (!paper.startsWith(ELI)) return undefined;
  const assigned = book.value(ELI, SHARE, ASSIGNED);
  if (metric === GAIN) {
    return formula(
      (book.value(ELI, SHARE, system) / assigned - 1) * 100,
      "share with ÷ share without, less one",
    );
  }
  if (metric !== SHARE || system === ASSIGNED) return undefined;
  const gain = book.value(ELI, GAIN, system);
  return formula(Math.min(100, assigned * (1 + gain / 100)), "share without × (1 + gain), at most all");
}

const CLUSTERING = "speed-up vs no clustering";

/** Speed-ups of the outer and the inner hypervisor multiply. */
export function clustering({ paper, metric, system }: CellName, book: FigureBook): Estimate | undefined {
  if (metric !== CLUSTERING) return undefined;
  const at = (name: string) => book.value(paper, metric, name);
  const [where, vendor] = system.split(" / ");
  const outer = () => {
    if (vendor !== "amd") return at(`outer / ${vendor}`);
    return 1 + ((at("outer / intel") - 1) * (at("inner / amd") - 1)) / (at("inner / intel") - 1);
  };
  if (where === "outer" && vendor === "amd") {
    return formula(outer(), "the outer gain on Intel, less by as much as the inner one is on AMD");
  }
  if (where === "both") return formula(outer() * at(`inner / ${vendor}`), "outer × inner");
  return undefined;
}

const TURTLES = "Ben-Yehuda et al. (Turtles)";

/** Percentages of the same paper's own run times. */
export function overheads({ paper, metric, system }: CellName, book: FigureBook): Estimate | undefined {
  if (!paper.startsWith(TURTLES)) return undefined;
  const found = /^(kernbench) overhead vs (host|single-level guest)$/.exec(metric);
  if (found === null) return undefined;
  const at = (name: string) => book.value(TURTLES, "kernbench run time", name);
  const base = found[2] === "host" ? at("bare metal") : at("single-level KVM guest");
  return formula((at(system) / base - 1) * 100, "run time ÷ run time of the base, less one");
}

const FELTER = "Felter";

/** A network path adds the same time to each round trip, whatever the protocol above it. */
export function addedLatency(
  { paper, table, metric, system }: CellName,
  book: FigureBook,
): Estimate | undefined {
  if (!paper.startsWith(FELTER) || !/^(TCP|UDP)_RR$/.test(metric)) return undefined;
  const other = metric === "TCP_RR" ? "UDP_RR" : "TCP_RR";
  const native = book.native({ paper, table, metric });
  const otherNative = book.native({ paper, table, metric: other });
  if (native === undefined || otherNative === undefined) throw new MissingFigureError("no native round trip");
  const added = book.value(paper, other, system) - otherNative;
  return formula(
    native + added,
    `native ${native} µs + ${added.toFixed(1)} µs that the path adds to ${other}`,
  );
}
