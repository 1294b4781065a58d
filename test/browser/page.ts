/** Opens the built page in Chromium for the browser tests. */
import axe from "axe-core";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright";
import { CHROMIUM_ARGUMENTS, findOrInstallChromium } from "../../tools/chromium.mjs";
import { serve } from "../../tools/serve.mjs";

export interface Ringside {
  browser: Browser;
  address: string;
  close(): Promise<void>;
}

export async function openRingside(): Promise<Ringside> {
  const { server, address } = await serve();
  const browser = await chromium.launch({
    executablePath: findOrInstallChromium(),
    args: CHROMIUM_ARGUMENTS,
  });
  return {
    browser,
    address,
    async close() {
      await browser.close();
      server.close();
    },
  };
}

/** A browser profile of its own: nothing stored, one language. */
export function newVisitor(ringside: Ringside, locale = "en", dark = false): Promise<BrowserContext> {
  return ringside.browser.newContext({
    locale,
    colorScheme: dark ? "dark" : "light",
    viewport: { width: 1366, height: 768 },
  });
}

export function consoleText(page: Page): Promise<string> {
  return page.locator(".xterm-rows").innerText();
}

/** Waits until the console shows the text. */
export async function expectConsole(page: Page, text: string | RegExp, timeout = 90_000): Promise<void> {
  await page.locator(".xterm-rows").filter({ hasText: text }).waitFor({ timeout });
}

export const PROMPT = /\[root@\S+ ~\]#/;

export async function typeInConsole(page: Page, text: string): Promise<void> {
  await page.locator("rs-serial-console textarea").focus();
  await page.keyboard.type(text);
}

/** What axe finds wrong on the page as it stands. */
export async function axeProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(document, {
      rules: { region: { enabled: false } },
    });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
  });
}
