/** “网络”工作区的中文文字，用 VMware 与 Wireshark 的说法。 */
import type { networks as english } from "./en-network.ts";

export const networks: typeof english = {
  tab: "网络",
  name: "名称",
  type: "类型",
  subnet: "子网地址",
  machines: "虚拟机",
  off: "关闭",
  kind: { nat: "NAT 模式", "host-only": "仅主机模式", bridged: "桥接模式" },
};
