/** The dialogs of the page, one at a time; those that are large are loaded when they are first opened. */
import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import { nameRefusal } from "../../../hypervisor-model/virtual-machines/definition.ts";
import "../../components/action-button/action-button.ts";
import "../../components/dialog/dialog.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { catalogues } from "../../i18n/messages.ts";
import {
  chosenMachine,
  commands,
  dialog,
  type Command,
  type DialogName,
  type StorageDialog,
} from "../../state/commands.ts";
import { nameRefusalText } from "../../state/failure.ts";
import { laboratory } from "../../state/laboratory.ts";
import { whyNot } from "../../state/availability.ts";
import type { MachineView } from "../../state/machines.ts";

const close = () => dialog.set(undefined);

@customElement("rs-dialogs")
export class Dialogs extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      .commands li {
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: 12px;
      }
      .commands .hint {
        text-align: end;
      }
      .keys > div {
        display: grid;
        grid-template-columns: 150px 1fr;
        gap: 12px;
        padding-block: 3px;
      }
      li {
        padding-block: 2px;
      }
      .list {
        padding-inline-start: 18px;
        list-style: disc;
      }
    `,
  ];
  /** What is in the field; undefined before it was changed. */
  @state() private text?: string;

  private cancel(label = this.m.common.cancel) {
    return html`<rs-action look="outlined" label=${label} @rs-press=${close}></rs-action>`;
  }

  private rename({ id, name }: MachineView) {
    const { rename, common } = this.m;
    const value = this.text ?? name;
    const refused = nameRefusal(
      value,
      laboratory.takenNames.filter((other) => other !== name),
    );
    const reason = refused ? nameRefusalText(this.m, refused) : "";
    const save = () => {
      if (reason) return;
      close();
      void laboratory.rename(id, value);
    };
    return html`<rs-dialog heading=${rename.title} @rs-close=${close} @rs-submit=${save}>
      <label class="field"
        ><span>${rename.label}</span>
        <input
          .value=${value}
          @input=${(event: InputEvent) => (this.text = (event.target as HTMLInputElement).value)}
        />
        ${reason ? html`<span class="bad" role="alert">${reason}</span>` : nothing}</label
      >
      <div slot="footer" class="row">
        <rs-action look="primary" label=${common.ok} reason=${reason} @rs-press=${save}></rs-action
        >${this.cancel()}
      </div>
    </rs-dialog>`;
  }

  private deletion({ id, name, state, definition }: MachineView) {
    const { remove, common } = this.m;
    const clones = laboratory.library.clonesOf(id).map((clone) => clone.name);
    const reason = clones.length > 0 ? this.m.reason.hasClones(clones.join(", ")) : "";
    return html`<rs-dialog heading=${remove.title(name)} @rs-close=${close}>
      <p>${remove.text}</p>
      <ul class="list">
        <li>${remove.definition}</li>
        ${definition?.disks.map((disk) => html`<li>${remove.disk(disk.name, common.mib(String(disk.sizeMiB)))}</li>`)}
        ${state === "suspended" ? html`<li>${remove.suspended}</li>` : nothing}
        <li>${remove.snapshots}</li>
      </ul>
      ${reason ? html`<p class="bad" role="alert">${reason}</p>` : nothing}
      <div slot="footer" class="row">
        ${this.cancel(remove.keep)}
        <rs-action
          look="danger"
          label=${remove.action}
          reason=${reason}
          @rs-press=${() => {
            close();
            void laboratory.remove(id);
          }}
        ></rs-action>
      </div>
    </rs-dialog>`;
  }

  private powerOff(machine: MachineView, reset: boolean) {
    const { powerOff } = this.m;
    const { id, name } = machine;
    const act = () => {
      close();
      void (reset ? laboratory.reset(id) : laboratory.powerOff(id));
    };
    const shutDown = () => {
      close();
      void laboratory.shutDown(id);
    };
    return html`<rs-dialog
      heading=${reset ? powerOff.resetTitle(name) : powerOff.title(name)}
      @rs-close=${close}
    >
      <p>${reset ? powerOff.resetText : powerOff.text}</p>
      <div slot="footer" class="row">
        ${this.cancel()}
        ${reset ? nothing : html`<rs-action look="primary" label=${powerOff.shutDown} reason=${whyNot(this.m, machine, "shut-down")} @rs-press=${shutDown}></rs-action>`}
        <rs-action
          look="danger"
          class="now"
          label=${reset ? powerOff.resetAction : powerOff.action}
          @rs-press=${act}
        ></rs-action>
      </div>
    </rs-dialog>`;
  }

  /** Arrow keys go through the commands that are found, and back to the field. */
  private walk = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const stops = [...this.renderRoot.querySelectorAll<HTMLElement>(".form > input, .commands rs-action")];
    const at = stops.findIndex((stop) => stop.matches(":focus, :focus-within") || stop === event.target);
    stops[Math.min(stops.length - 1, Math.max(0, at + step))]?.focus();
  };

  private palette() {
    const { palette } = this.m;
    const words = (this.text ?? "").toLowerCase();
    const matches = ({ label }: Command) =>
      Object.values(catalogues).some((m) => label(m).toLowerCase().includes(words));
    const found = commands.filter(matches);
    const run = (entry: Command | undefined) => {
      if (!entry) return;
      close();
      this.text = undefined;
      entry.run();
    };
    const first = () => run(found.find((entry) => entry.reason(this.m) === ""));
    return html`<rs-dialog heading=${palette.title} @rs-close=${close} @rs-submit=${first}>
      <div class="form">
        <input
          aria-label=${palette.placeholder}
          placeholder=${palette.placeholder}
          @keydown=${this.walk}
          @input=${(event: InputEvent) => (this.text = (event.target as HTMLInputElement).value)}
        />
        <ul class="commands" @keydown=${this.walk}>
          ${found.map((entry) => {
            const reason = entry.reason(this.m);
            return html`<li>
              <rs-action
                look="link"
                icon=${entry.icon ?? "arrow-right"}
                label=${entry.label(this.m)}
                reason=${reason}
                @rs-press=${() => run(entry)}
              ></rs-action>
              ${reason ? html`<span class="hint" aria-hidden="true">${reason}</span>` : entry.keys ? html`<kbd>${entry.keys}</kbd>` : nothing}
            </li>`;
          })}
        </ul>
        ${found.length === 0 ? html`<p class="quiet">${palette.none}</p>` : nothing}
      </div>
      <div slot="footer">${this.cancel(this.m.common.close)}</div>
    </rs-dialog>`;
  }

  private help() {
    const { help } = this.m;
    const keys = [
      ...commands.flatMap(({ keys, label }) => (keys ? [[keys, label(this.m)]] : [])),
      ["Ctrl+Alt", help.keyRelease],
      ["Ctrl+Alt", help.leaveConsole],
      ["Ctrl+Shift+C / V", help.keyConsoleCopy],
      ["Ctrl+Shift+F", help.keyFind],
      ["Tab", help.keyTabs],
    ];
    return html`<rs-dialog heading=${help.title} @rs-close=${close}>
      <div class="form">
        <p>${help.about}</p>
        <h3>${help.keysTitle}</h3>
        <dl class="keys">
          ${keys.map(
            ([key, what]) =>
              html`<div>
                <dt><kbd>${key}</kbd></dt>
                <dd>${what}</dd>
              </div>`,
          )}
        </dl>
        <p class="hint">${help.keysBrowser}</p>
      </div>
      <div slot="footer">${this.cancel(this.m.common.close)}</div>
    </rs-dialog>`;
  }

  protected override render() {
    const open = dialog.get();
    const machine = chosenMachine();
    if (open === undefined) {
      this.text = undefined;
      return nothing;
    }
    if (open === "palette") return this.palette();
    if (open === "help") return this.help();
    if (open === "wizard") {
      void import("../wizard/wizard.ts");
      return html`<rs-wizard></rs-wizard>`;
    }
    if (!machine) return nothing;
    if (open === "settings") {
      void import("../settings/settings.ts");
      return html`<rs-settings machine-id=${machine.id}></rs-settings>`;
    }
    if (isStorageDialog(open)) {
      void import("../storage/snapshot-dialogs.ts");
      return html`<rs-snapshot-dialogs machine-id=${machine.id}></rs-snapshot-dialogs>`;
    }
    if (open === "rename") return this.rename(machine);
    if (open === "remove") return this.deletion(machine);
    return this.powerOff(machine, open === "reset");
  }
}

function isStorageDialog(name: DialogName): name is StorageDialog {
  return ["snapshot", "revert", "deleteSnapshot", "deleteSnapshots", "clone"].includes(name);
}
