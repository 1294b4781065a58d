/**
 * Real milliseconds. v86 replaces `performance.now` of its thread by its machine's clock (v86/virtual-clock.ts), also in a
 * Worker that has loaded it and then gets a machine of another engine: this is the host's clock from before that.
 */
export const realNow: () => number = performance.now.bind(performance);
