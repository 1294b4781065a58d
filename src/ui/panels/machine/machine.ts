/** A machine's tab: its console while it runs, its summary otherwise. */
import { html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import "../../components/icon/icon.ts";
import "../../components/screen-console/screen-console.ts";
import "../../components/serial-console/serial-console.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { dialog } from "../../state/commands.ts";
import { laboratory } from "../../state/laboratory.ts";
import { startCost, whyNot } from "../../state/availability.ts";
import type { MachineView, Session } from "../../state/machines.ts";
import { liveFigures } from "../../state/live-figures.ts";
import { sizeText } from "../../state/size-text.ts";
import { stateName } from "../../state/state-name.ts";
import { devicesOf } from "./device-list.ts";
import "./event-strip.ts";
import { styles } from "./machine.styles.ts";

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

  private console(machine: MachineView, session: Session) {
    const { console: m } = this.m;
    const kind = this.consoles.get(machine.id) ?? machine.definition?.console ?? "serial";
    const choose = (to: View) => () => (this.consoles = new Map(this.consoles).set(machine.id, to));
    return html`
      <h1 class="visually-hidden">${machine.name}</h1>
      <div class="consoles">
        <rs-action
          icon="terminal"
          label=${m.serial}
          .pressed=${kind === "serial"}
          @rs-press=${choose("serial")}
        ></rs-action>
        <rs-action
          icon="monitor"
          label=${m.screen}
          .pressed=${kind === "screen"}
          @rs-press=${choose("screen")}
        ></rs-action>
        <rs-action
          icon="info"
          label=${m.summary}
          .pressed=${kind === "summary"}
          @rs-press=${choose("summary")}
        ></rs-action>
        ${this.doing(machine, session)}
      </div>
      ${
        kind === "serial"
          ? html`<rs-serial-console .machine=${session.machine}></rs-serial-console>`
          : kind === "screen"
            ? html`<rs-screen-console .machine=${session.machine}></rs-screen-console>`
            : this.summary(machine)
      }
      <rs-event-strip machine-id=${machine.id}></rs-event-strip>
    `;
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

  private summary(machine: MachineView) {
    const { summary, command } = this.m;
    const addresses = liveFigures.get().get(machine.id)?.addresses;
    const { definition, state, id } = machine;
    if (!definition) return html`<div class="summary"><p>${this.m.notice.newer(machine.name)}</p></div>`;
    const suspended = state === "suspended";
    const cost = startCost(this.m, machine);
    const when = (time: number | null) =>
      time === null ? this.m.home.never : new Date(time).toLocaleString(document.documentElement.lang);
    const details: [string, string][] = [
      [summary.detailState, stateName(this.m, machine)],
      [
        summary.detailEngine,
        definition.engine === "v86" ? summary.detailEngineV86 : summary.detailEngineCore,
      ],
      [
        summary.detailImage,
        definition.image.type === "library"
          ? definition.image.name === "tiny"
            ? summary.imageTiny
            : definition.image.name
          : definition.image.type === "none"
            ? summary.imageNone
            : summary.imageOwn,
      ],
      [summary.detailCreated, when(definition.createdAt)],
      [summary.detailLastStarted, when(definition.lastStartedAt)],
      [
        summary.detailAddress,
        !machine.session
          ? summary.addressWhenOn
          : addresses === undefined
            ? summary.addressNotYet
            : addresses.join(", ") || summary.addressNone,
      ],
      [summary.detailId, id],
    ];
    return html`<div class="summary">
      <h1>${machine.name}</h1>
      ${machine.elsewhere ? html`<p class="elsewhere" role="status">${this.m.notice.elsewhere(machine.name)}</p>` : nothing}
      ${suspended ? html`<p>${summary.suspendedSince}</p>` : nothing}
      <div class="links">
        ${
          suspended
            ? html`<rs-action
                look="link"
                icon="play"
                label=${summary.resume}
                reason=${whyNot(this.m, machine, "resume")}
                @rs-press=${() => void laboratory.resume(id)}
              ></rs-action>`
            : machine.session
              ? nothing
              : html`<rs-action
                    class="power-on"
                    look="link"
                    icon="play"
                    label=${summary.powerOn}
                    reason=${whyNot(this.m, machine, "power-on")}
                    @rs-press=${() => void laboratory.powerOn(id)}
                  ></rs-action>
                  <rs-action
                    look="link"
                    icon="power"
                    label=${command.bootCold}
                    reason=${whyNot(this.m, machine, "boot-cold")}
                    @rs-press=${() => void laboratory.powerOn(id, "cold")}
                  ></rs-action>`
        }
        ${cost ? html`<p class="quiet small cost">${cost}</p>` : nothing}
        <rs-action
          look="link"
          icon="settings"
          label=${summary.settings}
          reason=${whyNot(this.m, machine, machine.session ? "change-media" : "edit-hardware")}
          @rs-press=${() => dialog.set("settings")}
        ></rs-action>
      </div>
      <div class="columns">
        <section>
          <h2>${summary.devices}</h2>
          <dl>
            ${devicesOf(this.m, definition).map(
              ({ icon, name, value }) =>
                html`<div>
                  <dt><rs-icon name=${icon}></rs-icon>${name}</dt>
                  <dd>${value}</dd>
                </div>`,
            )}
          </dl>
        </section>
        <section>
          <h2>${summary.description}</h2>
          <textarea
            rows="3"
            aria-label=${summary.description}
            placeholder=${summary.descriptionHint}
            .value=${definition.description}
            @change=${(event: Event) => void laboratory.update(id, { description: (event.target as HTMLTextAreaElement).value })}
          ></textarea>
          <h2>${summary.details}</h2>
          <dl>
            ${details.map(
              ([name, value]) =>
                html`<div>
                  <dt>${name}</dt>
                  <dd>${value}</dd>
                </div>`,
            )}
          </dl>
        </section>
      </div>
    </div>`;
  }

  protected override render() {
    const machine = laboratory.find(this.machineId);
    if (!machine) return nothing;
    if (machine.session) return this.console(machine, machine.session);
    // The next start shows the console again.
    if (this.consoles.get(machine.id) === "summary") this.consoles.delete(machine.id);
    return this.summary(machine);
  }
}
