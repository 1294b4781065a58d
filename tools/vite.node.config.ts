/** How tools/build.mjs builds dist/node: one file a program, npm packages left in node_modules. */
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    ssr: true,
    target: "node20",
    outDir: "dist/node",
    emptyOutDir: true,
    minify: false,
    sourcemap: true,
    rollupOptions: {
      input: JSON.parse(process.env.RINGSIDE_NODE_ENTRIES ?? "{}"),
      output: { entryFileNames: "[name].js", chunkFileNames: "chunks/[name]-[hash].js", format: "es" },
    },
  },
});
