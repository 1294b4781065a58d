/** `ringside predict`: questions to the architecture model. */
import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { predict, questionSchema, type Prediction } from "../hypervisor-model/architectures/predict.ts";
import { readOptions, UsageError } from "./options.ts";

export const PREDICT_HELP = `ringside predict [--json] FILE    answer questions about published measurements

  --json   one JSON array of answers, in the order of the questions

FILE holds an array of {"id", "paper", "table", "hw", "system", "metric", "unit"}; "-" reads standard input. An answer is
{"id", "value", "unit", "kind", "how"}, where kind is executed (counted events × cited costs × the native baseline), formula
(a published relation) or fit (interpolation over open cells), or {"id", "value": null, "why"}.
`;

const OPTIONS = { json: { type: "boolean" } } as const;
const LARGEST_FILE = 16 << 20;

async function readText(file: string): Promise<string> {
  if (file !== "-") {
    try {
      return await readFile(file, "utf8");
    } catch (error) {
      throw new UsageError(`${file}: ${(error as Error).message}`);
    }
  }
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

function parse(file: string, text: string): v.InferOutput<typeof questionSchema>[] {
  if (text.length > LARGEST_FILE) {
    throw new UsageError(`${file}: found ${text.length} characters, expected at most ${LARGEST_FILE}`);
  }
  let data: unknown;
  try {
    data = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new UsageError(`${file}: ${(error as Error).message}`);
  }
  const result = v.safeParse(v.array(questionSchema), data);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = (issue.path ?? []).map(({ key }) =>
    typeof key === "number" ? `[${key}]` : `.${String(key)}`,
  );
  throw new UsageError(`${file}: ${path.join("") || "the document"}: ${issue.message}`);
}

function line(answer: Prediction): string {
  if (answer.value === null) return `${answer.id}: no answer: ${answer.why}`;
  return `${answer.id}: ${answer.value} ${answer.unit} (${answer.kind}: ${answer.how})`;
}

export async function predictCommand(argv: string[]): Promise<number> {
  const { values, positionals } = readOptions(argv, OPTIONS);
  if (positionals.length !== 1) throw new UsageError("expected one file of questions");
  const [file] = positionals;
  const questions = parse(file, await readText(file));
  const answers = questions.map((question) => predict(question));
  if (values.json === true) process.stdout.write(`${JSON.stringify(answers)}\n`);
  else for (const answer of answers) process.stdout.write(`${line(answer)}\n`);
  return 0;
}
