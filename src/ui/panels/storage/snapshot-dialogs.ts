/** Taking, going to and deleting snapshots, and the clone wizard. */
import { html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { Random, freshSeed } from "../../../common/random.ts";
import { nameRefusal, newMac } from "../../../hypervisor-model/virtual-machines/definition.ts";
import type { SnapshotNode } from "../../../hypervisor-model/virtual-machines/machine-snapshots.ts";
import { hostName } from "../../../hypervisor-model/virtual-machines/running-machine.ts";
import "../../components/action-button/action-button.ts";
import "../../components/dialog/dialog.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { whyNot } from "../../state/availability.ts";
import { dialog } from "../../state/commands.ts";
import { nameRefusalText } from "../../state/failure.ts";
import { laboratory } from "../../state/laboratory.ts";
import { openTab, type MachineView } from "../../state/machines.ts";
import { chosenSnapshot, treeOf, work } from "../../state/storage.ts";
import { thumbnailOf } from "../../state/thumbnail.ts";
import { allNodes } from "./snapshot-words.ts";

const PRESENT = "present";
const close = () => dialog.set(undefined);
const typed = (event: Event) => (event.target as HTMLInputElement).value;

@customElement("rs-snapshot-dialogs")
export class SnapshotDialogs extends RingsideElement {
  static override styles = [sharedStyles, formStyles];

  @property({ attribute: "machine-id" }) machineId = "";
  @state() private name?: string;
  @state() private description = "";
  @state() private memory = true;
  @state() private keepPresent = true;
  @state() private step = 0;
  @state() private source?: string;
  @state() private kind: "linked" | "full" = "linked";
  #macs?: string[];

  private buttons(label: string, act: () => void, reason = "", danger = false) {
    return html`<div slot="footer" class="row">
      <rs-action
        class="do"
        look=${danger ? "danger" : "primary"}
        label=${label}
        reason=${reason}
        @rs-press=${act}
      ></rs-action>
      <rs-action look="outlined" label=${this.m.common.cancel} @rs-press=${close}></rs-action>
    </div>`;
  }

  private take(machine: MachineView, nodes: readonly SnapshotNode[]) {
    const { take } = this.m.storage;
    const name = this.name ?? take.proposed(nodes.length + 1);
    const reason = whyNot(this.m, machine, "snapshot") || (name.trim() ? "" : take.nameEmpty);
    const isOn = machine.state !== "off";
    const { description, memory } = this;
    const act = () => {
      if (reason) return;
      close();
      void work("snapshot", machine.name, async ({ snapshots }, onProgress) => {
        const { session, definition } = machine;
        const thumbnail = session && (await thumbnailOf(session.machine, definition?.console));
        await snapshots.take(machine.id, { name: name.trim(), description, memory, thumbnail, onProgress });
      });
    };
    return html`<rs-dialog heading=${take.title(machine.name)} @rs-close=${close} @rs-submit=${act}>
      <div class="form">
        <label class="field"
          ><span>${take.name}</span
          ><input .value=${name} maxlength="80" @input=${(event: Event) => (this.name = typed(event))}
        /></label>
        <label class="field"
          ><span>${take.description}</span
          ><input .value=${description} @input=${(event: Event) => (this.description = typed(event))}
        /></label>
        ${
          isOn
            ? html`<label class="choice"
                ><input type="checkbox" .checked=${memory} @change=${() => (this.memory = !memory)} /><span
                  >${take.memory}</span
                ><span class="hint">${take.memoryHint}</span></label
              >`
            : nothing
        }
        ${reason ? html`<p class="bad" role="alert">${reason}</p>` : nothing}
      </div>
      ${this.buttons(take.action, act, reason)}
    </rs-dialog>`;
  }

  private revert(machine: MachineView, node: SnapshotNode | undefined) {
    const { revert } = this.m.storage;
    const reason = node ? whyNot(this.m, machine, "revert") : revert.none;
    const act = () => {
      if (reason || !node) return;
      close();
      const time = new Date().toLocaleTimeString(document.documentElement.lang, { hour12: false });
      void work("revert", machine.name, async ({ snapshots }, onProgress) => {
        const { session, definition } = machine;
        const thumbnail = session && (await thumbnailOf(session.machine, definition?.console));
        const keep = this.keepPresent ? { name: revert.presentName(time), thumbnail, onProgress } : undefined;
        await snapshots.revert(machine.id, node.id, keep);
      });
    };
    return html`<rs-dialog heading=${revert.title(node?.name ?? "…")} @rs-close=${close} @rs-submit=${act}>
      <div class="form">
        ${
          node
            ? html`<p>${revert.text(machine.name)}</p>
                <label class="choice"
                  ><input
                    type="checkbox"
                    .checked=${this.keepPresent}
                    @change=${() => (this.keepPresent = !this.keepPresent)}
                  /><span>${revert.keepPresent}</span><span class="hint">${revert.keepHint}</span></label
                >`
            : nothing
        }
        ${reason ? html`<p class="bad" role="alert">${reason}</p>` : nothing}
      </div>
      ${this.buttons(revert.action, act, reason)}
    </rs-dialog>`;
  }

  private deletion(machine: MachineView, node: SnapshotNode, withChildren: boolean) {
    const { remove } = this.m.storage;
    const gone = withChildren ? allNodes({ roots: [node], current: null, isTemplate: false }) : [node];
    const clones = gone.flatMap((one) => one.clones.map(({ name }) => name)).join(", ");
    const reason = whyNot(this.m, machine, "revert") || (clones ? this.m.reason.hasClones(clones) : "");
    const act = () => {
      if (reason) return;
      close();
      void work("remove", machine.name, ({ snapshots }) =>
        snapshots.delete(machine.id, node.id, withChildren),
      );
    };
    return html`<rs-dialog heading=${remove.title(node.name)} @rs-close=${close}>
      <div class="form">
        <p>${withChildren ? remove.all(gone.map(({ name }) => name).join(", ")) : remove.one}</p>
        ${reason ? html`<p class="bad" role="alert">${reason}</p>` : nothing}
      </div>
      ${this.buttons(remove.action, act, reason, true)}
    </rs-dialog>`;
  }

  private get macs(): string[] {
    if (!this.#macs) {
      const random = new Random(freshSeed());
      const taken = new Set(
        laboratory.machines.get().flatMap(({ definition }) => definition?.nics.map(({ mac }) => mac) ?? []),
      );
      this.#macs = (laboratory.find(this.machineId)?.definition?.nics ?? []).map(() => {
        const mac = newMac(random, taken);
        taken.add(mac);
        return mac;
      });
    }
    return this.#macs;
  }

  private clone(machine: MachineView, nodes: readonly SnapshotNode[]) {
    const { clone } = this.m.storage;
    const { common } = this.m;
    const off = machine.state === "off" && !machine.elsewhere;
    const notPresent = machine.isTemplate ? clone.presentTemplate : off ? "" : clone.presentOn;
    const source = this.source ?? chosenSnapshot.get() ?? (notPresent && nodes[0] ? nodes[0].id : PRESENT);
    const name = this.name ?? clone.proposed(machine.name);
    const refused = nameRefusal(name, laboratory.takenNames);
    const reason = [
      source === PRESENT ? notPresent : "",
      "",
      refused ? nameRefusalText(this.m, refused) : "",
    ][this.step];
    const next = () => {
      if (reason) return;
      if (this.step < 2) {
        this.step++;
        return;
      }
      close();
      void work("clone", machine.name, async ({ clones }, onProgress) => {
        const made = await clones.clone(machine.id, {
          name: name.trim(),
          kind: this.kind,
          onProgress,
          macs: this.macs,
          ...(source === PRESENT ? {} : { snapshot: source }),
        });
        openTab(made.id);
      });
    };
    const choice = (
      group: string,
      label: string,
      hint: string,
      checked: boolean,
      act: () => void,
      why = "",
    ) =>
      html`<label class="choice"
        ><input type="radio" name=${group} .checked=${checked} ?disabled=${why !== ""} @change=${act} /><span
          >${label}</span
        >${why || hint ? html`<span class="hint">${why || hint}</span>` : nothing}</label
      >`;
    const steps = [
      () =>
        html`<fieldset>
          <legend>${clone.sourceStep}</legend>
          ${choice("source", clone.present, "", source === PRESENT, () => (this.source = PRESENT), notPresent)}
          ${nodes.map(({ id, name, description }) => choice("source", clone.fromSnapshot(name), description, source === id, () => (this.source = id)))}
        </fieldset>`,
      () =>
        html`<fieldset>
          <legend>${clone.kindStep}</legend>
          ${choice("kind", clone.linked, clone.linkedHint, this.kind === "linked", () => (this.kind = "linked"))}
          ${choice("kind", clone.full, clone.fullHint, this.kind === "full", () => (this.kind = "full"))}
        </fieldset>`,
      () =>
        html`<label class="field"
            ><span>${clone.nameStep}</span
            ><input .value=${name} @input=${(event: Event) => (this.name = typed(event))}
          /></label>
          <p>${clone.identity}</p>
          <ul>
            <li>UUID: <span class="quiet">${clone.drawn}</span></li>
            ${
              this.macs.length > 0
                ? this.macs.map((mac) => html`<li>MAC: <span class="mono">${mac}</span></li>`)
                : html`<li class="quiet">${clone.noNics}</li>`
            }
            <li>
              ${clone.hostName}: <span class="mono">${hostName(name)}</span>
              <span class="hint">${clone.hostNameHint}</span>
            </li>
          </ul>`,
    ];
    const titles = [clone.sourceStep, clone.kindStep, clone.nameStep];
    return html`<rs-dialog heading=${clone.title(machine.name)} @rs-close=${close} @rs-submit=${next}>
      <div class="form">
        <h3>${clone.step(this.step + 1, titles[this.step])}</h3>
        ${steps[this.step]()} ${reason ? html`<p class="bad" role="alert">${reason}</p>` : nothing}
      </div>
      <div slot="footer" class="row">
        <rs-action
          look="outlined"
          label=${common.back}
          reason=${this.step === 0 ? this.m.wizard.firstStep : ""}
          @rs-press=${() => this.step--}
        ></rs-action>
        <rs-action
          class="do"
          look="primary"
          label=${this.step === 2 ? clone.action : common.next}
          reason=${reason}
          @rs-press=${next}
        ></rs-action>
        <rs-action look="outlined" label=${common.cancel} @rs-press=${close}></rs-action>
      </div>
    </rs-dialog>`;
  }

  protected override render() {
    const machine = laboratory.find(this.machineId);
    const tree = treeOf(this.machineId);
    if (!machine) return nothing;
    if (!tree)
      return html`<rs-dialog heading=${machine.name} @rs-close=${close}
        ><p role="status">${this.m.storage.loading}</p></rs-dialog
      >`;
    const nodes = allNodes(tree);
    const node = nodes.find(({ id }) => id === (chosenSnapshot.get() ?? tree.current));
    switch (dialog.get()) {
      case "snapshot":
        return this.take(machine, nodes);
      case "revert":
        return this.revert(machine, node);
      case "deleteSnapshot":
        return node ? this.deletion(machine, node, false) : nothing;
      case "deleteSnapshots":
        return node ? this.deletion(machine, node, true) : nothing;
      case "clone":
        return this.clone(machine, nodes);
      default:
        return nothing;
    }
  }
}
