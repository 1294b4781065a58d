import type { LabBot, LabStudent } from "../lab-student.ts";

const GROUP = "/sys/fs/cgroup/box";

function answerAll(student: LabStudent): void {
  student.answer("shared", "kernel");
  student.answer("two-numbers", "two");
  student.answer("who-dies", "group");
  student.answer("difference", "same-kernel");
}

async function startContainer(student: LabStudent, spaces: string): Promise<void> {
  const inside = `hostname box-${student.values.box}; exec sleep 9999`;
  await student.sh("host-1", `unshare ${spaces} sh -c '${inside}' >/dev/null 2>&1 </dev/null & sleep 1`);
}

async function limits(student: LabStudent): Promise<void> {
  const { limit, tasks } = student.values;
  await student.sh(
    "host-1",
    `echo "+memory +pids" > /sys/fs/cgroup/cgroup.subtree_control; mkdir -p ${GROUP} && ` +
      `echo ${limit}M > ${GROUP}/memory.max && pidof sleep | cut -d ' ' -f 1 > ${GROUP}/cgroup.procs`,
  );
  await student.try(
    "host-1",
    `sh -c 'echo $$ > ${GROUP}/cgroup.procs; dd if=/dev/zero of=/dev/null bs=30M count=1'`,
  );
  await student.sh("host-1", `echo ${tasks} > ${GROUP}/pids.max`);
  await student.try(
    "host-1",
    `sh -c 'echo $$ > ${GROUP}/cgroup.procs; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 2 & done' >/dev/null 2>&1; sleep 3`,
  );
}

export const bot: LabBot = {
  async solve(student) {
    answerAll(student);
    await startContainer(student, "-m -u -p -f --mount-proc");
    await limits(student);
  },
  wrongWays: [
    {
      name: "without -u the host itself is renamed",
      failsAt: "inside/outside",
      async run(student) {
        answerAll(student);
        await startContainer(student, "-m -p -f --mount-proc");
        await limits(student);
      },
    },
    {
      name: "without -p the process has one number",
      failsAt: "container/pid",
      async run(student) {
        answerAll(student);
        await startContainer(student, "-m -u -f");
      },
    },
  ],
};
