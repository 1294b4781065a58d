/**
 * Gives Web Awesome's own components (chevrons, close buttons, check marks) local icons. Without this `<wa-icon>` would
 * ask a host on the internet. It fetches an address, so each icon is a file of the page.
 */
import { registerIconLibrary } from "@awesome.me/webawesome/dist/components/icon/library.js";
import check from "lucide-static/icons/check.svg?url";
import chevronDown from "lucide-static/icons/chevron-down.svg?url";
import chevronLeft from "lucide-static/icons/chevron-left.svg?url";
import chevronRight from "lucide-static/icons/chevron-right.svg?url";
import chevronUp from "lucide-static/icons/chevron-up.svg?url";
import circle from "lucide-static/icons/circle-small.svg?url";
import grip from "lucide-static/icons/grip-vertical.svg?url";
import minus from "lucide-static/icons/minus.svg?url";
import x from "lucide-static/icons/x.svg?url";

const files: Record<string, string> = {
  check,
  "chevron-down": chevronDown,
  "chevron-left": chevronLeft,
  "chevron-right": chevronRight,
  "chevron-up": chevronUp,
  circle,
  "grip-vertical": grip,
  indeterminate: minus,
  minus,
  xmark: x,
};

export function registerIcons(): void {
  const resolver = (name: string): string => {
    const file = files[name];
    if (file === undefined) throw new Error(`no icon "${name}" in the page`);
    return file;
  };
  registerIconLibrary("default", { resolver });
  registerIconLibrary("system", { resolver });
}
