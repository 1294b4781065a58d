import { nothing, type LabBot, type LabStudent } from "../lab-student.ts";

const FILE = "/etc/sysconfig/network-scripts/ifcfg-ens33";

async function takeBase(student: LabStudent): Promise<void> {
  await student.sh("template", "sync");
  await student.act({ power: "template", to: "shutdown" });
  await student.act({ snapshot: "template", name: "base" });
}

async function cloneLinked(student: LabStudent): Promise<void> {
  await student.act({ clone: "template", snapshot: "base", kind: "linked", as: "web-1" });
  await student.act({ clone: "template", snapshot: "base", kind: "linked", as: "web-2" });
}

async function startAll(student: LabStudent): Promise<void> {
  for (const name of ["web-1", "web-2", "web-3"]) await student.act({ power: name, to: "on" });
}

async function setAddresses(student: LabStudent): Promise<void> {
  const { a, b, c } = student.values;
  for (const [machine, host] of [
    ["web-1", a],
    ["web-2", b],
    ["web-3", c],
  ] as const) {
    await student.sh(
      machine,
      `sed -ri 's/^BOOTPROTO=.*/BOOTPROTO="none"/; s/^ONBOOT=.*/ONBOOT="yes"/' ${FILE} && ` +
        `printf 'IPADDR="192.168.10.${host}"\\nPREFIX="24"\\n' >> ${FILE} && systemctl restart network`,
    );
  }
}

async function pingAround(student: LabStudent): Promise<void> {
  const { a, b, c } = student.values;
  await student.sh("web-1", `ping -c 2 192.168.10.${b}`);
  await student.sh("web-2", `ping -c 2 192.168.10.${c}`);
  await student.sh("web-3", `ping -c 2 192.168.10.${a}`);
}

export const bot: LabBot = {
  steps: {
    "why-none": (student) => student.answer("why-none", "conflict"),
    async clean(student) {
      await student.sh("template", `sed -i '/^IPADDR/d; /^PREFIX/d' ${FILE}`);
    },
    base: takeBase,
    template: (student) => student.setTemplate("template", true),
    "predict-size": (student) => student.answer("predict-size", "changes"),
    linked: cloneLinked,
    full: (student) => student.act({ clone: "template", snapshot: "base", kind: "full", as: "web-3" }),
    mac: (student) => student.answer("mac", "new"),
    start: startAll,
    addresses: setAddresses,
    ping: pingAround,
    delete: (student) => student.answer("delete", "refused"),
  },
  wrongWays: [
    {
      name: "the third is a linked clone too",
      failsAt: "full/own",
      steps: {
        full: (student) => student.act({ clone: "template", snapshot: "base", kind: "linked", as: "web-3" }),
      },
    },
    {
      name: "the template keeps its address, and all clones have it",
      failsAt: "addresses/web-2",
      steps: {
        clean: nothing,
        async addresses(student) {
          for (const name of ["web-1", "web-2", "web-3"]) {
            await student.try(
              name,
              `sed -ri 's/^BOOTPROTO=.*/BOOTPROTO="none"/; s/^ONBOOT=.*/ONBOOT="yes"/' ${FILE}; systemctl restart network`,
            );
          }
        },
      },
    },
  ],
};
