import type { Virtualization } from "../../machine.ts";
import { FEATURE_SVM, SVM_NESTED_PAGING, SVM_NRIP_SAVE, SVM_OFFER, type SvmOffer } from "./svm/features.ts";

/** What CPUID answers: configuration data, so that a lab can switch a feature off (Intel SDM volume 2, CPUID). */
export interface CpuModel {
  /** Twelve characters. */
  readonly vendor: string;
  /** Family, model and stepping, as CPUID leaf 1 EAX and EDX after reset. */
  readonly signature: number;
  /** Leaf 1 EDX. */
  readonly features: number;
  /** Leaf 1 ECX. */
  readonly extraFeatures: number;
  /** Leaf 8000_0001h EDX and ECX. */
  readonly extendedFeatures: number;
  readonly extendedExtraFeatures: number;
  /** Up to 48 characters. */
  readonly brand: string;
  /**
   * For recorded 80286 cases alone, never for a machine: in real mode an access beyond the stack segment's limit is #GP,
   * not #SS, a string instruction or POP that faults has moved its registers already, and IDIV of a byte misses some
   * overflows.
   */
  readonly is80286?: boolean;
  /** Left out where hardware virtualization is not offered at all. */
  readonly svm?: SvmOffer;
}

export const FEATURE_FPU = 1;
export const FEATURE_DE = 1 << 2;
export const FEATURE_PSE = 1 << 3;
export const FEATURE_TSC = 1 << 4;
export const FEATURE_MSR = 1 << 5;
export const FEATURE_PAE = 1 << 6;
export const FEATURE_CX8 = 1 << 8;
export const FEATURE_SEP = 1 << 11;
export const FEATURE_MTRR = 1 << 12;
export const FEATURE_PGE = 1 << 13;
export const FEATURE_CMOV = 1 << 15;
export const FEATURE_PAT = 1 << 16;
export const FEATURE_PSE36 = 1 << 17;
export const FEATURE_CLFLUSH = 1 << 19;
export const FEATURE_MMX = 1 << 23;
export const FEATURE_FXSR = 1 << 24;
export const FEATURE_SSE = 1 << 25;
export const FEATURE_SSE2 = 1 << 26;
/** In leaf 1 ECX. */
export const EXTRA_FEATURE_SSE3 = 1;
export const EXTRA_FEATURE_RDRAND = 1 << 30;
/** In leaf 8000_0001h EDX. */
export const FEATURE_NX = 1 << 20;

/** A Pentium Pro class processor with x87 unit, MMX, SSE, SSE2 and SSE3. */
export const DEFAULT_CPU_MODEL: CpuModel = {
  vendor: "AuthenticAMD",
  signature: 0x0642,
  features:
    FEATURE_FPU |
    FEATURE_FXSR |
    FEATURE_MMX |
    FEATURE_SSE |
    FEATURE_SSE2 |
    FEATURE_CLFLUSH |
    FEATURE_DE |
    FEATURE_PSE |
    FEATURE_TSC |
    FEATURE_MSR |
    FEATURE_PAE |
    FEATURE_CX8 |
    FEATURE_SEP |
    FEATURE_MTRR |
    FEATURE_PGE |
    FEATURE_CMOV |
    FEATURE_PAT |
    FEATURE_PSE36,
  // Without RDRAND a Linux guest waits for seconds until its timer's jitter has given enough randomness.
  extraFeatures: EXTRA_FEATURE_SSE3 | EXTRA_FEATURE_RDRAND,
  extendedFeatures: FEATURE_NX | FEATURE_FPU | FEATURE_FXSR | FEATURE_MMX,
  extendedExtraFeatures: 0,
  brand: "Ringside core",
  svm: SVM_OFFER,
};

/** The same processor with hardware virtualization as a firmware setup switches it. */
export function withVirtualization(model: CpuModel, setting: Virtualization): CpuModel {
  switch (setting) {
    case "not-offered":
      return { ...model, svm: undefined };
    case "locked":
      return { ...model, svm: { ...SVM_OFFER, lockedByFirmware: true } };
    case "on":
      return { ...model, svm: SVM_OFFER };
    case "nested-paging":
      return { ...model, svm: { ...SVM_OFFER, features: SVM_NESTED_PAGING | SVM_NRIP_SAVE } };
    default:
      return setting satisfies never;
  }
}

const text32 = (text: string, at: number): number => {
  let value = 0;
  for (let i = 0; i < 4; i++) value |= (at + i < text.length ? text.charCodeAt(at + i) & 0xff : 0) << (8 * i);
  return value;
};

/** EAX, EBX, ECX, EDX of a leaf, written to `r` at their numbers. */
export function cpuid(model: CpuModel, r: Int32Array): void {
  const leaf = r[0] >>> 0;
  let eax = 0;
  let ebx = 0;
  let ecx = 0;
  let edx = 0;
  if (leaf === 0) {
    eax = 1;
    ebx = text32(model.vendor, 0);
    edx = text32(model.vendor, 4);
    ecx = text32(model.vendor, 8);
  } else if (leaf === 0x80000000) {
    eax = (model.svm === undefined ? 0x80000008 : 0x8000000a) | 0;
    ebx = text32(model.vendor, 0);
    edx = text32(model.vendor, 4);
    ecx = text32(model.vendor, 8);
  } else if (leaf === 0x80000001) {
    eax = model.signature;
    edx = model.extendedFeatures;
    ecx = model.extendedExtraFeatures | (model.svm === undefined ? 0 : FEATURE_SVM);
  } else if (leaf >= 0x80000002 && leaf <= 0x80000004) {
    const at = (leaf - 0x80000002) * 16;
    eax = text32(model.brand, at);
    ebx = text32(model.brand, at + 4);
    ecx = text32(model.brand, at + 8);
    edx = text32(model.brand, at + 12);
  } else if (leaf === 0x80000008) {
    // 36 physical and 32 linear address bits. FXSAVE keeps the error pointers always (XSAVEERPTR), so that Linux need not
    // clear them at each task switch.
    eax = 0x2024;
    ebx = model.vendor === "AuthenticAMD" ? 4 : 0;
  } else if (leaf === 0x8000000a && model.svm !== undefined) {
    eax = 1;
    ebx = model.svm.asids;
    edx = model.svm.features;
  } else if (leaf < 0x80000000) {
    // Beyond the highest basic leaf: the highest one's data.
    eax = model.signature;
    // A cache line of eight quadwords, for CLFLUSH.
    if ((model.features & FEATURE_CLFLUSH) !== 0) ebx = 8 << 8;
    ecx = model.extraFeatures;
    edx = model.features;
  }
  r[0] = eax;
  r[3] = ebx;
  r[1] = ecx;
  r[2] = edx;
}
