/** The ways to run the one guest, by name. */

export const ARCHITECTURES = [
  "emulation",
  "trap-and-emulate",
  "binary-translation",
  "paravirtual",
  "svm-shadow",
  "svm-nested",
  "container",
] as const;

export type Architecture = (typeof ARCHITECTURES)[number];

/** Iterations of the run whose events are listed one by one. */
export const SHOWN_ITERATIONS = 3;
