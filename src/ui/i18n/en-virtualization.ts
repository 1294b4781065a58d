/** Hardware virtualization in the firmware setup of a core machine. */
export const virtualization = {
  title: "Hardware virtualization (AMD SVM)",
  text: "The switch that a PC has in its BIOS setup. It counts from the next power-on.",
  settings: {
    "not-offered": "Not offered by the processor",
    locked: "Disabled in the BIOS",
    on: "Enabled",
    "nested-paging": "Enabled, with nested paging",
  },
  hints: {
    "not-offered": "lscpu and /proc/cpuinfo of the guest show no svm: the processor cannot do it.",
    locked:
      "The processor can do it; the firmware switched it off and locked it, so kvm-amd refuses to load.",
    on: "A hypervisor in the guest can run guests of its own: kvm-amd loads, /dev/kvm is there.",
    "nested-paging":
      "As above, and the processor walks the guest’s page tables and the hypervisor’s one after the other (NPT).",
  },
};
