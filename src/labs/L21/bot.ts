import type { LabBot, LabStudent } from "../lab-student.ts";

async function writeMotd(student: LabStudent): Promise<void> {
  const { word, number } = student.values;
  await student.sh("db-1", `echo ${word}-${number} > /etc/motd && sync`);
}

async function takeClean(student: LabStudent): Promise<void> {
  await student.act({ power: "db-1", to: "shutdown" });
  await student.act({ snapshot: "db-1", name: "clean" });
}

async function takeTuned(student: LabStudent): Promise<void> {
  await student.act({ power: "db-1", to: "on" });
  await student.sh("db-1", "rm /etc/motd");
  await student.act({ power: "db-1", to: "shutdown" });
  await student.act({ snapshot: "db-1", name: "tuned" });
}

async function takeLive(student: LabStudent, memory: boolean): Promise<void> {
  await student.act({ power: "db-1", to: "on" });
  await student.sh("db-1", `echo ${student.values.number} > /tmp/counter`);
  await student.act({ snapshot: "db-1", name: "live", memory });
}

export const bot: LabBot = {
  steps: {
    mark: writeMotd,
    "why-off": (student) => student.answer("why-off", "consistent"),
    clean: takeClean,
    "predict-size": (student) => student.answer("predict-size", "changes"),
    tuned: takeTuned,
    "predict-revert": (student) => student.answer("predict-revert", "file-back"),
    async revert(student) {
      await student.act({ revert: "db-1", to: "clean" });
      await student.act({ snapshot: "db-1", name: "branch" });
    },
    "live-what": (student) => student.answer("live-what", "disk-memory"),
    live: (student) => takeLive(student, true),
    async end(student) {
      await student.try("db-1", "rm /tmp/counter");
      await student.act({ revert: "db-1", to: "live" });
    },
  },
  wrongWays: [
    {
      name: "branches off tuned instead of clean",
      failsAt: "revert/branch",
      steps: { revert: (student) => student.act({ snapshot: "db-1", name: "branch" }) },
    },
    {
      name: "takes the last snapshot without memory",
      failsAt: "live/taken",
      steps: { live: (student) => takeLive(student, false) },
    },
  ],
};
