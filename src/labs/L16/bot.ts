import type { LabBot, LabStudent } from "../lab-student.ts";

async function move(student: LabStudent, network: string): Promise<void> {
  await student.editMachine("pc-2", { nics: [{ network }] });
}

async function address(student: LabStudent, machine: string, own: string, gateway?: string): Promise<void> {
  await student.sh(
    machine,
    `ip addr flush dev ens33; ip addr add ${own}/24 dev ens33 && ip link set ens33 up` +
      (gateway === undefined ? "" : ` && ip route add default via ${gateway}`),
  );
}

async function bothNat(student: LabStudent): Promise<void> {
  const own = `192.168.10.${student.values.pc}`;
  await address(student, "pc-1", own, "192.168.10.2");
  await student.sh("pc-2", "udhcpc -i ens33 -n -q");
  await student.sh("pc-2", `ping -c 2 ${own}`);
}

async function hostOnly(student: LabStudent): Promise<void> {
  await move(student, "vmnet1");
  await address(student, "pc-2", `192.168.56.${student.values.only}`, "192.168.56.1");
  await student.sh("pc-2", "ping -c 2 192.168.56.1");
}

async function bridged(student: LabStudent): Promise<void> {
  await move(student, "vmnet0");
  await address(student, "pc-2", `10.20.30.${student.values.room}`, "10.20.30.1");
  await student.sh("pc-2", "ping -c 2 10.20.30.1");
}

async function serve(student: LabStudent): Promise<void> {
  await student.sh(
    "pc-1",
    "mkdir -p /tmp/www; echo from pc-1 > /tmp/www/index.html; httpd -p 80 -h /tmp/www",
  );
}

async function forward(student: LabStudent, to: string): Promise<void> {
  await serve(student);
  await student.editNetworks((networks) =>
    networks.map((network) =>
      network.name === "vmnet8"
        ? { ...network, forwards: [{ protocol: "tcp", port: Number(student.values.port), to }] }
        : network,
    ),
  );
}

export const bot: LabBot = {
  steps: {
    "both-nat": bothNat,
    "predict-only": (student) => student.answer("predict-only", "not-reach"),
    "host-only": hostOnly,
    isolated: (student) => student.try("pc-1", `ping -c 1 -W 2 192.168.56.${student.values.only}`),
    "who-host": (student) => student.answer("who-host", "host"),
    bridged,
    "predict-source": (student) => student.answer("predict-source", "host"),
    "nat-to-bridged": (student) => student.sh("pc-1", `ping -c 2 10.20.30.${student.values.room}`),
    "predict-back": (student) => student.answer("predict-back", "no"),
    forward: (student) => forward(student, `192.168.10.${student.values.pc}:80`),
    matrix: (student) => student.answer("matrix", "bridged"),
  },
  wrongWays: [
    {
      name: "pc-2 keeps its host-only address on the bridged network",
      failsAt: "bridged/address",
      steps: { bridged: (student) => move(student, "vmnet0") },
    },
    {
      name: "the port is forwarded to a port where nobody listens",
      failsAt: "forward/rule",
      steps: { forward: (student) => forward(student, `192.168.10.${student.values.pc}:8080`) },
    },
  ],
};
