/** A machine's summary, as VMware shows a machine that is off: links, devices, description, details. */
import { html, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import "../../components/icon/icon.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { startCost, whyNot } from "../../state/availability.ts";
import { dialog } from "../../state/commands.ts";
import { laboratory } from "../../state/laboratory.ts";
import { liveFigures } from "../../state/live-figures.ts";
import { stateName } from "../../state/state-name.ts";
import { devicesOf } from "./device-list.ts";
import { styles } from "./summary.styles.ts";

const SAVE_AFTER_MS = 700;

@customElement("rs-summary")
export class Summary extends RingsideElement {
  static override styles = [sharedStyles, styles];

  @property({ attribute: "machine-id" }) machineId = "";
  #saving?: ReturnType<typeof setTimeout>;
  #unsaved?: { id: string; description: string };

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#save();
  }

  /** While one types, and at the latest when the summary goes away. */
  private describe(id: string, description: string): void {
    clearTimeout(this.#saving);
    this.#unsaved = { id, description };
    this.#saving = setTimeout(() => this.#save(), SAVE_AFTER_MS);
  }

  #save(): void {
    clearTimeout(this.#saving);
    const { id, description } = this.#unsaved ?? {};
    this.#unsaved = undefined;
    if (id !== undefined) void laboratory.update(id, { description }, false);
  }

  protected override render() {
    const machine = laboratory.find(this.machineId);
    if (!machine) return nothing;
    const { summary, virtualization, command } = this.m;
    const addresses = liveFigures.get().get(machine.id)?.addresses;
    const { definition, state, id } = machine;
    if (!definition) {
      const { notice } = this.m;
      return html`<p>${machine.isNewer ? notice.newer(machine.name) : notice.unreadable(machine.name)}</p>`;
    }
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
      ...(definition.engine === "core"
        ? [
            [virtualization.title, virtualization.settings[definition.virtualization ?? "on"]] as [
              string,
              string,
            ],
          ]
        : []),
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
    return html`
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
            @input=${(event: Event) => this.describe(id, (event.target as HTMLTextAreaElement).value)}
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
    `;
  }
}
