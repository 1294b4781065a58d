/** Opens the laboratory in the look, the language and at the address that were left, then shows it. */
import "@awesome.me/webawesome/dist/translations/en.js";
import "@awesome.me/webawesome/dist/translations/zh-cn.js";
import { registerIcons } from "./components/icon/icon-library.ts";
import { lastLab } from "./state/beside.ts";
import { laboratory } from "./state/laboratory.ts";
import { openTab } from "./state/machines.ts";
import { applyPreferences } from "./state/preferences.ts";
import { followAddress, route } from "./state/route.ts";

/** The first machine goes before the page, whose drawing it may hold up for so many milliseconds. */
const HOLD_UP_MS = 500;

registerIcons();
applyPreferences();
followAddress();
const starting = start();
await Promise.race([
  starting.catch(() => undefined),
  new Promise((resolve) => setTimeout(resolve, HOLD_UP_MS)),
]);
await import("./app/shell.ts");
await starting;
// The lab that was open when the page was left stands beside the workspace again.
if (lastLab() !== undefined) await (await import("./panels/labs/labs.ts")).restoreLab();

/** On the first visit until the first machine's thread has what it needs: it builds it while this one draws. */
async function start(): Promise<void> {
  await laboratory.open();
  const at = route.get();
  if (at.type === "machine") openTab(at.id);
  else if (laboratory.isEmpty && at.type === "home") {
    void laboratory.create({}, true);
    await laboratory.firstLoaded;
  }
}
