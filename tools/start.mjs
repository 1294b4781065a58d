/** `npm start`: installs what is missing, builds, serves on localhost, prints the address, opens a browser where there is one. */
import { spawn } from "node:child_process";
import { checkNodeVersion, installPackages } from "./install.mjs";

checkNodeVersion();
installPackages();
const { buildPage } = await import("./build.mjs");
console.log("Building the page…");
buildPage();
const { serve } = await import("./serve.mjs");

const wanted = process.env.PORT === undefined ? 8086 : Number(process.env.PORT);
let started;
try {
  started = await serve({ port: wanted });
} catch (error) {
  if (error.code !== "EADDRINUSE") throw error;
  started = await serve({ port: 0 });
}
console.log(`Ringside is at ${started.address}   (Ctrl+C ends it)`);

function openBrowser(address) {
  const commands = { darwin: ["open"], win32: ["cmd", "/c", "start", ""] };
  const desktop = process.env.DISPLAY || process.env.WAYLAND_DISPLAY;
  const command = commands[process.platform] ?? (desktop ? ["xdg-open"] : undefined);
  if (!command || process.env.CI || process.env.RINGSIDE_NO_BROWSER) return;
  const child = spawn(command[0], [...command.slice(1), address], { stdio: "ignore", detached: true });
  child.on("error", () => {});
  child.unref();
}
openBrowser(started.address);
