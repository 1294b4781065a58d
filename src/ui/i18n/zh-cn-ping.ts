/** “为什么 ping 不通？”的中文文字。 */
import type { ping as english, PingTexts, ProbeTexts } from "./en-ping.ts";

const milliseconds = (time: number) => `${Math.round(time * 100) / 100} 毫秒`;

const probe: ProbeTexts = {
  answered: ({ by, ttl, milliseconds: time }) => `来自 ${by} 的应答：ttl=${ttl} 时间=${milliseconds(time)}`,
  unreachable: ({ by }) => `${by} 报告：目标不可达。`,
  expired: ({ by }) => `${by} 报告：生存时间已用尽。`,
  connected: ({ milliseconds: time }) => `${milliseconds(time)}后建立了连接。`,
  refused: () => "连接被拒绝。",
  silent: () => "2 秒内没有应答。",
};

const lane = { in: "发往交换机的", out: "来自交换机的" };

const step: PingTexts = {
  "name-resolved": ({ name, address, server }) => `向 ${server} 查询 ${name}：${address}。`,
  "no-name-server": ({ name }) => `没有 DNS 服务器（/etc/resolv.conf），无法查询 ${name}。`,
  "unknown-name": ({ name }) => `不知道名称 ${name}。`,
  "name-server-unreachable": ({ name }) => `收不到 DNS 服务器的应答，因此无法得知 ${name} 的地址。`,
  "no-address": ({ interface: nic }) =>
    `${nic ? `的 ${nic} ` : ""}没有 IP 地址：请设置地址，或用 DHCP 获取。`,
  "interface-down": ({ interface: nic }) => `的接口 ${nic} 没有启用：请启用它（ip link set ${nic} up）。`,
  "cable-out": ({ interface: nic }) => `的 ${nic} 没有插网线，或链路已断开。`,
  direct: ({ address, interface: nic }) => `发现 ${address} 在自己的子网内，在 ${nic} 上直接询问它。`,
  "by-gateway": ({ address, gateway, interface: nic }) =>
    `把发往 ${address} 的数据包在 ${nic} 上交给网关 ${gateway}。`,
  "no-route": ({ address }) => `没有到 ${address} 的路由：需要网关。`,
  "gateway-not-in-subnet": ({ gateway, interface: nic }) =>
    `的网关 ${gateway} 不在 ${nic} 的子网内：网关或前缀设置错误。`,
  "arp-unanswered": ({ address, network }) =>
    `在 ${network} 上询问“谁有 ${address}”，没有应答：那里没有这个地址。`,
  "other-network": ({ address, network, owner, on }) =>
    `在 ${network} 上询问 ${address}，但它属于 ${on} 上的 ${owner}：双方不在同一个网络。`,
  "duplicate-address": ({ address, owners, believed }) =>
    `询问 ${address}，不止一台设备使用它：${owners}。${believed ? `按它的 ARP 表，它相信的是 ${believed}。` : ""}`,
  "duplicate-own": ({ address, owners }) => `使用 ${address}，但不是唯一的：${owners}。应答可能发给另一台。`,
  "other-vlan": ({ address, owner, vlan, other }) =>
    `在 VLAN ${vlan} 中询问 ${address}，但拥有它的 ${owner} 在 VLAN ${other} 中。`,
  "no-router": ({ address }) => `收到发往 ${address} 的数据包并丢弃：它不是路由器。`,
  "rogue-gateway": ({ address }) => `是非法 DHCP 服务器，把自己说成网关：发往 ${address} 的数据包到此为止。`,
  "behind-nat": ({ address, owner, network }) =>
    `到不了 ${address}（${owner}）：它在 NAT 之后或专用网络 ${network} 上。外面不能主动发起：没有 NAT 条目，只有端口转发能进入。`,
  "cable-down": ({ cable }) => `${cable} 的网线没有插上，或此刻接触不良。`,
  "cable-loses": ({ cable, direction, percent }) =>
    `${cable} 网线上的故障丢失${lane[direction]}帧的 ${percent}%。`,
  "cable-corrupts": ({ cable, direction, percent }) =>
    `${cable} 网线上的故障使${lane[direction]}帧的 ${percent}% 翻转一位，接收方会丢弃它们。`,
  "cable-delays": ({ cable, direction, milliseconds: time }) =>
    `${cable} 网线上的故障使${lane[direction]}帧延迟 ${time} 毫秒：ping 不会等这么久。`,
  "cable-faulty": ({ cable, direction }) => `${cable} 网线上的故障会损坏一部分${lane[direction]}帧。`,
  "not-forwarding": ({ address }) => `收到发往 ${address} 的数据包，但不转发（net.ipv4.ip_forward 为 0）。`,
  translated: ({ address }) => `转换源地址，把数据包继续发往 ${address}。`,
  "unknown-host": ({ address }) => `找不到主机 ${address}：模拟互联网中没有它。`,
  "ping-ignored": () => "收到了 ping 但不应答：防火墙或内核丢弃了回显请求。",
  answers: ({ address }) => `拥有 ${address}，并做出应答。`,
  loop: () => "反复看到同一个数据包：路由形成了环。",
};

export const ping: typeof english = {
  title: "为什么 ping 不通？",
  lead: "由客户机自己或一台模拟设备发出一个 ping，然后沿着网线以及客户机、网关和互联网的各张表追踪它的路径，直到第一处错误。",
  guests: "正在运行的虚拟机",
  devices: "模拟设备",
  hosts: "模拟互联网的主机",
  notSent: "什么也没有发出：这个名称没有地址。",
  probe,
  from: "源",
  to: "目标（地址或名称）",
  ask: "Ping 并解释",
  busy: "正在 ping，并向客户机询问各张表…",
  noSource: "网络还没有准备好。",
  badTarget: "请输入 IPv4 地址或名称。",
  noAnswer: "客户机的代理没有应答。请在客户机启动完成后重试。",
  answered: (from, to) => `${from} 收到了 ${to} 的应答。`,
  failed: (from, to) => `${from} 没有收到 ${to} 的应答。`,
  way: "数据包的路径",
  cause: "原因",
  faultyCables: (cables) => `按照各张表它应该能到达。${cables} 网线上的故障就是原因。`,
  unexplained: "按照各张表它应该能到达。请在途中抓包或单步查看网络，找出它停在哪里。",
  contradiction: "尽管如此还是收到了应答：可能另一台设备有这个地址，或者各张表已经改变。",
  silent: (machines) => `这些虚拟机没有提供它们的表：${machines}。`,
  step,
};
