/**
 * Machines of the library on their way from power-on to their end: the presenter of what the power buttons do. A machine that
 * runs has a session; one that has ended leaves how, with what its consoles showed last.
 */
import { StateMismatchError, type MachineState as SavedMachine } from "../../emulator/machine.ts";
import type { ImageProgress } from "../../hypervisor-model/virtual-machines/images.ts";
import type { StoreContents } from "../../hypervisor-model/virtual-machines/machine-contents.ts";
import { machineSpecOf } from "../../hypervisor-model/virtual-machines/machine-spec.ts";
import type { MachineLibrary } from "../../hypervisor-model/virtual-machines/library.ts";
import { nextState, type MachineEvent } from "../../hypervisor-model/virtual-machines/lifecycle.ts";
import type { EndReason } from "../../hypervisor-model/virtual-machines/running-machine-types.ts";
import { startMachine } from "../../hypervisor-model/virtual-machines/running-machine.ts";
import { failureParameters, type TaskName } from "../../hypervisor-model/virtual-machines/task-log.ts";
import { budgetRefusal, isOverBudget } from "./availability.ts";
import { findMachine, type Ending, type MachineView, type Session } from "./machines.ts";
import { machineHost } from "./machine-host.ts";
import type { MediaStore } from "./media-store.ts";
import { PageNetworks } from "./networks.ts";
import { FigureWatch } from "./live-figures.ts";
import { catalogues } from "../i18n/messages.ts";
import { sentenceFor } from "./failure.ts";
import { dismissOf, notify, tellEnd, tellFailure, tellTripleFault } from "./notices.ts";
import { route } from "./route.ts";
import { GUEST_ANSWERS, MACHINE_STARTS } from "./start-marks.ts";
import { CANCELLED } from "./task-text.ts";
import { signal } from "./signals.ts";

/** The user gave up waiting: a line in the log, no notice. */
class StartCancelledError extends Error {
  override name = "StartCancelledError";
}

export abstract class MachinePower {
  /** The guest image that is being loaded, with amounts; undefined when none is. */
  readonly imageProgress = signal<ImageProgress | undefined>(undefined);

  #firstLoaded: () => void = () => undefined;
  /** Resolves when a machine of this page has got all it needs for its start. */
  readonly firstLoaded = new Promise<void>((resolve) => (this.#firstLoaded = resolve));

  readonly #figures = new FigureWatch(
    (id) => this.networks.frames(id),
    () => {
      const at = route.get();
      return at.type === "machine" ? at.id : undefined;
    },
  );
  readonly #starting = new Set<string>();

  readonly networks = new PageNetworks((id, error) => tellFailure(this.find(id)?.name ?? "", 0, error, id));
  protected readonly sessions = new Map<string, Session>();
  protected readonly endings = new Map<string, Ending>();

  readonly find = findMachine;
  abstract readonly library: MachineLibrary;
  protected abstract readonly contents: StoreContents;
  protected abstract readonly media: MediaStore;

  /** Draws the library anew from what is known now. */
  protected abstract refresh(): void;

  async powerOn(id: string, mode: "warm" | "cold" = "warm"): Promise<void> {
    await this.#start(id, mode === "warm" ? "power-on" : "boot-cold");
  }

  async resume(id: string): Promise<void> {
    await this.#start(id, "resume");
  }

  async #start(id: string, action: "power-on" | "boot-cold" | "resume"): Promise<void> {
    const view = this.find(id);
    const { definition } = view ?? {};
    if (!view || !definition || this.sessions.has(id) || this.#starting.has(id)) return;
    if (isOverBudget(definition.memoryMiB)) {
      notify(
        "warning",
        (m) => m.budget.title,
        (m) => budgetRefusal(m, definition.memoryMiB),
        { machine: id },
      );
      return;
    }
    dismissOf(id);
    this.#starting.add(id);
    await this.task(view, action, async () => {
      const claimed = this.library.claim(id);
      claimed.catch(() => undefined);
      let session: Session | undefined;
      try {
        const resume = action === "resume" ? await this.#savedState(id) : undefined;
        const spec = await machineSpecOf(definition, (medium) => this.media.read(medium));
        spec.timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
        this.networks.plugIn(spec, definition.nics);
        performance.mark(MACHINE_STARTS, { detail: id });
        const machine = startMachine(spec, machineHost, {
          mode: action === "boot-cold" ? "cold" : "warm",
          resume,
          after: claimed,
        });
        void machine.loaded.then(() => this.#firstLoaded());
        session = {
          machine,
          state: action === "resume" ? "resuming" : "starting",
          agentReady: false,
          resets: 0,
          cancelled: false,
        };
        this.sessions.set(id, session);
        this.endings.delete(id);
        this.refresh();
        this.#follow(id, session);
        await machine.started;
        this.#event(id, session, action === "resume" ? "resumed" : "started");
        if (action === "resume") await this.contents.deleteSavedState(id);
      } catch (error) {
        this.networks.unplug(id);
        if (session) this.sessions.delete(id);
        // A start may fail before the machine is claimed: released first, it would be marked as running for ever.
        await claimed.catch(() => undefined);
        await this.library.release(id, action === "resume" ? "suspended" : "off");
        this.refresh();
        throw session?.cancelled ? new StartCancelledError() : error;
      }
    });
    this.#starting.delete(id);
    if (this.#starting.size === 0) this.imageProgress.set(undefined);
  }

  async #savedState(id: string): Promise<SavedMachine> {
    try {
      return await this.contents.savedState(id);
    } catch (error) {
      const { name } = error as Error;
      if (!["NotFoundError", "DamagedError", "NewerVersionError"].includes(name)) throw error;
      throw new StateMismatchError("state", name, "a readable state");
    }
  }

  /** Gives up a start that has not got as far as a running machine. */
  async cancelStart(id: string): Promise<void> {
    const session = this.sessions.get(id);
    if (!session || !["starting", "resuming"].includes(session.state)) return;
    session.cancelled = true;
    await session.machine.powerOff();
  }

  /** Watches a machine to its end. */
  #follow(id: string, session: Session): void {
    const { machine } = session;
    this.#figures.watch(machine);
    void machine.ended.then(() => this.#figures.forget(machine));
    void this.#awaitAgent(session);
    // `ready` resolves once: later boots of the same machine are told by the agent itself.
    machine.agent.onStatus(({ stage }) => {
      session.agentReady = stage === "run";
      this.refresh();
    });
    machine.onStatus((status) => {
      if (status.type === "paused") this.#event(id, session, "pause");
      if (status.type === "running" && session.state === "paused") this.#event(id, session, "continue");
      // After a reset of its own the guest cannot be asked until its agent speaks again.
      const agentReady = machine.agent.status?.stage === "run";
      if (agentReady === session.agentReady) return;
      session.agentReady = agentReady;
      this.refresh();
    });
    machine.onTripleFault((fault) => tellTripleFault(fault, { id, name: this.find(id)?.name ?? "" }));
    void machine.ended.then((reason) => this.#ended(id, session, reason));
  }

  async #awaitAgent(session: Session): Promise<void> {
    try {
      await session.machine.ready;
      performance.mark(GUEST_ANSWERS, { detail: session.machine.id });
      session.agentReady = true;
      this.refresh();
    } catch {
      // the guest has no agent, or ended before it answered
    }
  }

  async #ended(id: string, session: Session, reason: EndReason): Promise<void> {
    if (this.sessions.get(id) === session) this.networks.unplug(id);
    // `suspend` itself lets go, once the state is in the store.
    if (this.sessions.get(id) !== session || reason.type === "suspended") return;
    this.sessions.delete(id);
    this.endings.set(id, { reason, machine: session.machine });
    const machine = { id, name: this.find(id)?.name ?? "" };
    await this.library.release(id, "off");
    this.refresh();
    await tellEnd(reason, machine, this.library.tasks);
  }

  async suspend(id: string): Promise<void> {
    await this.#running(id, "suspend", async (session) => {
      this.#event(id, session, "suspend");
      const state = await session.machine.suspend().catch((error: unknown) => {
        this.#event(id, session, "suspend-failed");
        throw error;
      });
      let kept: "suspended" | "off" = "off";
      try {
        await this.contents.keepState(id, state);
        kept = "suspended";
      } finally {
        this.sessions.delete(id);
        await this.library.release(id, kept);
      }
    });
  }

  async suspendAll(): Promise<void> {
    await Promise.all([...this.sessions.keys()].map((id) => this.suspend(id)));
  }

  async powerOff(id: string): Promise<void> {
    const view = this.find(id);
    if (view && !view.session) {
      await this.task(view, "power-off", () => this.library.discard(id));
      return;
    }
    await this.#running(id, "power-off", async (session) => {
      this.#event(id, session, "stop");
      await session.machine.powerOff();
    });
  }

  /** For a revert: without a line of its own in the log. */
  protected async pullPlug(id: string): Promise<void> {
    const session = this.sessions.get(id);
    if (!session) return;
    this.sessions.delete(id);
    this.networks.unplug(id);
    await session.machine.powerOff();
    await this.library.release(id, "off");
    this.refresh();
  }

  async shutDown(id: string): Promise<void> {
    await this.#running(id, "shut-down", (session) => session.machine.shutDown());
  }

  async reset(id: string): Promise<void> {
    await this.#running(id, "reset", async (session) => {
      session.agentReady = false;
      session.resets++;
      this.refresh();
      await session.machine.reset();
    });
  }

  async pause(id: string): Promise<void> {
    await this.#running(id, "pause", ({ machine }) => machine.pause());
  }

  async continue(id: string): Promise<void> {
    await this.#running(id, "continue", ({ machine }) => machine.run());
  }

  /** Make codes of Ctrl, Alt and Del, then their break codes (PS/2 set 1). */
  async sendCtrlAltDel(id: string): Promise<void> {
    await this.#running(id, "send-keys", async ({ machine }) => {
      machine.display.sendScancodes([0x1d, 0x38, 0xe0, 0x53, 0xe0, 0xd3, 0xb8, 0x9d]);
    });
  }

  async #running(id: string, task: TaskName, act: (session: Session) => Promise<void>): Promise<void> {
    const view = this.find(id);
    if (!view?.session) return;
    const { session } = view;
    await this.task(view, task, () => act(session));
  }

  protected async task(view: MachineView, task: TaskName, act: () => Promise<void>): Promise<void> {
    const { id, name } = view;
    const line = this.library.tasks.begin(task, { id, name });
    line.catch(() => undefined);
    await this.attempt(
      name,
      view.definition?.memoryMiB ?? 0,
      async () => {
        try {
          await act();
          await (await line).done();
        } catch (error) {
          const cancelled = error instanceof StartCancelledError;
          const sentence = sentenceFor(error, name, view.definition?.memoryMiB ?? 0);
          const told = { en: sentence(catalogues.en), "zh-CN": sentence(catalogues["zh-CN"]) };
          await (
            await line
          ).failed({ ...failureParameters(error), ...told, ...(cancelled ? { error: CANCELLED } : {}) });
          if (!cancelled) throw error;
        }
      },
      id,
    );
  }

  protected async attempt(
    name: string,
    memoryMiB: number,
    act: () => Promise<unknown>,
    machine?: string,
  ): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      tellFailure(name, memoryMiB, error, machine);
      return false;
    } finally {
      this.refresh();
    }
  }

  #event(id: string, session: Session, event: MachineEvent): void {
    const next = nextState(session.state, event);
    if (next && this.sessions.get(id) === session) session.state = next;
    this.refresh();
  }
}
