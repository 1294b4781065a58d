/** Blocks read or written last, in two generations: what is not asked for during one generation is dropped. */
export class BlockCache {
  private young = new Map<number, Uint8Array>();
  private old = new Map<number, Uint8Array>();
  private readonly limit: number;

  constructor(limit: number) {
    this.limit = limit;
  }

  get(block: number): Uint8Array | undefined {
    const bytes = this.young.get(block);
    if (bytes) return bytes;
    const older = this.old.get(block);
    if (older) this.set(block, older);
    return older;
  }

  set(block: number, bytes: Uint8Array): void {
    if (this.young.size >= this.limit) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(block, bytes);
  }
}
