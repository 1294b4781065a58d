/** 磁盘、快照、文件和定义可能出的错：每种一句话，并说明该怎么做。 */
import type { StorageRefusal } from "../../hypervisor-model/storage/errors.ts";
import type { ValueRefusal } from "../../hypervisor-model/virtual-machines/reasons.ts";
import type { Messages } from "./messages.ts";

export const errors: Messages["errors"] = {
  storageRefusal(refusal: StorageRefusal): string {
    switch (refusal.key) {
      case "disk-in-machine":
        return `磁盘在虚拟机 ${refusal.machine} 中。请先从那里移除。`;
      case "disk-count":
        return `一台虚拟机最多有 ${refusal.maximum} 块磁盘。请先移除另一块。`;
      case "disk-size":
        return `磁盘 ${refusal.disk} 有 ${refusal.sizeMiB} MiB，只能扩大：请选择更大的容量，最多 ${refusal.maximumMiB} MiB。`;
      case "disk-not-stored":
        return "这台客户机写入磁盘的内容没有存储，快照无法保留它。请允许本页面存储数据，然后重新加载。";
      case "snapshot-without-memory":
        return `快照 ${refusal.snapshot} 是在虚拟机关机时拍摄的。请先关机，再恢复到它。`;
      case "snapshot-unreadable":
        return `当前版本无法读取快照 ${refusal.snapshot} 中的设置，没有做任何更改。请选择其他快照。`;
      case "linked-clones":
        return `有链接克隆依赖它：${refusal.clones}。请先删除这些克隆。`;
      case "template-snapshots-only":
        return `${refusal.machine} 是模板：请选择它的一个快照来克隆。`;
      case "template-needs-snapshot":
        return "模板需要一个用来克隆的快照。请先拍摄快照。";
      case "template-unchanged":
        return "模板不能更改。请先退出模板模式。";
      case "already-here":
        return "文件中的内容这里已经有了。请先在这里删除，或保持原样。";
      default:
        return refusal satisfies never;
    }
  },
  imageUnsupported: (feature) =>
    `无法使用此磁盘映像：不支持“${feature}”。请转换成不含它的 raw、qcow2 或 VMDK (qemu-img convert)，或选择其他文件。`,
  imagePartMissing: (file) =>
    `无法使用此磁盘映像：它依赖文件“${file}”，而这里没有。请同时选择该文件，或选择单个文件的映像。`,
  imageBroken: "无法使用此文件：它不完整、已损坏，或与开头所说的类型不符。请重新获取，或选择其他文件。",
  damaged: "文件或存储的数据已损坏，没有做任何更改。请换用文件的另一份副本，或恢复到一个快照。",
  notFound:
    "所需的内容（磁盘、快照或保存的状态）已不在存储中，其他内容没有改变。请恢复到一个快照，或重新创建虚拟机。",
  storageUnavailable: "浏览器不允许本页面存储任何内容。请允许存储数据（隐私窗口通常不允许），然后重新加载。",
  inUse: "另一个标签页或程序正在使用它。请先在那里关闭，然后重试。",
  kernel: {
    "no-kernel": "此文件不是能在这里启动的内核。请用 Linux bzImage 或 32 位 Multiboot 内核新建虚拟机。",
    damaged: "内核文件已损坏或不完整。请重新获取，再用它新建虚拟机。",
    "too-large": "虚拟机的内存放不下此内核及其 initrd。请在设置中增大内存。",
    "command-line-too-long": "内核命令行太长。请用较短的命令行新建虚拟机。",
  },
  machineGone: "这台虚拟机已不存在，可能被另一个标签页删除。请重新加载页面。",
  machineEnded: "操作完成前虚拟机已停止。请开机后重试。",
  hardwareUnsupported: "引擎无法构建这样的虚拟机。请在设置中更改内存、磁盘或网络适配器，或选择另一个引擎。",
  engineOther:
    "收到的引擎与本页面构建时所用的不同。请重新加载页面；如果再次出现，请运行 npm start 重新构建。",
  engineUnreachable: "无法加载引擎。请确认服务仍在运行 (npm start)，重新加载页面，然后重新开机。",
  definition: (problems) => `设置没有被接受：${problems}。请改正后重试。`,
  valueRefusal,
};

const EXPECTED: Record<Extract<ValueRefusal, { key: "bad-value" }>["expected"], string> = {
  uuid: "小写的 UUID",
  name: "1 到 80 个字符的名称，不含控制字符，首尾没有空格",
  mac: "单播 MAC 地址，例如 00:0c:29:12:34:56",
  ipv4: "IPv4 地址，例如 192.168.10.2",
  subnet: "子网，例如 192.168.10.0/24，前缀之后的位为 0，前缀为 8 到 29",
  endpoint: "IPv4 地址和端口，例如 192.168.10.130:80",
  expression: "JavaScript 正则表达式",
  "boot-order": "每种启动设备最多一次",
  "exit-status": "0 到 255 的数字，或 “nonzero”",
  image: "映像的名称，或带路径的 {“iso”}、{“disk”}、{“kernel”}",
  step: "一个步骤",
  "fault-setting": "至少一项更改",
};

const RESERVED = { network: "网络本身", "host-adapter": "主机适配器", broadcast: "广播" };

/** 字段名和取值是文件里的写法，不译。 */
function valueRefusal(reason: ValueRefusal): string {
  switch (reason.key) {
    case "not-json":
      return `不是 JSON：第 ${reason.line} 行第 ${reason.column} 列`;
    case "unknown-field":
      return `没有这个字段（已知：${reason.known.join("、")}）`;
    case "missing-field":
      return "缺少";
    case "wrong-type":
      return `应为 ${reason.expected}，却是 ${reason.found}`;
    case "not-one-of":
      return `应为 ${reason.allowed.join(" 或 ")}，却是 ${reason.found}`;
    case "bad-value":
      return `应为${EXPECTED[reason.expected]}，却是 ${reason.found}`;
    case "not-an-integer":
      return `应为整数，却是 ${reason.found}`;
    case "too-small":
      return `至少为 ${reason.minimum}，却是 ${reason.found}`;
    case "too-large":
      return `最多为 ${reason.maximum}，却是 ${reason.found}`;
    case "too-many":
      return `最多 ${reason.maximum} 项，却有 ${reason.found} 项`;
    case "too-short":
      return `至少 ${reason.minimum} 个字符，却是 ${reason.found}`;
    case "newer-version":
      return `版本 ${reason.found} 由更新的 Ringside 写成，这里最多读到版本 ${reason.supported}`;
    case "duplicate":
      return `“${reason.value}”已被 ${reason.first} 使用`;
    case "name-taken":
      return `已有名为“${reason.name}”的虚拟机`;
    case "name-empty":
      return "需要名称";
    case "name-too-long":
      return `名称最多 ${reason.maximum} 个字符`;
    case "name-characters":
      return "名称不能含控制字符";
    case "no-such-network":
      return `没有网络“${reason.network}”`;
    case "no-such-machine":
      return `没有虚拟机“${reason.machine}”`;
    case "no-such-snapshot":
      return `在这一步，虚拟机“${reason.machine}”没有快照“${reason.snapshot}”`;
    case "no-nic-on-network":
      return `虚拟机“${reason.machine}”没有接在“${reason.network}”上的网络适配器`;
    case "fixed-subnet":
      return `${reason.kind} 网络总是 ${reason.subnet}`;
    case "outside-subnet":
      return `${reason.found} 不在 ${reason.subnet} 内`;
    case "subnets-overlap":
      return `与“${reason.other}”的子网重叠`;
    case "range-reversed":
      return `范围的结尾 (${reason.last}) 在开头 (${reason.first}) 之前`;
    case "address-in-dhcp-range":
      return `${reason.address} 在 DHCP 范围 ${reason.first} 到 ${reason.last} 内`;
    case "address-reserved":
      return `${reason.address} 已被占用：它是${RESERVED[reason.use]}地址`;
    case "only-for-kind":
      return `只有 ${reason.kind} 网络有这一项`;
    case "two-system-disks":
      return "一台虚拟机最多有一块系统盘";
    case "too-many-disks":
      return `一台虚拟机最多有 ${reason.maximum} 块磁盘，包括映像自己的磁盘`;
    case "step-kinds":
      return `一个步骤只能是 run、fault、power、snapshot、clone、revert 之一，却有：${reason.found.join("、") || "无"}`;
    case "fields-together":
      return `只能与 ${reason.other} 一起使用`;
    default:
      return reason satisfies never;
  }
}
