/** 核心上虚拟机的固件设置中的硬件虚拟化。 */
import type { Messages } from "./messages.ts";

export const virtualization: Messages["virtualization"] = {
  title: "硬件虚拟化 (AMD SVM)",
  text: "相当于真实计算机 BIOS 设置里的开关，下次开机时生效。",
  settings: {
    "not-offered": "处理器不提供",
    locked: "在 BIOS 中禁用",
    on: "启用",
    "nested-paging": "启用，带嵌套分页 (nested paging)",
  },
  hints: {
    "not-offered": "客户机的 lscpu 和 /proc/cpuinfo 里没有 svm：处理器不具备这种能力。",
    locked: "处理器具备这种能力，但固件把它关闭并锁定，因此 kvm-amd 拒绝加载。",
    on: "客户机里的虚拟机监控程序可以运行自己的客户机：kvm-amd 能加载，有 /dev/kvm。",
    "nested-paging": "同上，并且处理器依次查客户机的页表和虚拟机监控程序的页表 (NPT)。",
  },
};
