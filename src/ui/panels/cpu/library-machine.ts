/** Machines of the library that run on the core, opened for the debugger. */
import { messages } from "../../i18n/messages.ts";
import { CpuPresenter } from "../../state/cpu-presenter.ts";
import { laboratory } from "../../state/laboratory.ts";

export interface OpenedMachine {
  presenter: CpuPresenter;
  close(): void;
}

/** Names of running machines whose engine is the core. */
export function coreMachines(): string[] {
  return laboratory.machines
    .get()
    .flatMap(({ name, definition, session }) =>
      definition?.engine === "core" && session !== undefined ? [name] : [],
    );
}

/** Throws where there is none of that name. */
export async function openMachine(name: string): Promise<OpenedMachine> {
  const found = laboratory.machines
    .get()
    .find((entry) => entry.name === name && entry.definition?.engine === "core");
  if (found?.session === undefined) throw new Error(messages().cpu.noMachine(name));
  const { target, close } = await found.session.machine.openDebugger();
  const presenter = new CpuPresenter(target);
  return {
    presenter,
    close: () => {
      presenter.close();
      close();
    },
  };
}

export function closeMachine(machine: OpenedMachine): void {
  machine.close();
}
