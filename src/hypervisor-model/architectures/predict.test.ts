import { describe, expect, test } from "vitest";
import { FigureBook, type Figure } from "./figures.ts";
import { predict, type Prediction } from "./predict.ts";
import { meanError } from "./mean-error.ts";
import { validate } from "./validation.ts";

const book = new FigureBook();

function ask(
  figure: Omit<Figure, "value" | "year" | "hardware" | "basis" | "note">,
  figures = book,
): Prediction {
  const { paper, table, metric, system, unit } = figure;
  return predict({ id: "asked", paper, table, metric, system, unit, hw: "" }, figures);
}

function value(answer: Prediction): number {
  if (answer.value === null) throw new Error(answer.why);
  return answer.value;
}

const NANO = {
  paper: "Adams & Agesen, ASPLOS 2006",
  table: "raw-data appendix / Fig. 4 nanobenchmarks",
  unit: "cycles",
};
const BT = "software VMM (binary translation)";
const VT = "hardware VMM (VT-x gen 1, shadow paging)";
const CLARK = "Clark et al., NSDI 2005";

describe("the prediction of a published cell", () => {
  test("does not rest on the cell itself", () => {
    for (const figure of book.figures.slice(0, 120)) {
      const changed = new FigureBook(
        book.figures.map((other) => (other === figure ? { ...other, value: other.value * 7 } : other)),
      );
      expect(ask(figure, changed), `${figure.metric} on ${figure.system}`).toEqual(ask(figure));
    }
  });

  test("does not depend on the question's id", () => {
    const question = { ...NANO, metric: "call/ret pair", system: BT, hw: "" };
    expect(value(predict({ ...question, id: "a" }))).toBe(
      value(predict({ ...question, id: "aa06.nano.in.bt" })),
    );
  });

  test("is null with a reason for a paper that is not known", () => {
    const answer = ask({
      paper: "Nobody 1999",
      table: "Table 1",
      metric: "hypercall",
      system: "Xen",
      unit: "us",
    });
    expect(answer).toEqual({ id: "asked", value: null, why: expect.stringContaining("no open figure") });
  });

  test("misses the open cells whose row is hidden by at most 1.3 on geometric mean, each kind apart", () => {
    const answered = validate(book).filter(({ error }) => error !== undefined);
    const kinds = ["executed", "fit", "formula"];
    for (const kind of kinds) {
      const cells = answered.filter(({ answer }) => answer.value !== null && answer.kind === kind);
      expect(cells.length, kind).toBeGreaterThan(kind === "executed" ? 5 : 40);
      expect(meanError(cells), kind).toBeLessThanOrEqual(1.3);
    }
  });
});

describe("nanobenchmarks", () => {
  const cell = (metric: string, system: string) => value(ask({ ...NANO, metric, system }));

  test.each(["call/ret pair", "divide-by-zero fault", "PTE write, not-present to present"])(
    "%s is answered for both monitors, with the event's count in words",
    (metric) => {
      for (const system of [BT, VT]) {
        const answer = ask({ ...NANO, metric, system });
        expect(value(answer)).toBeGreaterThan(0);
        expect(answer).toHaveProperty("how", expect.stringMatching(/^native \d+ \+|0 exits/));
      }
    },
  );

  test("what does not exit costs on VT-x what it costs natively", () => {
    expect(cell("call/ret pair", VT)).toBe(11);
  });

  test("a fault that the translator delivers costs more than one that needs no exit", () => {
    expect(cell("divide-by-zero fault", BT)).toBeGreaterThan(cell("divide-by-zero fault", VT));
  });

  test("a page-table write that exits costs more on VT-x than in adapted translated code", () => {
    const metric = "PTE write, not-present to present";
    expect(cell(metric, VT)).toBeGreaterThan(100 * cell(metric, BT));
  });
});

describe("relations", () => {
  test.each([
    ["page-entry references, 4-level guest on 4-level nested", 24],
    ["page-entry references, 4-level guest on 3-level nested", 19],
    ["references, 4-level guest, 2 MB nested pages", 19],
    ["page-entry references, 2-level guest on 4-level nested", 14],
    ["page-entry references, 4-level native", 4],
  ])("%s: %d", (metric, references) => {
    const paper = "Bhargava et al. (2-D page walks), ASPLOS 2008";
    expect(value(ask({ paper, table: "any", metric, system: "nested paging", unit: "refs" }))).toBe(
      references,
    );
  });

  test("stop and copy takes memory divided by bandwidth", () => {
    const metric = "naive stop-and-copy downtime, 512 MB VM";
    const question = { paper: CLARK, table: "Sec. 4.2 text", metric, unit: "s" };
    expect(value(ask({ ...question, system: "128 Mbit/s link" }))).toBe(32);
    expect(value(ask({ ...question, system: "512 Mbit/s link" }))).toBe(8);
  });

  test.each([
    [3, 28.4, 126.7],
    [5, 16.7, 28.4],
    [7, 15.3, 16.7],
  ])("pre-copy round %d sends between %d and %d MB, as its neighbours did", (round, least, most) => {
    const metric = `data sent in round ${round}`;
    const system = "SPECweb99, 350 clients";
    const megabytes = value(ask({ paper: CLARK, table: "Fig. 9 labels", metric, system, unit: "MB" }));
    expect(megabytes).toBeGreaterThan(least);
    expect(megabytes).toBeLessThan(most);
  });

  test("exit and resume make the round trip of the same generation", () => {
    const metric = "VM exit + null handler + resume";
    const question = {
      paper: "Agesen et al., USENIX ATC 2012",
      table: "Table 1 hardware round-trip latency",
      metric,
    };
    expect(value(ask({ ...question, system: "prescott (3Q2005)", unit: "cycles" }))).toBe(3963);
  });

  test("of pages shared by ten machines nine tenths are given back", () => {
    const metric = "memory reclaimed, many identical VMs (nearly)";
    const question = {
      paper: "Waldspurger (ESX Server), OSDI 2002",
      table: "text / figures",
      metric,
      unit: "%",
    };
    expect(value(ask({ ...question, system: "10 x 40 MB Linux, SPEC95" }))).toBeCloseTo(60.3);
  });
});

describe("executed answers", () => {
  test.each([
    ["call/ret pair", VT, "0 exits counted"],
    ["divide-by-zero fault", VT, "0 exits counted"],
    ["PTE write, not-present to present", VT, "1 exit "],
    ["true page fault", VT, "1 exit "],
    ["divide-by-zero fault", BT, "1 entry "],
    ["syscall+sysret round trip", BT, "1 entry "],
  ])("%s on %s names the count: %s", (metric, system, count) => {
    const answer = ask({ ...NANO, metric, system });
    expect(answer).toMatchObject({ kind: "executed", how: expect.stringContaining(count) });
  });
});
