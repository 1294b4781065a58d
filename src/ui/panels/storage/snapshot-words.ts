/** What the screens of storage say of a snapshot, and where it is in its tree. */
import type {
  SnapshotNode,
  SnapshotTreeView,
} from "../../../hypervisor-model/virtual-machines/machine-snapshots.ts";

/** The mark of what a snapshot goes on as: running, suspended or off. */
export function powerMark({ power }: SnapshotNode): string {
  return { running: "▶", suspended: "‖", off: "○" }[power];
}

export function whenTaken({ createdAt }: SnapshotNode): string {
  return new Date(createdAt).toLocaleString(document.documentElement.lang, {
    dateStyle: "short",
    timeStyle: "short",
  });
}

/** All snapshots, each before its children. */
export function allNodes({ roots }: SnapshotTreeView): SnapshotNode[] {
  const below = (node: SnapshotNode): SnapshotNode[] => [node, ...node.children.flatMap(below)];
  return roots.flatMap(below);
}

export interface Place {
  /** undefined: the present state. */
  node?: SnapshotNode;
  column: number;
  row: number;
  parent?: Place;
}

/** Left to right; a branch takes a new row, the present state comes last below its snapshot. */
export function placesOf({ roots, current }: SnapshotTreeView): Place[] {
  const places: Place[] = [];
  let rows = 0;
  const lay = (node: SnapshotNode | undefined, column: number, parent?: Place): void => {
    const place: Place = { node, column, row: rows, parent };
    places.push(place);
    const inner: (SnapshotNode | undefined)[] = [...(node?.children ?? [])];
    if (node && node.id === current) inner.push(undefined);
    for (const [i, child] of inner.entries()) {
      if (i > 0) rows++;
      lay(child, column + 1, place);
    }
  };
  const tops: (SnapshotNode | undefined)[] = [...roots];
  if (current === null) tops.push(undefined);
  for (const [i, top] of tops.entries()) {
    if (i > 0) rows++;
    lay(top, 0);
  }
  return places;
}
