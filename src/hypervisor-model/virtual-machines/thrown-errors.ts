/** Errors that a Worker's calls throw keep what they say beside their words: comlink alone carries name, message and stack. */
import { transferHandlers } from "comlink";

interface Thrown {
  isError: boolean;
  value: Record<string, unknown>;
}

/** Called once in the Worker, before it answers calls. */
export function keepErrorFields(): void {
  const thrown = transferHandlers.get("throw")!;
  transferHandlers.set("throw", {
    ...thrown,
    serialize(wrapped) {
      const [plain, transferables] = thrown.serialize(wrapped) as [Thrown, Transferable[]];
      const { value } = wrapped as { value: unknown };
      if (!plain.isError) return [plain, transferables];
      const { found, expected, refusal, problem } = value as Record<string, unknown>;
      return [{ ...plain, value: { ...plain.value, found, expected, refusal, problem } }, transferables];
    },
  });
}
