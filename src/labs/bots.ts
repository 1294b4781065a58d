/** The bots of all labs: tests play them whole, "solve for me" plays one step. */
import type { LabBot } from "./lab-student.ts";

const bots = import.meta.glob<LabBot>("./*/bot.ts", { import: "bot" });

export async function loadBot(lab: string): Promise<LabBot> {
  const load = bots[`./${lab}/bot.ts`];
  if (load === undefined) throw new Error(`the lab ${lab} has no bot`);
  return load();
}
