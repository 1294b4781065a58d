/** Loads npm v86 into this thread, after the clocks it reads have been replaced. The only place that imports it. */
import type { EmulatorConstructor } from "./internals.ts";
import { installVirtualClock, type VirtualClock } from "./virtual-clock.ts";

export interface LoadedEngine {
  V86: EmulatorConstructor;
  clock: VirtualClock;
}

let loading: Promise<LoadedEngine> | undefined;

export function loadV86(): Promise<LoadedEngine> {
  loading ??= load();
  return loading;
}

async function load(): Promise<LoadedEngine> {
  const clock = installVirtualClock();
  const scope = globalThis as { Worker?: unknown; ImageData?: unknown };
  // v86 hands its pixels over as ImageData, which Node has not.
  scope.ImageData ??= class {
    readonly data: Uint8ClampedArray;
    readonly width: number;
    readonly height: number;
    constructor(data: Uint8ClampedArray, width: number, height: number) {
      this.data = data;
      this.width = width;
      this.height = height;
    }
  };
  // Where v86 sees `Worker` it starts one from a blob for its timer; we have our own way to yield.
  const worker = scope.Worker;
  scope.Worker = undefined;
  try {
    const { V86 } = (await import("v86")) as unknown as { V86: EmulatorConstructor };
    return { V86, clock };
  } finally {
    scope.Worker = worker;
  }
}
