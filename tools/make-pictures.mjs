/** Makes docs/pictures from the built page: node tools/make-pictures.mjs (after npm run build). Needs Chromium. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright";
import { CHROMIUM_ARGUMENTS, findOrInstallChromium } from "./chromium.mjs";
import { root } from "./install.mjs";
import { serve } from "./serve.mjs";

const folder = join(root, "docs/pictures");
mkdirSync(folder, { recursive: true });
const { server, address } = await serve();
const browser = await chromium.launch({ executablePath: findOrInstallChromium(), args: CHROMIUM_ARGUMENTS });

for (const [language, scheme] of [
  ["zh-CN", "light"],
  ["en", "dark"],
]) {
  const context = await browser.newContext({
    viewport: { width: 1366, height: 768 },
    colorScheme: scheme,
    locale: language,
  });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && console.error(message.text()));
  page.on("pageerror", (error) => console.error(error));
  const picture = async (name) => {
    await page.screenshot({ path: join(folder, `${name}.${language}.png`) });
    console.log(`${name}.${language}.png`);
  };
  await page.goto(address);
  await page.locator(".xterm-rows").waitFor({ timeout: 60_000 });
  await page
    .waitForFunction(
      () => {
        const deep = (root) => [
          root,
          ...[...root.querySelectorAll("*")].flatMap((e) => (e.shadowRoot ? deep(e.shadowRoot) : [])),
        ];
        return deep(document).some((part) =>
          /[#$] *$/m.test(part.querySelector(".xterm-rows")?.textContent ?? ""),
        );
      },
      undefined,
      { timeout: 90_000 },
    )
    .catch(() => console.error("no prompt seen"));
  await page.locator("rs-serial-console textarea").focus();
  await page.keyboard.type("uname -a; udhcpc -i ens33 -q; ping -c 2 192.168.10.2\n");
  // two looks at the live figures
  await page.waitForTimeout(6500);
  await picture("console");
  await page.evaluate(() => (location.hash = "#/network"));
  await page.locator("rs-network").waitFor();
  await page.waitForTimeout(2500);
  await picture("network");
  await page.locator("rs-library a").first().click();
  await page.locator('[data-command="snapshot-manager"] button').click();
  for (const name of language === "en" ? ["clean", "firewall off"] : ["干净系统", "防火墙已关"]) {
    await page.locator("rs-snapshot-tree .take button").click();
    await page.locator("rs-snapshot-dialogs input").first().fill(name);
    await page.locator("rs-snapshot-dialogs .do button").click();
    await page.locator("rs-snapshot-tree button.node", { hasText: name }).waitFor();
  }
  await page.locator("rs-snapshot-tree button.node").first().click();
  await page.locator('[data-do="revert"] button').click();
  await page.locator("rs-snapshot-dialogs .do button").click();
  await page.locator("rs-snapshot-tree button.node").nth(2).waitFor();
  await page.waitForTimeout(3000);
  await picture("snapshots");
  await page.evaluate(() => (location.hash = "#/cpu"));
  await page.locator("rs-cpu rs-code-list").waitFor();
  for (let i = 0; i < 4; i++) {
    await page.keyboard.press("F11");
    await page.waitForTimeout(500);
  }
  await picture("cpu");
  await page.evaluate(() => (location.hash = "#/lab"));
  await page.locator("rs-labs").waitFor();
  await page.waitForTimeout(800);
  await picture("labs");
  await page.evaluate(() => (location.hash = "#/home"));
  await page.waitForTimeout(400);
  await picture("home");
  await page.locator("rs-library header rs-action button").click();
  await page.waitForTimeout(800);
  await picture("wizard");
  await page.keyboard.press("Escape");
  await page.waitForTimeout(300);
  await page.locator("rs-library a").first().click();
  await page.locator('[data-command="power-off"] button').click();
  await page.waitForTimeout(400);
  await picture("power-off");
  await page.locator("rs-action.now button").click();
  await page.locator(".summary").waitFor();
  await page.waitForTimeout(500);
  await picture("summary");
  await context.close();
}
await browser.close();
server.close();
