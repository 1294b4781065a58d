/** What goes wrong gets one sentence, and the rest of the page goes on. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Page } from "playwright";
import {
  PROMPT,
  axeProblems,
  expectConsole,
  newVisitor,
  openRingside,
  typeInConsole,
  type Ringside,
} from "./page.ts";

let ringside: Ringside;
beforeAll(async () => {
  ringside = await openRingside();
});
afterAll(() => ringside.close());

async function visit(prepare: (page: Page) => Promise<unknown>, locale = "en"): Promise<Page> {
  const page = await (await newVisitor(ringside, locale)).newPage();
  await prepare(page);
  await page.goto(ringside.address);
  return page;
}
const notice = (page: Page, hasText: string) =>
  page.locator(".notice", { hasText }).waitFor({ timeout: 60_000 });

test("A machine whose Worker dies is powered off, says so, and starts again", async () => {
  const page = await visit(async () => undefined);
  await expectConsole(page, PROMPT);
  for (const worker of page.workers()) {
    await worker.evaluate(() => {
      setTimeout(() => {
        throw new Error("killed by the test");
      });
    });
  }
  await notice(page, "stopped working");
  await page.locator(".ended .power-on button").click();
  await expectConsole(page, PROMPT);
  await page.context().close();
});

test("An image with a wrong digest is not started", async () => {
  const wrong = async (page: Page) => {
    await page.route("**/images/tiny/vmlinuz", async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      body[1000] ^= 1;
      await route.fulfill({ response, body });
    });
    await withoutWarmState(page);
  };
  const page = await visit(wrong);
  await notice(page, "SHA-256 differs");
  await page.locator("rs-library a", { hasText: "Powered off" }).waitFor();
  await page.context().close();
});

test("Images that cannot be reached are named, in Chinese too", async () => {
  const page = await visit((page) => page.route("**/images/**", (route) => route.abort()), "zh-CN");
  await notice(page, "无法加载客户机映像");
  await page.context().close();
});

test("Where nothing can be stored the laboratory runs in memory and says so", async () => {
  const page = await visit((page) =>
    page.addInitScript(() => Object.defineProperty(globalThis, "indexedDB", { value: undefined })),
  );
  await notice(page, "Nothing will be kept");
  await expectConsole(page, PROMPT);
  await page.context().close();
});

test("Data that the browser has cleared is told of with the machines' names, until the user has taken note", async () => {
  const page = await visit(async () => undefined);
  await expectConsole(page, PROMPT);
  const name = (await page.locator("rs-library a .name").first().innerText()).trim();
  // A page of the same site that has nothing open.
  await page.goto(`${ringside.address}images/tiny/manifest.json`);
  await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const deletion = indexedDB.deleteDatabase("ringside-store");
        deletion.onsuccess = resolve;
        deletion.onerror = reject;
      }),
  );
  await page.goto(ringside.address);
  await notice(page, "The browser has lost what was stored");
  expect(await page.locator(".notice.danger").innerText()).toContain(`Gone: ${name}.`);
  await page.reload();
  await notice(page, "The browser has lost what was stored");
  expect(await axeProblems(page)).toEqual([]);
  await page.getByRole("button", { name: "I have taken note" }).click();
  const remembered = await page.evaluate(() => localStorage.getItem("ringside-machine-names"));
  expect(JSON.parse(remembered ?? "")).toEqual({ present: [name], lost: [] });
  await page.context().close();
});

/** Tiny Linux without its saved start, so that its kernel is loaded. */
async function withoutWarmState(page: Page): Promise<void> {
  await page.route("**/images/tiny/manifest.json", async (route) => {
    const manifest = (await (await route.fetch()).json()) as { files: { role: string }[] };
    manifest.files = manifest.files.filter(({ role }) => role !== "warm-state");
    await route.fulfill({ json: manifest });
  });
}

test("An image that arrives cut off is named as incomplete", async () => {
  const page = await visit(async (page) => {
    await withoutWarmState(page);
    await page.route("**/images/tiny/vmlinuz", async (route) => {
      const response = await route.fetch();
      await route.fulfill({ body: (await response.body()).subarray(0, 100_000) });
    });
  });
  await notice(page, "arrived incomplete");
  await page.context().close();
});

test("A machine whose kernel turns out to be another one at its first reset says so, in Chinese too", async () => {
  const page = await visit(async (page) => {
    await page.route("**/images/tiny/vmlinuz", async (route) => {
      const response = await route.fetch();
      const body = await response.body();
      body[1000] ^= 1;
      await route.fulfill({ response, body });
    });
  }, "zh-CN");
  await expectConsole(page, PROMPT);
  await typeInConsole(page, "reboot -f\n");
  await notice(page, "内核无法加载");
  await notice(page, "SHA-256");
  await page.context().close();
});

test("A browser that refuses WebAssembly is told what to allow", async () => {
  const page = await visit((page) =>
    page.addInitScript(() => {
      const refuse = () => Promise.reject(new WebAssembly.CompileError("refused by the test"));
      Object.assign(WebAssembly, { compile: refuse, compileStreaming: refuse, instantiate: refuse });
    }),
  );
  await notice(page, "refused to run the engine");
  await page.context().close();
});

test("A definition of a newer version is named, kept as it is, and the rest works", async () => {
  const page = await visit(async () => undefined);
  await expectConsole(page, PROMPT);
  const key = "11111111-2222-4333-8444-555555555555";
  const document = { version: 99, id: key, name: "from the future", shape: { of: "things" } };
  const access = (value?: unknown) =>
    page.evaluate(
      ([key, value]) =>
        new Promise<unknown>((resolve, reject) => {
          const opening = indexedDB.open("ringside-store");
          opening.onerror = () => reject(opening.error as Error);
          opening.onsuccess = () => {
            const db = opening.result;
            const transaction = db.transaction("documents", value ? "readwrite" : "readonly");
            const documents = transaction.objectStore("documents");
            const request = value
              ? documents.put(value, ["machines", key])
              : documents.get(["machines", key]);
            transaction.oncomplete = () => {
              db.close();
              resolve(request.result);
            };
          };
        }),
      [key, value] as const,
    );
  await access(document);
  await page.reload();
  await notice(page, "was saved by a newer Ringside");
  await page.locator("rs-library a", { hasText: "from the future" }).waitFor();
  await page.locator(".notice rs-action", { hasText: "Start Linux" }).locator("button").click();
  await expectConsole(page, PROMPT);
  expect(await access()).toEqual(document);
  await page.context().close();
});

test("A second machine that the computer has no memory for is refused, with what would help", async () => {
  const page = await visit((page) =>
    page.addInitScript(() => {
      // guests get 128 MiB of it: one of 64 MiB
      Object.defineProperty(Navigator.prototype, "deviceMemory", { get: () => 1 });
    }),
  );
  await expectConsole(page, PROMPT);
  await page.keyboard.press("Control+Shift+P");
  await page.locator("rs-dialog h2").waitFor();
  await page.keyboard.type("Start a Linux");
  await page.keyboard.press("Enter");
  await notice(page, "Not enough memory: the machine needs 112 MiB, and 16 MiB are free");
  const powerOn = page.locator('[data-command="power-on"]');
  expect(await powerOn.locator("button").getAttribute("aria-disabled")).toBe("true");
  expect(await powerOn.locator("#reason").textContent()).toContain("Power off or suspend another machine");
  expect(await page.locator("rs-library a", { hasText: "Running" }).count()).toBe(1);
  await page.context().close();
});

test("Cut off from its server the page goes on: the guest answers, and what was not loaded can be loaded later", async () => {
  const page = await visit(async () => undefined);
  await expectConsole(page, PROMPT);
  await page.context().setOffline(true);
  await typeInConsole(page, "echo still-$((40+2))\n");
  await expectConsole(page, "still-42");
  await page.evaluate(() => (location.hash = "#/cpu"));
  await page.locator(".empty [role=alert]", { hasText: "server" }).waitFor();
  await page.context().setOffline(false);
  await page.locator(".empty rs-action button").click();
  await page.locator("rs-cpu").waitFor();
  await page.context().close();
});

test("The page obeys its Content-Security-Policy while a machine runs", async () => {
  const broken: string[] = [];
  const page = await visit(async (page) => {
    page.on("console", (message) => {
      if (/Content Security Policy/.test(message.text()))
        broken.push(`${message.text()} ${message.location().url}`);
    });
  });
  await expectConsole(page, PROMPT);
  expect(broken).toEqual([]);
  await page.context().close();
});
