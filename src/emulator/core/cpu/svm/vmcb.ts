/**
 * The virtual machine control block: its fields, intercepts and exit codes by the names of AMD's manual (AMD64 Architecture
 * Programmer's Manual volume 2, appendices B and C), with the VT-x name beside it where the two do the same.
 */

/** Control area. */
export const VMCB_INTERCEPTS = 0x000;
export const VMCB_IOPM_BASE = 0x040;
export const VMCB_MSRPM_BASE = 0x048;
export const VMCB_TSC_OFFSET = 0x050;
export const VMCB_ASID = 0x058;
export const VMCB_TLB_CONTROL = 0x05c;
export const VMCB_VINTR = 0x060;
export const VMCB_VINTR_VECTOR = 0x064;
export const VMCB_INTERRUPT_SHADOW = 0x068;
export const VMCB_EXITCODE = 0x070;
export const VMCB_EXITINFO1 = 0x078;
export const VMCB_EXITINFO2 = 0x080;
export const VMCB_EXITINTINFO = 0x088;
export const VMCB_NP_ENABLE = 0x090;
export const VMCB_EVENTINJ = 0x0a8;
export const VMCB_NCR3 = 0x0b0;
export const VMCB_NRIP = 0x0c8;

/** State save area. */
export const VMCB_SEGMENTS = 0x400;
export const VMCB_GDTR = 0x460;
export const VMCB_IDTR = 0x480;
export const VMCB_CPL = 0x4cb;
export const VMCB_EFER = 0x4d0;
export const VMCB_CR4 = 0x548;
export const VMCB_CR3 = 0x550;
export const VMCB_CR0 = 0x558;
export const VMCB_DR7 = 0x560;
export const VMCB_DR6 = 0x568;
export const VMCB_RFLAGS = 0x570;
export const VMCB_RIP = 0x578;
export const VMCB_RSP = 0x5d8;
export const VMCB_RAX = 0x5f8;
export const VMCB_SYSENTER_CS = 0x628;
export const VMCB_SYSENTER_ESP = 0x630;
export const VMCB_SYSENTER_EIP = 0x638;
export const VMCB_CR2 = 0x640;
export const VMCB_BYTES = 4096;

/** Bits of VMCB_VINTR. */
export const V_IRQ = 1 << 8;
export const V_IGN_TPR = 1 << 20;
export const V_INTR_MASKING = 1 << 24;

/** Bits of EVENTINJ and EXITINTINFO: vector in bits 0 to 7, type in 8 to 10, error code in the upper doubleword. */
export const EVENT_VALID = 0x80000000 | 0;
export const EVENT_ERROR_CODE = 1 << 11;
export const EVENT_INTERRUPT = 0;
export const EVENT_NMI = 2;
export const EVENT_EXCEPTION = 3;
export const EVENT_SOFTWARE = 4;

export const TLB_FLUSH_ALL = 1;

/**
 * Exit codes. Below 100h a code is also the place of its intercept bit: bit `code & 31` of intercept word `code >> 5`.
 */
export const EXIT_CR_READ = 0x00;
export const EXIT_CR_WRITE = 0x10;
export const EXIT_DR_READ = 0x20;
export const EXIT_DR_WRITE = 0x30;
export const EXIT_EXCEPTION = 0x40;
export const EXIT_INTR = 0x60;
export const EXIT_NMI = 0x61;
export const EXIT_VINTR = 0x64;
export const EXIT_CR0_SEL_WRITE = 0x65;
export const EXIT_IDTR_READ = 0x66;
export const EXIT_GDTR_READ = 0x67;
export const EXIT_LDTR_READ = 0x68;
export const EXIT_TR_READ = 0x69;
export const EXIT_IDTR_WRITE = 0x6a;
export const EXIT_GDTR_WRITE = 0x6b;
export const EXIT_LDTR_WRITE = 0x6c;
export const EXIT_TR_WRITE = 0x6d;
export const EXIT_RDTSC = 0x6e;
export const EXIT_RDPMC = 0x6f;
export const EXIT_PUSHF = 0x70;
export const EXIT_POPF = 0x71;
export const EXIT_CPUID = 0x72;
export const EXIT_IRET = 0x74;
export const EXIT_SWINT = 0x75;
export const EXIT_INVD = 0x76;
export const EXIT_PAUSE = 0x77;
export const EXIT_HLT = 0x78;
export const EXIT_INVLPG = 0x79;
export const EXIT_INVLPGA = 0x7a;
export const EXIT_IOIO = 0x7b;
export const EXIT_MSR = 0x7c;
export const EXIT_TASK_SWITCH = 0x7d;
export const EXIT_SHUTDOWN = 0x7f;
export const EXIT_VMRUN = 0x80;
export const EXIT_VMMCALL = 0x81;
export const EXIT_VMLOAD = 0x82;
export const EXIT_VMSAVE = 0x83;
export const EXIT_STGI = 0x84;
export const EXIT_CLGI = 0x85;
export const EXIT_SKINIT = 0x86;
export const EXIT_ICEBP = 0x88;
export const EXIT_WBINVD = 0x89;
export const EXIT_NPF = 0x400;
export const EXIT_INVALID = -1;

/** The intercept words of the control area. */
export const INTERCEPT_WORDS = 5;

export interface ExitName {
  /** AMD's name without its prefix. */
  svm: string;
  /** The VT-x basic exit reason that means the same (Intel SDM volume 3, appendix C); empty where there is none. */
  vmx: string;
}

const NAMES: Readonly<Record<number, ExitName>> = {
  [EXIT_INTR]: { svm: "INTR", vmx: "external interrupt" },
  [EXIT_NMI]: { svm: "NMI", vmx: "NMI" },
  [EXIT_VINTR]: { svm: "VINTR", vmx: "interrupt window" },
  [EXIT_CR0_SEL_WRITE]: { svm: "CR0_SEL_WRITE", vmx: "control-register access" },
  [EXIT_IDTR_READ]: { svm: "IDTR_READ", vmx: "access to GDTR or IDTR" },
  [EXIT_GDTR_READ]: { svm: "GDTR_READ", vmx: "access to GDTR or IDTR" },
  [EXIT_LDTR_READ]: { svm: "LDTR_READ", vmx: "access to LDTR or TR" },
  [EXIT_TR_READ]: { svm: "TR_READ", vmx: "access to LDTR or TR" },
  [EXIT_IDTR_WRITE]: { svm: "IDTR_WRITE", vmx: "access to GDTR or IDTR" },
  [EXIT_GDTR_WRITE]: { svm: "GDTR_WRITE", vmx: "access to GDTR or IDTR" },
  [EXIT_LDTR_WRITE]: { svm: "LDTR_WRITE", vmx: "access to LDTR or TR" },
  [EXIT_TR_WRITE]: { svm: "TR_WRITE", vmx: "access to LDTR or TR" },
  [EXIT_RDTSC]: { svm: "RDTSC", vmx: "RDTSC" },
  [EXIT_RDPMC]: { svm: "RDPMC", vmx: "RDPMC" },
  [EXIT_PUSHF]: { svm: "PUSHF", vmx: "" },
  [EXIT_POPF]: { svm: "POPF", vmx: "" },
  [EXIT_CPUID]: { svm: "CPUID", vmx: "CPUID" },
  [EXIT_IRET]: { svm: "IRET", vmx: "" },
  [EXIT_SWINT]: { svm: "SWINT", vmx: "" },
  [EXIT_INVD]: { svm: "INVD", vmx: "INVD" },
  [EXIT_PAUSE]: { svm: "PAUSE", vmx: "PAUSE" },
  [EXIT_HLT]: { svm: "HLT", vmx: "HLT" },
  [EXIT_INVLPG]: { svm: "INVLPG", vmx: "INVLPG" },
  [EXIT_INVLPGA]: { svm: "INVLPGA", vmx: "" },
  [EXIT_IOIO]: { svm: "IOIO", vmx: "I/O instruction" },
  [EXIT_TASK_SWITCH]: { svm: "TASK_SWITCH", vmx: "task switch" },
  [EXIT_SHUTDOWN]: { svm: "SHUTDOWN", vmx: "triple fault" },
  [EXIT_VMRUN]: { svm: "VMRUN", vmx: "VMLAUNCH" },
  [EXIT_VMMCALL]: { svm: "VMMCALL", vmx: "VMCALL" },
  [EXIT_VMLOAD]: { svm: "VMLOAD", vmx: "VMPTRLD" },
  [EXIT_VMSAVE]: { svm: "VMSAVE", vmx: "" },
  [EXIT_STGI]: { svm: "STGI", vmx: "" },
  [EXIT_CLGI]: { svm: "CLGI", vmx: "" },
  [EXIT_SKINIT]: { svm: "SKINIT", vmx: "GETSEC" },
  [EXIT_ICEBP]: { svm: "ICEBP", vmx: "" },
  [EXIT_WBINVD]: { svm: "WBINVD", vmx: "WBINVD" },
  [EXIT_NPF]: { svm: "NPF", vmx: "EPT violation" },
  [EXIT_INVALID]: { svm: "INVALID", vmx: "VM-entry failure due to invalid guest state" },
};

/** RDMSR and WRMSR share a code; EXITINFO1 tells them apart. */
const MSR_NAME: ExitName = { svm: "MSR", vmx: "RDMSR, WRMSR" };

export function exitName(code: number): ExitName {
  if (code === EXIT_MSR) return MSR_NAME;
  const named = NAMES[code];
  if (named !== undefined) return named;
  const inRange = (first: number) => code >= first && code < first + 16;
  if (inRange(EXIT_CR_READ)) return { svm: `CR${code - EXIT_CR_READ}_READ`, vmx: "control-register access" };
  if (inRange(EXIT_CR_WRITE))
    return { svm: `CR${code - EXIT_CR_WRITE}_WRITE`, vmx: "control-register access" };
  if (inRange(EXIT_DR_READ)) return { svm: `DR${code - EXIT_DR_READ}_READ`, vmx: "MOV DR" };
  if (inRange(EXIT_DR_WRITE)) return { svm: `DR${code - EXIT_DR_WRITE}_WRITE`, vmx: "MOV DR" };
  if (code >= EXIT_EXCEPTION && code < EXIT_EXCEPTION + 32) {
    return { svm: `EXCP${code - EXIT_EXCEPTION}`, vmx: "exception" };
  }
  return { svm: code.toString(16), vmx: "" };
}
