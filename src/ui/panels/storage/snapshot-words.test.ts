import { expect, test } from "vitest";
import type { SnapshotNode } from "../../../hypervisor-model/virtual-machines/machine-snapshots.ts";
import { allNodes, placesOf } from "./snapshot-words.ts";

const node = (id: string, ...children: SnapshotNode[]): SnapshotNode => ({
  id,
  name: id,
  description: "",
  createdAt: 0,
  power: "off",
  clones: [],
  children,
});
const tree = (current: string | null, ...roots: SnapshotNode[]) => ({ roots, current, isTemplate: false });
const drawn = (current: string | null, ...roots: SnapshotNode[]) =>
  placesOf(tree(current, ...roots)).map(
    ({ node, column, row, parent }) => `${node?.id ?? "here"}@${column},${row}<${parent?.node?.id ?? ""}`,
  );

test("A chain is one row with the present state at its end", () => {
  expect(drawn("b", node("a", node("b")))).toEqual(["a@0,0<", "b@1,0<a", "here@2,0<b"]);
});

test("Each branch has a row of its own, and the present state is below the snapshot it came from", () => {
  expect(drawn("a", node("a", node("b", node("c")), node("d")))).toEqual([
    "a@0,0<",
    "b@1,0<a",
    "c@2,0<b",
    "d@1,1<a",
    "here@1,2<a",
  ]);
});

test("Without a snapshot the present state stands alone", () => {
  expect(drawn(null)).toEqual(["here@0,0<"]);
});

test("All snapshots are listed, each before its children", () => {
  expect(allNodes(tree(null, node("a", node("b")), node("c"))).map(({ id }) => id)).toEqual(["a", "b", "c"]);
});
