/**
 * The shape of a catalogue: every language has exactly the keys of the English one, with the same parameters, so a
 * missing key is an error of the compiler. `messages()` reads the language signal, so whatever draws with it is drawn
 * again when the language changes.
 */
import { signal } from "../state/signals.ts";
import { en } from "./en.ts";
import { zhCn } from "./zh-cn.ts";

export type Messages = typeof en;
export type Language = "zh-CN" | "en";

export const catalogues: Record<Language, Messages> = { "zh-CN": zhCn, en };

export const language = signal<Language>("en");

export function messages(): Messages {
  return catalogues[language.get()];
}

/** The language for a list of browser languages, best first: Chinese of any kind, otherwise English. */
export function preferredLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    if (/^zh\b/i.test(tag)) return "zh-CN";
    if (/^en\b/i.test(tag)) return "en";
  }
  return "en";
}

export function asLanguage(text: string | null | undefined): Language | undefined {
  if (!text) return undefined;
  if (/^zh\b/i.test(text)) return "zh-CN";
  if (/^en\b/i.test(text)) return "en";
  return undefined;
}
