/**
 * Where the page is, as the address says after #: `#/home`, `#/machine/<id>`, `#/<workspace>/<rest…>`. What follows a `?` are
 * settings for the first visit (`#lab/L15?lang=zh-CN&seed=5`, as links from elsewhere write it).
 */
import { signal } from "./signals.ts";

export type Route =
  | { type: "home" }
  | { type: "machine"; id: string }
  /** Whether there is such a workspace is known in app/workspaces.ts. */
  | { type: "workspace"; name: string; rest: readonly string[] }
  | { type: "unknown" };

export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#?\/?/, "/").replace(/\?.*$/, "");
  if (path === "/" || path === "/home") return { type: "home" };
  const machine = /^\/machine\/([0-9a-f-]+)$/.exec(path);
  if (machine) return { type: "machine", id: machine[1] };
  const workspace = /^\/([a-z][a-z-]*)(?:\/(.*))?$/.exec(path);
  if (!workspace || workspace[1] === "machine") return { type: "unknown" };
  try {
    const rest = (workspace[2] ?? "").split("/").filter(Boolean).map(decodeURIComponent);
    return { type: "workspace", name: workspace[1], rest };
  } catch {
    return { type: "unknown" }; // a broken percent sign
  }
}

/** What an address sets with `?name=value`, before or after the #. */
export function settingOf(name: string): string | null {
  const inHash = new URLSearchParams(location.hash.split("?")[1] ?? "");
  return inHash.get(name) ?? new URLSearchParams(location.search).get(name);
}

export function hashOf(route: Route): string {
  switch (route.type) {
    case "machine":
      return `#/machine/${route.id}`;
    case "workspace":
      return `#/${[route.name, ...route.rest.map(encodeURIComponent)].join("/")}`;
    case "home":
    case "unknown":
      return "#/home";
    default:
      return route satisfies never;
  }
}

export const route = signal<Route>({ type: "home" });

export function go(to: Route): void {
  location.hash = hashOf(to);
  route.set(to);
}

export function followAddress(): void {
  route.set(parseRoute(location.hash));
  addEventListener("hashchange", () => route.set(parseRoute(location.hash)));
}
