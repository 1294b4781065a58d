/** Where the page begins: look and language first, then the shell, then the laboratory behind it. */
import "@awesome.me/webawesome/dist/styles/themes/default.css";
import "@awesome.me/webawesome/dist/translations/en.js";
import "@awesome.me/webawesome/dist/translations/zh-cn.js";
import "./app/tokens.css";
import { registerIcons } from "./components/icon/icon-library.ts";
import { applyPreferences } from "./state/preferences.ts";
import { followAddress, route } from "./state/route.ts";
import { laboratory } from "./state/laboratory.ts";
import { openTab } from "./state/machines.ts";

registerIcons();
applyPreferences();
followAddress();
await import("./app/shell.ts");
await laboratory.open();
const at = route.get();
if (at.type === "machine") openTab(at.id);
else if (laboratory.isEmpty && at.type === "home") await laboratory.create({}, true);
