/** Where the page is, as the address says after #: `#/home`, `#/machine/<id>`. */
import { signal } from "./signals.ts";

export type Route = { type: "home" } | { type: "machine"; id: string } | { type: "unknown" };

export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#/, "");
  if (path === "" || path === "/" || path === "/home") return { type: "home" };
  const machine = /^\/machine\/([0-9a-f-]+)$/.exec(path);
  return machine ? { type: "machine", id: machine[1] } : { type: "unknown" };
}

export function hashOf(route: Route): string {
  return route.type === "machine" ? `#/machine/${route.id}` : "#/home";
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
