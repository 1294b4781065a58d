/** Why a kernel cannot be booted. Never thrown once a machine runs. */
export type KernelProblem =
  /** It is no kernel, or one of a kind that cannot be booted. */
  | "no-kernel"
  /** Its header, tables or segments contradict the file. */
  | "damaged"
  /** It or its initrd needs more memory than the machine has. */
  | "too-large"
  | "command-line-too-long";

/** Between threads an error keeps its name and message alone, so the problem is in the name. */
export class KernelImageError extends Error {
  override name: string;

  constructor(problem: KernelProblem, message: string) {
    super(message);
    this.name = `KernelImageError (${problem})`;
  }
}

/** The problem that an error's name tells; undefined for other errors. */
export function kernelProblem(name: string): KernelProblem | undefined {
  return /^KernelImageError \(([a-z-]+)\)$/.exec(name)?.[1] as KernelProblem | undefined;
}

/** One field, what was found in it and what was expected. */
export function badField(
  problem: KernelProblem,
  field: string,
  found: string,
  expected: string,
): KernelImageError {
  return new KernelImageError(
    problem,
    `this kernel cannot be booted: ${field} is ${found}, expected ${expected}`,
  );
}
