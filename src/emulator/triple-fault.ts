/**
 * What a processor shut down over: an exception whose delivery failed, and a double fault whose delivery failed as well
 * (Intel SDM volume 3 §6.15, interrupt 8). A PC's board answers with a reset.
 */

export interface FaultRecord {
  vector: number;
  /** -1 where the exception has none. */
  error: number;
}

export interface TripleFault {
  /** The instruction that was to be executed. */
  cs: number;
  eip: number;
  /** Its exception, then what was found wrong with each delivery; the last one is the third. */
  faults: FaultRecord[];
  /** CR2, where a page fault is among them; else -1. */
  address: number;
  /** Nothing answers at the instruction's address: neither memory nor a device. */
  nowhere: boolean;
}

const NAMES: Readonly<Record<number, string>> = {
  0: "divide error",
  1: "debug exception",
  2: "NMI",
  3: "breakpoint",
  4: "overflow",
  5: "BOUND range exceeded",
  6: "invalid opcode",
  7: "no coprocessor",
  8: "double fault",
  10: "invalid TSS",
  11: "segment not present",
  12: "stack fault",
  13: "general protection fault",
  14: "page fault",
  16: "x87 error",
  17: "alignment check",
  18: "machine check",
  19: "SIMD error",
};

const hex = (value: number, digits: number) => (value >>> 0).toString(16).toUpperCase().padStart(digits, "0");

export function exceptionName(vector: number): string {
  return NAMES[vector] ?? `interrupt ${hex(vector, 2)}h`;
}

const MNEMONICS: Readonly<Record<number, string>> = {
  0: "#DE",
  1: "#DB",
  2: "NMI",
  3: "#BP",
  4: "#OF",
  5: "#BR",
  6: "#UD",
  7: "#NM",
  8: "#DF",
  10: "#TS",
  11: "#NP",
  12: "#SS",
  13: "#GP",
  14: "#PF",
  16: "#MF",
  17: "#AC",
  18: "#MC",
  19: "#XM",
};

/** By the manual's mnemonic, the same in every language. */
export function exceptionMnemonic(vector: number): string {
  return MNEMONICS[vector] ?? `INT ${hex(vector, 2)}h`;
}

/** The place and the exceptions by the manual's mnemonics, the same in every language: "0008:00100000, #UD → #GP(0032h)". */
export function faultChain({ cs, eip, faults, address }: TripleFault): string {
  const chain = faults.map(({ vector, error }) => {
    const details = error >= 0 ? [`${hex(error, 4)}h`] : [];
    if (vector === 14) details.push(`CR2 ${hex(address, 8)}h`);
    return `${exceptionMnemonic(vector)}${details.length > 0 ? `(${details.join(", ")})` : ""}`;
  });
  return `${hex(cs, 4)}:${hex(eip, 8)}, ${chain.join(" → ")}`;
}

/** One line in English, for the command line and for logs. */
export function describeTripleFault({ cs, eip, faults, address, nowhere }: TripleFault): string {
  const chain = faults.map(({ vector, error }) => {
    const details = [
      ...(error >= 0 ? [`error ${hex(error, 4)}h`] : []),
      ...(vector === 14 ? [`address ${hex(address, 8)}h`] : []),
    ];
    return `${exceptionName(vector)}${details.length > 0 ? ` (${details.join(", ")})` : ""}`;
  });
  const place = `${hex(cs, 4)}:${hex(eip, 8)}${nowhere ? ", where there is no memory" : ""}`;
  return `triple fault at ${place}: ${chain.join(", then ")}`;
}
