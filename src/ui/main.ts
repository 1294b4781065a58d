/** Where the page begins: what a first visit starts is on its way before the page's own code has come. */
import "@awesome.me/webawesome/dist/styles/themes/default.css";
import "./app/tokens.css";
import { isFirstVisit, loadFirstMachine } from "./state/machine-host.ts";

if (isFirstVisit()) loadFirstMachine();
await import("./page.ts");
