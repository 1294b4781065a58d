/** 单步模式的中文文字：设备的每个决定一句话。 */
import type { DecisionTexts, steps as english } from "./en-steps.ts";

const switchDrop = {
  malformed: "帧的格式错误",
  "same-port": "目标就在它来的端口后面",
  vlan: "端口不属于它的 VLAN",
  storm: "该端口的广播过多",
  "reserved-address": "交换机不转发这个保留地址",
  "too-long": "帧太长",
};
const linkDrop = { down: "链路已断开", lost: "网线故障造成丢失", "queue-full": "队列已满" };
const linkChange = {
  corrupted: "把帧的一位翻转了",
  duplicated: "把帧发送了两次",
  reordered: "把帧压后到其他帧之后",
};
const natDrop = {
  malformed: "格式错误",
  "no-entry": "没有对应的转换条目，也没有端口转发",
  "entry-expired": "它的转换条目已过期",
  "table-full": "转换表已满",
  "no-port": "没有空闲端口",
  "ttl-expired": "生存时间 TTL 已用完",
  fragment: "这是缺少首片的分片",
  protocol: "这个协议无法转换",
  "not-inside": "源地址不属于内部网络",
};
const hostDrop: Record<string, string> = {
  "other-mac": "它是发给另一个 MAC 地址的",
  "arp-for-another": "询问的是另一个地址",
  "not-for-me": "它是发给另一个 IP 地址的",
  "echo-ignored": "它不应答 ping",
  "udp-closed-port": "该 UDP 端口没有服务监听",
  "tcp-closed-port": "该 TCP 端口没有服务监听",
  "tcp-too-many": "连接数过多",
  "not-understood": "不认识这种帧",
  "arp-queue-full": "等待 ARP 的数据包过多",
  protocol: "不认识这个协议",
};
const routeDrop = {
  "no-route": "它没有网关，而该地址不在它自己的子网内",
  lost: "在途中丢失",
  "unknown-host": "互联网上没有这台主机",
};
const dhcpRefusal = {
  exhausted: "没有空闲地址",
  "wrong-address": "该地址不在此范围内",
  "no-lease": "该地址已属于别人",
  "lease-expired": "租约已过期，地址已属于别人",
};
const dnsFailure = {
  "no-such-name": "没有这个名称",
  "no-such-type": "该名称没有这种记录",
  loop: "名称互相指向，形成循环",
};
const flooding = {
  broadcast: "它是广播",
  multicast: "它是组播",
  unknown: "还没有学到该地址在哪个端口",
};

const decision: DecisionTexts = {
  "switch-learned": ({ mac, port }) => `学到 ${mac} 在端口 ${port} 后面。`,
  "switch-moved": ({ mac, from, port }) => `${mac} 从端口 ${from} 移到了端口 ${port}。`,
  "switch-forwarded": ({ mac, port }) => `转发到端口 ${port}，因为学到 ${mac} 在那里。`,
  "switch-flooded": ({ mac, reason }) => `把发给 ${mac} 的帧泛洪到其他所有端口：${flooding[reason]}。`,
  "switch-dropped": ({ reason }) => `丢弃：${switchDrop[reason]}。`,
  "link-dropped": ({ reason }) => `网线丢弃了它：${linkDrop[reason]}。`,
  "link-changed": ({ what }) => `网线${linkChange[what]}。`,
  "nic-received": () => "网卡已把它交给客户机。",
  "arp-asked": ({ address }) => `用 ARP 询问谁拥有 ${address}。`,
  "arp-answered": ({ address, mac }) => `应答：${address} 在 ${mac}。`,
  "arp-unanswered": ({ address }) => `没有人为 ${address} 应答：等待它的数据包被丢弃。`,
  "arp-learned": ({ address, mac }) => `记下 ${address} 在 ${mac}。`,
  "arp-conflict": ({ address, mac, other }) => `${mac} 和 ${other} 都声称拥有 ${address}。`,
  "host-dropped": ({ reason }) => `丢弃：${hostDrop[reason] ?? reason}。`,
  "host-answered": ({ protocol, to }) => `应答了 ${to}（${protocol}）。`,
  "host-received": ({ protocol, from, port }) =>
    `收到来自 ${from} 的数据${port > 0 ? `，${protocol.toUpperCase()} 端口 ${port}` : ""}。`,
  "nat-created": ({ protocol, inside, outside, remote }) =>
    `建立转换条目：${protocol} ${inside} 以 ${outside} 发往 ${remote}。`,
  "nat-expired": ({ protocol, inside, outside }) => `${protocol} ${inside} 到 ${outside} 的转换条目已过期。`,
  "nat-translated": ({ direction, protocol, from, to }) =>
    `把${direction === "out" ? "源" : "目标"}（${protocol}）从 ${from} 转换为 ${to}。`,
  "nat-dropped": ({ reason }) => `丢弃：${natDrop[reason]}。`,
  "route-forwarded": ({ destination, hops, milliseconds }) =>
    `经过 ${hops} 个路由器发往 ${destination}，需要 ${Math.round(milliseconds * 10) / 10} 毫秒。`,
  "route-expired": ({ router, destination }) => `在前往 ${destination} 的途中，生存时间在 ${router} 用完。`,
  "route-dropped": ({ reason, destination }) => `在前往 ${destination} 的途中丢弃：${routeDrop[reason]}。`,
  "dhcp-offered": ({ mac, address }) => `向 ${mac} 提供 ${address}。`,
  "dhcp-leased": ({ mac, address }) => `把 ${address} 租给 ${mac}。`,
  "dhcp-renewed": ({ mac, address }) => `为 ${mac} 续租 ${address}。`,
  "dhcp-released": ({ mac, address }) => `${mac} 归还了 ${address}。`,
  "dhcp-declined": ({ mac, address }) => `${mac} 拒绝了 ${address}：该地址已被使用。`,
  "dhcp-refused": ({ mac, reason }) => `拒绝了 ${mac}：${dhcpRefusal[reason]}。`,
  "dns-answered": ({ name, addresses }) => `应答：${name} 是 ${addresses}。`,
  "dns-failed": ({ name, reason }) => `无法为 ${name} 应答：${dnsFailure[reason]}。`,
};

export const steps: typeof english = {
  title: "实时或单步",
  live: "实时",
  step: "单步",
  back: "后退",
  play: "播放",
  pause: "暂停",
  forward: "前进",
  speed: "速度",
  perSecond: (n) => `${n} 帧/秒`,
  notHeld: "网络正在实时运行：请先切换到“单步”。",
  atBeginning: "前面没有了。",
  isPlaying: "正在播放：请先暂停。",
  busy: "正在等待下一帧…",
  nothing: "一秒之内没有帧在途中。",
  running: "网络正在实时运行。",
  count: (at, of) => `第 ${at} 帧，共 ${of} 帧`,
  begin: (network) => `“单步”会暂停 ${network}，让帧逐个通过。其间它的虚拟机静止，所以什么都不会超时。`,
  ready: (network) => `${network} 已暂停，它的虚拟机静止。“前进”让下一帧通过。`,
  list: "到目前为止的帧",
  time: "时间（秒）",
  frame: "帧",
  decided: "发生了什么",
  noFrame: "网络的一个定时器",
  noDecision: "这个网络上没有设备需要对它做决定。",
  decision,
};
