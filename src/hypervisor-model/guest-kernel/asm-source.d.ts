/** Assembly sources as text; the bundler reads them. */
declare module "*.asm?raw" {
  const source: string;
  export default source;
}
