/** 通往实验室之外的中文文字。 */
import type { outside as english } from "./en-outside.ts";

export const outside: typeof english = {
  title: (network) => `把 ${network} 与其他网络相连`,
  lanName: "局域网名称",
  joinTabs: "与其他标签页相连",
  tabs: (lan) => `其他标签页，局域网“${lan}”`,
  relay: "中继地址（ws:// 或 wss://）",
  joinRelay: "通过中继相连",
  warning:
    "通过中继时，帧会离开这台计算机：同一中继上的任何人都能读取并应答。客户机没有密码。只使用您信任的中继。",
  agree: "我已阅读并愿意使用中继。",
  agreeFirst: "请先阅读警告并同意。",
  state: { connecting: "正在连接", open: "已连接", waiting: "未连上，正在重试", closed: "已关闭" },
  frames: (sent, received) => `发出 ${sent} 帧，收到 ${received} 帧`,
  leave: "离开",
  notJoined: (detail) => `没有连接成功：${detail}`,
  scenario: "场景文件",
  scenarioHint: "网络、虚拟机以及当前的故障（作为步骤）存为一个文件，与命令行（ringside run）所用的相同。",
  export: "导出实验室",
  import: "导入场景…",
  leftOut: (machines) => `以下虚拟机从自己的磁盘启动，因此没有导出：${machines}。`,
  imported: (machines) => `已采用文件中的网络，添加的虚拟机数：${machines}。`,
  stepsLeft: (steps) => `文件中的 ${steps} 个步骤由命令行执行，不在这里执行。`,
  refused: (file, detail) => `“${file}”被拒绝：${detail.replace(/。$/, "")}。没有任何更改。`,
  overtaken: "另一个标签页刚刚更改了网络：请重新导入。",
  needsMedia: (machine) => `${machine} 从自己的文件启动：请用向导创建它。没有任何更改。`,
  nameTaken: (machine) => `已有名为 ${machine} 的虚拟机。没有任何更改。`,
};
