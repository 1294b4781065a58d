/** What the teaching kernel can be told to do (workloads.asm). */

/** In the order of their numbers. */
export const WORKLOADS = [
  "boot",
  "system-call",
  "port-input",
  "task-priority",
  "call-return",
  "page-fault",
  "divide-error",
  "page-table",
  "address-space-switch",
  "timer",
  "fork-wait",
  "copy",
  "file-read",
  "network-echo",
  "demand-page",
  "containers",
  "compute",
] as const;

export type Workload = (typeof WORKLOADS)[number];
