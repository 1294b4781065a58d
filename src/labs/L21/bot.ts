import type { LabBot, LabStudent } from "../lab-student.ts";

function answerAll(student: LabStudent): void {
  student.answer("why-off", "consistent");
  student.answer("predict-size", "changes");
  student.answer("predict-revert", "file-back");
  student.answer("live-what", "disk-memory");
}

async function twoSnapshots(student: LabStudent): Promise<void> {
  const { word, number } = student.values;
  await student.sh("db-1", `echo ${word}-${number} > /etc/motd && sync`);
  await student.act({ power: "db-1", to: "shutdown" });
  await student.act({ snapshot: "db-1", name: "clean" });
  await student.act({ power: "db-1", to: "on" });
  await student.sh("db-1", "rm /etc/motd");
  await student.act({ power: "db-1", to: "shutdown" });
  await student.act({ snapshot: "db-1", name: "tuned" });
}

async function live(student: LabStudent, memory: boolean): Promise<void> {
  await student.act({ power: "db-1", to: "on" });
  await student.sh("db-1", `echo ${student.values.number} > /tmp/counter`);
  await student.act({ snapshot: "db-1", name: "live", memory });
  await student.sh("db-1", "rm /tmp/counter");
  await student.act({ revert: "db-1", to: "live" });
}

export const bot: LabBot = {
  async solve(student) {
    answerAll(student);
    await twoSnapshots(student);
    await student.act({ revert: "db-1", to: "clean" });
    await student.act({ snapshot: "db-1", name: "branch" });
    await live(student, true);
  },
  wrongWays: [
    {
      name: "branches off tuned instead of clean",
      failsAt: "revert/branch",
      async run(student) {
        answerAll(student);
        await twoSnapshots(student);
        await student.act({ snapshot: "db-1", name: "branch" });
      },
    },
    {
      name: "takes the last snapshot without memory",
      failsAt: "live/taken",
      async run(student) {
        answerAll(student);
        await twoSnapshots(student);
        await student.act({ revert: "db-1", to: "clean" });
        await student.act({ snapshot: "db-1", name: "branch" });
        await live(student, false);
      },
    },
  ],
};
