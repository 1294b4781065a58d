/// <reference types="vitest/config" />
import { defineConfig, type Plugin } from "vite";

/** Lets the browser fetch the code that main.ts imports later while main.ts itself is still on its way. */
function preloadPage(): Plugin {
  return {
    name: "preload-page",
    transformIndexHtml: {
      order: "post",
      handler(_html, { bundle, chunk }) {
        const page = chunk?.dynamicImports.find((name) => name.includes("page-"));
        const code = page === undefined ? undefined : bundle?.[page];
        if (code?.type !== "chunk") return [];
        return [code.fileName, ...code.imports].map((name) => ({
          tag: "link",
          attrs: { rel: "modulepreload", crossorigin: true, href: `./${name}` },
          injectTo: "head" as const,
        }));
      },
    },
  };
}

export default defineConfig({
  base: "./",
  build: { target: "chrome125", outDir: "dist/page", emptyOutDir: true, assetsInlineLimit: 0 },
  worker: { format: "es" },
  plugins: [preloadPage()],
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/conformance/**/*.test.ts", "test/architecture/**/*.test.ts"],
          environment: "node",
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: "machines",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: "test/support/build-node.ts",
          environment: "node",
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "kernels",
          include: ["test/kernels/**/*.test.ts"],
          environment: "node",
          testTimeout: 1_800_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          environment: "node",
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
