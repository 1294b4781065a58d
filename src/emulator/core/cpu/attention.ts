/** What the CPU's loop has to look at before the next instruction: bits of `cpu.attention`. */
export const ATTENTION_STOP = 1;
export const ATTENTION_INTERRUPT = 2;
export const ATTENTION_NMI = 4;
export const ATTENTION_SHADOW = 8;
export const ATTENTION_HALT = 16;
/** Blocks have been dropped; the one that runs may be among them. */
export const ATTENTION_BLOCK = 32;
export const ATTENTION_TRAP = 64;
/** Debug register hits of the instruction that just ended are in `pendingDebug`. */
export const ATTENTION_DEBUG = 128;
/** A guest's VMCB has a virtual interrupt request (V_IRQ). */
export const ATTENTION_VIRTUAL = 256;
/** A guest's VMCB has an event to inject (EVENTINJ). */
export const ATTENTION_INJECT = 512;
/** RF has been set: it lasts for the next instruction. */
export const ATTENTION_RESUME = 1024;
