/** What this browser remembers about the look: language, light or dark, what is unfolded. Without storage: for this page. */
import { asLanguage, language, preferredLanguage, type Language } from "../i18n/messages.ts";
import { settingOf } from "./route.ts";
import { signal } from "./signals.ts";

export type Theme = "light" | "dark";

const KEY = "ringside-preferences";

interface Preferences {
  language?: Language;
  theme?: Theme;
  library?: boolean;
  log?: boolean;
  labWidth?: number;
}

function read(): Preferences {
  try {
    return (JSON.parse(localStorage.getItem(KEY) ?? "{}") as Preferences | null) ?? {};
  } catch {
    return {};
  }
}

function remember(change: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...read(), ...change }));
  } catch {
    // kept for this page alone
  }
}

const systemDark = () => matchMedia("(prefers-color-scheme: dark)");

export const theme = signal<Theme>("light");
export const libraryShown = signal(true);
export const logExpanded = signal(false);

export function setLanguage(value: Language): void {
  language.set(value);
  document.documentElement.lang = value;
  remember({ language: value });
}

export function setTheme(value: Theme, keep = true): void {
  theme.set(value);
  document.documentElement.classList.toggle("wa-dark", value === "dark");
  document.documentElement.classList.toggle("wa-light", value === "light");
  if (keep) remember({ theme: value });
}

export function toggleLibrary(): void {
  libraryShown.set(!libraryShown.get());
  remember({ library: libraryShown.get() });
}

export function toggleLog(): void {
  logExpanded.set(!logExpanded.get());
  remember({ log: logExpanded.get() });
}

/** Of a lab's text beside the workspace, in CSS pixels. */
export const LAB_WIDTH = { minimum: 260, maximum: 900, default: 400 };
export const labWidth = signal(LAB_WIDTH.default);

export function setLabWidth(pixels: number): void {
  const width = Math.round(Math.min(LAB_WIDTH.maximum, Math.max(LAB_WIDTH.minimum, pixels)));
  labWidth.set(width);
  remember({ labWidth: width });
}

/** `?lang=` in the address wins over what was chosen before, and that over the browser's languages. */
export function applyPreferences(): void {
  const kept = read();
  const asked = asLanguage(settingOf("lang"));
  const chosen = asked ?? asLanguage(kept.language) ?? preferredLanguage(navigator.languages);
  language.set(chosen);
  document.documentElement.lang = chosen;
  setTheme(kept.theme ?? (systemDark().matches ? "dark" : "light"), false);
  systemDark().addEventListener("change", (event) => {
    if (read().theme === undefined) setTheme(event.matches ? "dark" : "light", false);
  });
  libraryShown.set(kept.library ?? innerWidth > 700);
  logExpanded.set(kept.log ?? false);
  labWidth.set(typeof kept.labWidth === "number" ? kept.labWidth : LAB_WIDTH.default);
}
