/** The Network workspace in headless Chromium: how its list of captured frames scrolls with 100,000 of them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright";
import { writePcapng } from "../../src/hypervisor-model/network/pcapng.ts";
import { ETHERTYPE_IPV4, serialiseEthernet } from "../../src/hypervisor-model/network/wire/ethernet.ts";
import { ipv4Packet, serialiseIpv4 } from "../../src/hypervisor-model/network/wire/ipv4.ts";
import { serialiseUdp } from "../../src/hypervisor-model/network/wire/udp.ts";
import { CHROMIUM_ARGUMENTS, findChromium } from "../../tools/chromium.mjs";
import { serve } from "../../tools/serve.mjs";
import type { Row } from "./bench.ts";

const FRAMES = 100_000;
const SECONDS = 5;
const WANTED = 50;

export async function benchmarkNetworkPage(
  imagesFolder: string,
  log: (line: string) => void,
): Promise<Row[]> {
  const folder = join(imagesFolder, "../dist/page");
  const executablePath = findChromium();
  if (executablePath === undefined || !existsSync(join(folder, "index.html"))) {
    const missing = executablePath === undefined ? "there is no Chromium" : "the page has not been built";
    log(`left out, as ${missing}: scrolling through captured frames`);
    return [];
  }
  const { server, address } = await serve({ folder });
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGUMENTS });
  try {
    const page = await browser.newPage({ viewport: { width: 1366, height: 768 } });
    await page.goto(`${address}#/network/vmnet8/capture`);
    await page.locator('rs-capture input[type="file"]').setInputFiles({
      name: "long.pcapng",
      mimeType: "application/octet-stream",
      buffer: Buffer.from(capture()),
    });
    await page.locator("rs-frame-list .rows .row").first().waitFor();
    const idle = await page.evaluate(pictures, 2);
    const measured = await page.locator("rs-frame-list [role=grid]").evaluate(scroll, SECONDS);
    if (measured.held < FRAMES) throw new Error(`the list holds ${measured.held} rows of ${FRAMES}`);
    log(
      `${measured.frames} pictures in ${SECONDS} s, ${measured.blank} of them with a row that was not there yet; ` +
        `without scrolling the page draws ${(idle / 2).toFixed(0)} a second on this computer now`,
    );
    const perSecond = measured.frames / SECONDS;
    return [
      {
        work: `pictures a second that are wanted; those of the list scrolling through ${FRAMES} captured frames`,
        ours: WANTED,
        peer: perSecond,
        ratio: WANTED / perSecond,
        limit: 1,
      },
    ];
  } finally {
    await browser.close();
    server.close();
  }
}

/** What is used of the list's element, which only the page knows as such. */
interface Grid {
  scrollTop: number;
  readonly clientHeight: number;
  readonly scrollHeight: number;
  querySelectorAll(selector: string): Iterable<{ lastElementChild: { textContent: string } | null }>;
  getAttribute(name: string): string | null;
}

/** In the page: how many pictures it draws while nothing happens. */
async function pictures(seconds: number): Promise<number> {
  const { requestAnimationFrame } = globalThis as unknown as {
    requestAnimationFrame: (done: () => void) => void;
  };
  const end = performance.now() + seconds * 1000;
  let count = 0;
  for (; performance.now() < end; count++) {
    await new Promise<void>((resolve) => requestAnimationFrame(resolve));
  }
  return count;
}

/** In the page: scrolls on by a page with each picture, and counts pictures. */
async function scroll(element: unknown, seconds: number) {
  const grid = element as Grid;
  const { requestAnimationFrame } = globalThis as unknown as {
    requestAnimationFrame: (done: () => void) => void;
  };
  grid.scrollTop = 0;
  const end = performance.now() + seconds * 1000;
  let frames = 0;
  let blank = 0;
  while (performance.now() < end) {
    await new Promise<void>((resolve) => requestAnimationFrame(resolve));
    frames++;
    if ([...grid.querySelectorAll(".rows .row")].some((row) => row.lastElementChild?.textContent === "…"))
      blank++;
    grid.scrollTop =
      grid.scrollTop + grid.clientHeight * 2 > grid.scrollHeight ? 0 : grid.scrollTop + grid.clientHeight;
  }
  return { frames, blank, held: Number(grid.getAttribute("aria-rowcount")) - 1 };
}

function capture(): Uint8Array {
  const frames = Array.from({ length: FRAMES }, (_, n) => {
    const source = 0xc0a80a80 + (n % 100);
    const destination = 0x771d1d1d;
    const payload = serialiseUdp(
      { sourcePort: 1024 + (n % 50_000), destinationPort: 5000, payload: new Uint8Array(n % 200) },
      source,
      destination,
    );
    const packet = serialiseIpv4(ipv4Packet({ source, destination, protocol: 17, ttl: 64, payload }));
    const bytes = serialiseEthernet({
      type: "ethernet2",
      destination: 0x005056c06802,
      source: 0x000c29000001,
      etherType: ETHERTYPE_IPV4,
      payload: packet,
    });
    return { interface: 0, time: 1_700_000_000_000 + n, bytes };
  });
  return writePcapng({ interfaces: ["bench"], frames, dropped: 0 });
}
