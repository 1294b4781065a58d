/**
 * The software TLB: one entry for each 4 KiB page of linear addresses, found by index alone.
 *
 * An entry is the page's index in `PhysicalMemory.bytes` with deny bits in its low bits. An access is allowed at once when
 * the bit of its kind is clear; everything else (no translation, no permission, MMIO, watched or clean pages) takes the
 * slow path, which walks the page tables again.
 */
export const DENY_READ_SUPERVISOR = 1;
export const DENY_READ_USER = 2;
export const DENY_WRITE_SUPERVISOR = 4;
export const DENY_WRITE_USER = 8;
export const DENY_EXECUTE_SUPERVISOR = 16;
export const DENY_EXECUTE_USER = 32;
export const DENY_WRITE = DENY_WRITE_SUPERVISOR | DENY_WRITE_USER;
/** Survives a load of CR3. */
export const ENTRY_GLOBAL = 64;

const CAPACITY = 16384;

export class Tlb {
  readonly entries = new Int32Array(1 << 20).fill(-1);
  private readonly filled = new Int32Array(CAPACITY);
  private count = 0;

  set(page: number, entry: number): void {
    if (this.entries[page] === -1) {
      if (this.count === CAPACITY) this.flush(true);
      this.filled[this.count++] = page;
    }
    this.entries[page] = entry;
  }

  /** Forgets everything, or everything but global pages. */
  flush(all: boolean): void {
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      const page = this.filled[i];
      if (!all && this.entries[page] !== -1 && (this.entries[page] & ENTRY_GLOBAL) !== 0)
        this.filled[kept++] = page;
      else this.entries[page] = -1;
    }
    this.count = kept;
  }

  /** Forgets one page. It stays in the list, where it may come to stand twice. */
  flushPage(page: number): void {
    this.entries[page] = -1;
  }

  /** Makes writes to a page of physical memory take the slow path, through whatever linear page they come. */
  denyWrites(physicalPage: number): void {
    for (let i = 0; i < this.count; i++) {
      const page = this.filled[i];
      if (this.entries[page] >>> 12 === physicalPage) this.entries[page] |= DENY_WRITE;
    }
  }
}
