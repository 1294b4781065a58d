/** What Vite makes of `import.meta.glob` in the labs: loaders by path. */
interface ImportMeta {
  glob<T>(pattern: string, options: { import: string; query?: string }): Record<string, () => Promise<T>>;
}
