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
import { laboratory, type MachineView, type Session } from "../../state/laboratory.ts";
import { stateName } from "../../state/state-name.ts";
import { devicesOf } from "./device-list.ts";
import { styles } from "./machine.styles.ts";

@customElement("rs-machine")
export class MachinePanel extends RingsideElement {
  static override styles = [sharedStyles, styles];

  @property({ attribute: "machine-id" }) machineId = "";
  @state() private consoles = new Map<string, "serial" | "screen">();

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
    const { console: m, progress } = this.m;
    const kind = this.consoles.get(machine.id) ?? machine.definition?.console ?? "serial";
    const choose = (to: "serial" | "screen") => () =>
      (this.consoles = new Map(this.consoles).set(machine.id, to));
    const busy = {
      starting: progress.boot,
      resuming: progress.resume,
      suspending: progress.suspend,
      stopping: progress.stop,
    };
    const doing =
      session.state in busy
        ? busy[session.state as keyof typeof busy]
        : session.agentReady
          ? m.login
          : progress.ready;
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
        <span class="quiet small doing" role="status"
          >${machine.definition?.image.type === "library" ? doing : ""}</span
        >
        <span class="badge" title=${this.m.badge.realHint}>${this.m.badge.real}</span>
      </div>
      ${
        kind === "serial"
          ? html`<rs-serial-console .machine=${session.machine}></rs-serial-console>`
          : html`<rs-screen-console .machine=${session.machine}></rs-screen-console>`
      }
    `;
  }

  private summary(machine: MachineView) {
    const { summary, command } = this.m;
    const { definition, state, id } = machine;
    if (!definition) return html`<div class="summary"><p>${this.m.notice.newer(machine.name)}</p></div>`;
    const suspended = state === "suspended";
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
      [summary.detailAddress, summary.addressWhenOn],
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
                reason=${laboratory.reason(this.m, machine, "resume")}
                @rs-press=${() => void laboratory.resume(id)}
              ></rs-action>`
            : html`<rs-action
                  class="power-on"
                  look="link"
                  icon="play"
                  label=${summary.powerOn}
                  reason=${laboratory.reason(this.m, machine, "power-on")}
                  @rs-press=${() => void laboratory.powerOn(id)}
                ></rs-action>
                <rs-action
                  look="link"
                  icon="power"
                  label=${command.bootCold}
                  reason=${laboratory.reason(this.m, machine, "boot-cold")}
                  @rs-press=${() => void laboratory.powerOn(id, "cold")}
                ></rs-action>`
        }
        <rs-action
          look="link"
          icon="settings"
          label=${summary.settings}
          reason=${laboratory.reason(this.m, machine, "edit-hardware")}
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
    return machine.session ? this.console(machine, machine.session) : this.summary(machine);
  }
}
