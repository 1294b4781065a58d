/** What a processor offers of SVM (AMD APM volume 3, CPUID functions 8000_0001h and 8000_000Ah): configuration data. */

/** ECX of leaf 8000_0001h. */
export const FEATURE_SVM = 1 << 2;
export const SVM_NESTED_PAGING = 1;
export const SVM_NRIP_SAVE = 1 << 3;
export const SVM_FLUSH_BY_ASID = 1 << 6;
export const SVM_DECODE_ASSISTS = 1 << 7;

export interface SvmOffer {
  /** EDX of leaf 8000_000Ah: any of the `SVM_` bits; 0 is what Linux's kvm-amd is content with. */
  features: number;
  /** EBX: how many address spaces the TLB keeps apart. */
  asids: number;
  /** The firmware has set VM_CR.SVMDIS and locked it: CPUID still shows SVM, EFER.SVME cannot be set. */
  lockedByFirmware: boolean;
}

export const SVM_OFFER: SvmOffer = { features: 0, asids: 8, lockedByFirmware: false };
