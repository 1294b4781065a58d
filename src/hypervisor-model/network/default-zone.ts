/** The Internet of the course: its search engine, its DNS server, time servers and a package mirror. Addresses are the course's own. */
import type { Zone } from "./zone.ts";

const ISP = ["100.64.0.1", "61.148.0.9", "202.97.34.133"];

function page(title: string, text: string): { contentType: string; body: string } {
  const paragraph = `<p>${text}</p>\n`;
  // A page of more than one TCP segment is worth looking at in a capture.
  const body = `<!doctype html>\n<html lang="zh-CN">\n<head><meta charset="utf-8"><title>${title}</title></head>\n<body>\n<h1>${title}</h1>\n${paragraph.repeat(Math.ceil(2048 / paragraph.length))}</body>\n</html>\n`;
  return { contentType: "text/html; charset=utf-8", body };
}

const SIMULATED =
  "This page comes from the laboratory's simulated Internet; no packet left your browser. 这一页来自实验室里的模拟互联网。";

export const DEFAULT_ZONE: Zone = {
  hosts: [
    {
      names: ["www.a.shifen.com"],
      address: "110.242.68.4",
      latencyMs: 11,
      hops: [...ISP, "110.242.66.162"],
      http: { "/": page("百度一下", SIMULATED), "/index.html": page("百度一下", SIMULATED) },
    },
    { names: ["dns.pub"], address: "119.29.29.29", latencyMs: 8, hops: [...ISP, "119.147.10.1"], dns: true },
    { names: ["ntp.aliyun.com"], address: "203.107.6.88", latencyMs: 9, hops: ISP, ntp: true },
    {
      names: ["cn.pool.ntp.org"],
      address: "119.28.206.193",
      latencyMs: 14,
      lossPercent: 0,
      hops: ISP,
      ntp: true,
    },
    {
      names: ["mirrors.ringside.test"],
      address: "101.6.15.130",
      latencyMs: 6,
      hops: [...ISP, "101.4.117.30"],
      http: {
        "/": page("Package mirror", SIMULATED),
        "/centos/7/os/x86_64/repodata/repomd.xml": {
          contentType: "application/xml",
          body: '<?xml version="1.0" encoding="UTF-8"?>\n<repomd xmlns="http://linux.duke.edu/metadata/repo"><revision>1</revision></repomd>\n',
        },
      },
    },
  ],
  aliases: { "www.baidu.com": "www.a.shifen.com", "mirrors.tuna.tsinghua.edu.cn": "mirrors.ringside.test" },
};
