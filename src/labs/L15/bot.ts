import type { LabBot, LabStudent } from "../lab-student.ts";

const FILE = "/etc/sysconfig/network-scripts/ifcfg-ens33";

async function setSubnet(student: LabStudent): Promise<void> {
  await student.editNetworks((networks) =>
    networks.map((network) =>
      network.name === "vmnet8"
        ? { ...network, subnet: "192.168.10.0/24", gateway: "192.168.10.2", dhcp: {} }
        : network,
    ),
  );
}

async function writeFile(student: LabStudent, onBoot: "yes" | "no"): Promise<void> {
  const settings = [
    `IPADDR="192.168.10.${student.values.host}"`,
    'PREFIX="24"',
    'GATEWAY="192.168.10.2"',
    'DNS1="119.29.29.29"',
  ];
  await student.sh(
    "web-1",
    `sed -ri 's/^BOOTPROTO=.*/BOOTPROTO="none"/; s/^ONBOOT=.*/ONBOOT="${onBoot}"/' ${FILE} && ` +
      `printf '%s\\n' ${settings.map((line) => `'${line}'`).join(" ")} >> ${FILE}`,
  );
}

async function reboot(student: LabStudent): Promise<void> {
  await student.sh("web-1", "cat /proc/sys/kernel/random/boot_id > /root/before-reboot && sync");
  await student.act({ power: "web-1", to: "reset" });
}

function answerAll(student: LabStudent): void {
  student.answer("modes", "nat");
  student.answer("pool", "outside");
  student.answer("first-frame", "arp");
  student.answer("ttl", "windows-like");
}

async function reach(student: LabStudent): Promise<void> {
  await student.sh("web-1", "systemctl restart network");
  await student.sh("web-1", "ping -c 3 192.168.10.2");
  await student.sh("web-1", "nslookup www.baidu.com");
  await student.sh("web-1", "ping -c 4 www.baidu.com");
}

export const bot: LabBot = {
  async solve(student) {
    answerAll(student);
    await setSubnet(student);
    await writeFile(student, "yes");
    await reach(student);
    await reboot(student);
    await student.sh("web-1", "ping -c 3 192.168.10.2");
  },
  wrongWays: [
    {
      name: "ONBOOT stays no: it works until the next start",
      failsAt: "reboot/after",
      async run(student) {
        answerAll(student);
        await setSubnet(student);
        await writeFile(student, "no");
        await student.try("web-1", "ifup ens33");
        await student.try("web-1", "ping -c 3 192.168.10.2");
        await reboot(student);
      },
    },
    {
      name: "the address is set by hand, the file is left as it was",
      failsAt: "file/address",
      async run(student) {
        await setSubnet(student);
        await student.sh(
          "web-1",
          `ip addr add 192.168.10.${student.values.host}/24 dev ens33 && ip link set ens33 up`,
        );
        await student.sh("web-1", "ping -c 3 192.168.10.2");
      },
    },
  ],
};
