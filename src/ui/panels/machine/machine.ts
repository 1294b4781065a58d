/** A machine's tab: its console while it runs, its summary otherwise. */
import { html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type {
  EndReason,
  RunningMachine,
} from "../../../hypervisor-model/virtual-machines/running-machine-types.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import "../../components/icon/icon.ts";
import "../../components/screen-console/screen-console.ts";
import "../../components/serial-console/serial-console.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { laboratory } from "../../state/laboratory.ts";
import { whyNot } from "../../state/availability.ts";
import type { Ending, MachineView, Session } from "../../state/machines.ts";
import { go } from "../../state/route.ts";
import { sizeText } from "../../state/size-text.ts";
import "./event-strip.ts";
import { styles } from "./machine.styles.ts";
import "./summary.ts";

type View = "serial" | "screen" | "summary";

@customElement("rs-machine")
export class MachinePanel extends RingsideElement {
  static override styles = [sharedStyles, styles];

  @property({ attribute: "machine-id" }) machineId = "";
  @state() private consoles = new Map<string, View>();

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("rs-full-screen", this.fullScreen);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("rs-full-screen", this.fullScreen);
  }

  private fullScreen = (): void => {
    void this.requestFullscreen().catch(() => undefined);
  };

  private choose(id: string, view: View): void {
    const { session, ending } = laboratory.find(id) ?? {};
    this.consoles = new Map(this.consoles).set(placeOf(id, !session && !tellsWhy(ending)), view);
    // The bar is drawn anew inside what it has chosen.
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector<HTMLElement>(`[data-view="${view}"]`)?.focus(),
    );
  }

  private bar({ id, name, definition, session }: MachineView, shown: View, more: unknown) {
    const { console: m, cpu } = this.m;
    const views = [
      ["serial", "terminal", m.serial],
      ["screen", "monitor", m.screen],
      ["summary", "info", m.summary],
    ] as const;
    return html`<div class="consoles" slot="bar">
      ${views.map(
        ([view, icon, label]) =>
          html`<rs-action
            data-view=${view}
            icon=${icon}
            label=${label}
            .pressed=${shown === view}
            @rs-press=${() => this.choose(id, view)}
          ></rs-action>`,
      )}
      ${
        definition?.engine === "core" && session !== undefined
          ? html`<rs-action
              class="look-inside"
              icon="cpu"
              label=${cpu.lookInside}
              hint=${cpu.lookInsideHint}
              @rs-press=${() => go({ type: "workspace", name: "cpu", rest: [name] })}
            ></rs-action>`
          : nothing
      }
      ${more}
    </div>`;
  }

  /** The consoles of a machine that runs, or the last that was seen of one that has ended. */
  private console(machine: MachineView, guest: RunningMachine) {
    const { session, ending } = machine;
    const { console: kept = "serial" } = machine.definition ?? {};
    // Off on purpose: the summary, whatever was shown before.
    const isOff = !session && !tellsWhy(ending);
    const shown = this.consoles.get(placeOf(machine.id, isOff)) ?? (isOff ? "summary" : kept);
    const bar = this.bar(machine, shown, session ? this.doing(machine, session) : nothing);
    const ended = session === undefined;
    return html`
      ${shown === "summary" ? nothing : html`<h1 class="visually-hidden">${machine.name}</h1>`}
      ${ended && shown !== "summary" ? this.ended(machine) : nothing}
      ${
        shown === "serial"
          ? html`<rs-serial-console .machine=${guest} .resets=${session?.resets ?? 0} ?ended=${ended}
              >${bar}</rs-serial-console
            >`
          : shown === "screen"
            ? html`<rs-screen-console .machine=${guest} ?ended=${ended}>${bar}</rs-screen-console>`
            : html`<div class="tools">${bar}</div>
                <rs-summary class="summary" machine-id=${machine.id}></rs-summary>`
      }
      ${ended ? nothing : html`<rs-event-strip machine-id=${machine.id}></rs-event-strip>`}
    `;
  }

  private ended(machine: MachineView) {
    const { stopped } = this.m;
    const { ending, id } = machine;
    const texts: Partial<Record<EndReason["type"], string>> = {
      panicked: stopped.panicTitle,
      crashed: stopped.crashed,
      "no-kernel": stopped.noKernel,
      halted: stopped.halted,
    };
    return html`<div class="ended">
      <rs-icon name="info"></rs-icon>
      <p>${(ending && texts[ending.reason.type]) ?? stopped.off}</p>
      <rs-action
        class="power-on"
        look="outlined"
        icon="play"
        label=${stopped.powerOn}
        reason=${whyNot(this.m, machine, "power-on")}
        @rs-press=${() => void laboratory.powerOn(id)}
      ></rs-action>
    </div>`;
  }

  /** What a machine that is on its way is doing, with amounts where there are any, and a way out. */
  private doing({ id, state, definition }: MachineView, { agentReady, machine }: Session) {
    const { progress, console: m } = this.m;
    const loading = laboratory.imageProgress.get();
    const waiting = state === "starting" || state === "resuming";
    const texts: Partial<Record<typeof state, string>> = {
      starting: loading
        ? progress.image(sizeText(this.m, loading.doneBytes), sizeText(this.m, loading.totalBytes))
        : progress.engine,
      resuming: progress.resume,
      suspending: progress.suspend,
      stopping: progress.stop,
    };
    let text = texts[state];
    if (
      text === undefined &&
      definition?.image.type === "library" &&
      definition.image.name === "tiny" &&
      state === "running"
    ) {
      text = agentReady ? m.login : machine.startedBy === "cold" ? progress.boot : progress.ready;
    }
    const busy = state in texts || (state === "running" && text !== undefined && !agentReady);
    return html`
      <span class="quiet small doing" role="status">
        ${busy ? html`<span class="spinner" aria-hidden="true"></span>` : nothing}${text ?? ""}
      </span>
      ${
        waiting && loading
          ? html`<progress
              aria-label=${text ?? ""}
              max=${loading.totalBytes}
              value=${loading.doneBytes}
            ></progress>`
          : nothing
      }
      ${
        waiting
          ? html`<rs-action
              class="cancel"
              icon="x"
              label=${progress.cancel}
              @rs-press=${() => void laboratory.cancelStart(id)}
            ></rs-action>`
          : nothing
      }
    `;
  }

  protected override render() {
    const machine = laboratory.find(this.machineId);
    if (!machine) return nothing;
    const guest = machine.session?.machine ?? machine.ending?.machine;
    if (guest) return this.console(machine, guest);
    return html`<rs-summary class="summary" machine-id=${machine.id}></rs-summary>`;
  }
}

/** What is shown of a machine that was switched off is remembered apart from what is shown while it runs. */
function placeOf(id: string, isOff: boolean): string {
  return isOff ? `${id} off` : id;
}

/** Whether what the consoles showed last says why the machine ended. */
function tellsWhy(ending: Ending | undefined): boolean {
  const { reason, machine } = ending ?? {};
  if (reason?.type === "halted") return machine?.agent.status === undefined;
  return reason !== undefined && ["panicked", "crashed", "no-kernel"].includes(reason.type);
}
