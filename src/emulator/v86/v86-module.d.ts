/** v86's own typings do not describe what we use of it: see internals.ts. */
declare module "*.wasm?url" {
  const address: string;
  export default address;
}
