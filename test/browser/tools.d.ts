/** What the tests use of the build tools. */
declare module "*/tools/chromium.mjs" {
  export const CHROMIUM_ARGUMENTS: string[];
  export function findOrInstallChromium(): string;
}
declare module "*/tools/serve.mjs" {
  export function serve(options?: { folder?: string; port?: number }): Promise<{
    server: import("node:http").Server;
    address: string;
  }>;
}
