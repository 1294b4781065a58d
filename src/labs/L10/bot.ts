import { nothing, type LabBot, type LabStudent } from "../lab-student.ts";

const GROUP = "/sys/fs/cgroup/box";

async function startContainer(student: LabStudent, spaces: string): Promise<void> {
  const inside = `hostname box-${student.values.box}; exec sleep 9999`;
  await student.sh("host-1", `unshare ${spaces} sh -c '${inside}' >/dev/null 2>&1 </dev/null & sleep 1`);
}

async function makeGroup(student: LabStudent): Promise<void> {
  await student.sh(
    "host-1",
    `echo "+memory +pids" > /sys/fs/cgroup/cgroup.subtree_control; mkdir -p ${GROUP} && ` +
      `echo ${student.values.limit}M > ${GROUP}/memory.max && pidof sleep | cut -d ' ' -f 1 > ${GROUP}/cgroup.procs`,
  );
}

async function exceedMemory(student: LabStudent): Promise<void> {
  await student.try(
    "host-1",
    `sh -c 'echo $$ > ${GROUP}/cgroup.procs; dd if=/dev/zero of=/dev/null bs=30M count=1'`,
  );
}

async function exceedTasks(student: LabStudent): Promise<void> {
  await student.sh("host-1", `echo ${student.values.tasks} > ${GROUP}/pids.max`);
  await student.try(
    "host-1",
    `sh -c 'echo $$ > ${GROUP}/cgroup.procs; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 2 & done' >/dev/null 2>&1; sleep 3`,
  );
}

export const bot: LabBot = {
  steps: {
    shared: (student) => student.answer("shared", "kernel"),
    container: (student) => startContainer(student, "-m -u -p -f --mount-proc"),
    "two-numbers": (student) => student.answer("two-numbers", "two"),
    inside: nothing,
    group: makeGroup,
    "who-dies": (student) => student.answer("who-dies", "group"),
    kill: exceedMemory,
    tasks: exceedTasks,
    difference: (student) => student.answer("difference", "same-kernel"),
    "still-there": nothing,
  },
  wrongWays: [
    {
      name: "without -u the host itself is renamed",
      failsAt: "inside/outside",
      steps: { container: (student) => startContainer(student, "-m -p -f --mount-proc") },
    },
    {
      name: "without -p the process has one number",
      failsAt: "container/pid",
      steps: { container: (student) => startContainer(student, "-m -u -f") },
    },
  ],
};
