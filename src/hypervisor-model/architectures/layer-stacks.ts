/**
 * The layers of each architecture, from the process to the hardware, and where two classifications put it. Goldberg's type says
 * where the monitor sits ("Architectural Principles for Virtual Computer Systems", 1973); the technique says how the guest's
 * privileged operations are taken. The two are independent of each other.
 */
import type { Architecture } from "../monitor/architecture.ts";

export type Place = "user" | "kernel" | "hypervisor" | "host" | "hardware";

/** Names of layers; the texts are the page's. */
export type LayerName =
  | "process"
  | "guestKernel"
  | "translatedKernel"
  | "portedKernel"
  | "domainZero"
  | "emulator"
  | "monitor"
  | "hostKernel"
  | "hostKernelWithKvm"
  | "xen"
  | "oneKernel"
  | "hardware"
  | "hardwareWithSvm";

export interface Layer {
  name: LayerName;
  place: Place;
  /** Privilege level on x86, where it has one. */
  ring?: string;
}

export type GoldbergType = "I" | "II" | "disputed" | "none";

export interface LayerStack {
  architecture: Architecture;
  layers: readonly Layer[];
  goldberg: GoldbergType;
  /** Where the figure comes from. */
  source: string;
}

const PROCESS: Layer = { name: "process", place: "user", ring: "3" };
const HARDWARE: Layer = { name: "hardware", place: "hardware" };

export const LAYER_STACKS: readonly LayerStack[] = [
  {
    architecture: "paravirtual",
    layers: [
      PROCESS,
      { name: "portedKernel", place: "kernel", ring: "1" },
      { name: "domainZero", place: "host", ring: "1" },
      { name: "xen", place: "hypervisor", ring: "0" },
      HARDWARE,
    ],
    goldberg: "I",
    source: "Barham et al., Xen and the Art of Virtualization, SOSP 2003",
  },
  {
    architecture: "binary-translation",
    layers: [
      PROCESS,
      { name: "translatedKernel", place: "kernel", ring: "1" },
      { name: "monitor", place: "hypervisor", ring: "0" },
      { name: "hostKernel", place: "host", ring: "0" },
      HARDWARE,
    ],
    goldberg: "II",
    source: "Bugnion et al., Bringing Virtualization to the x86 Architecture, ACM TOCS 2012",
  },
  {
    architecture: "svm-nested",
    layers: [
      PROCESS,
      { name: "guestKernel", place: "kernel", ring: "0" },
      { name: "hostKernelWithKvm", place: "hypervisor", ring: "0" },
      { name: "hardwareWithSvm", place: "hardware" },
    ],
    goldberg: "disputed",
    source: "Kivity et al., kvm: the Linux Virtual Machine Monitor, Ottawa Linux Symposium 2007",
  },
  {
    architecture: "emulation",
    layers: [
      PROCESS,
      { name: "guestKernel", place: "kernel" },
      { name: "emulator", place: "hypervisor", ring: "3" },
      { name: "hostKernel", place: "host", ring: "0" },
      HARDWARE,
    ],
    goldberg: "II",
    source: "Bellard, QEMU, a Fast and Portable Dynamic Translator, USENIX ATC 2005",
  },
  {
    architecture: "container",
    layers: [PROCESS, { name: "oneKernel", place: "host", ring: "0" }, HARDWARE],
    goldberg: "none",
    source: "Soltesz et al., Container-based Operating System Virtualization, EuroSys 2007",
  },
];
