import { nothing, type LabBot, type LabStudent } from "../lab-student.ts";

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

const sh = (command: string) => async (student: LabStudent) => void (await student.sh("web-1", command));

async function reboot(student: LabStudent): Promise<void> {
  await student.sh("web-1", "cat /proc/sys/kernel/random/boot_id > /root/before-reboot && sync");
  await student.act({ power: "web-1", to: "reset" });
}

export const bot: LabBot = {
  steps: {
    modes: (student) => student.answer("modes", "nat"),
    subnet: setSubnet,
    pool: (student) => student.answer("pool", "outside"),
    file: (student) => writeFile(student, "yes"),
    restart: sh("systemctl restart network"),
    route: nothing,
    "first-frame": (student) => student.answer("first-frame", "arp"),
    "ping-gateway": sh("ping -c 3 192.168.10.2"),
    names: sh("nslookup www.baidu.com"),
    internet: sh("ping -c 4 www.baidu.com"),
    ttl: (student) => student.answer("ttl", "windows-like"),
    async reboot(student) {
      await reboot(student);
      await student.sh("web-1", "ping -c 3 192.168.10.2");
    },
  },
  wrongWays: [
    {
      name: "ONBOOT stays no: it works until the next start",
      failsAt: "reboot/after",
      steps: { file: (student) => writeFile(student, "no"), restart: sh("ifup ens33"), reboot },
    },
    {
      name: "the address is set by hand, the file is left as it was",
      failsAt: "file/address",
      steps: {
        file: nothing,
        restart: (student) =>
          student.sh(
            "web-1",
            `ip addr add 192.168.10.${student.values.host}/24 dev ens33 && ip link set ens33 up`,
          ),
      },
    },
  ],
};
