/** The one place that imports the signals library: everything else in the page takes signals from here. */
export { SignalWatcher, signal, computed } from "@lit-labs/signals";
import type { Signal } from "@lit-labs/signals";

export type WritableSignal<T> = Signal.State<T>;
export type ReadableSignal<T> = Signal.State<T> | Signal.Computed<T>;
