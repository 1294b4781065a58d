/** The new-machine wizard: typical or custom, in VMware's order as far as it applies. */
import { html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import type { NicModel } from "../../../emulator/machine.ts";
import {
  DISK_MIB,
  MEMORY_MIB,
  freeName,
  nameRefusal,
  type MachineChoices,
  type MachineImage,
} from "../../../hypervisor-model/virtual-machines/definition.ts";
import "../../components/action-button/action-button.ts";
import "../../components/dialog/dialog.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { dialog } from "../../state/commands.ts";
import { laboratory } from "../../state/laboratory.ts";
import { kindOfFile } from "../../state/own-media.ts";
import { networkName } from "../machine/device-list.ts";

type Step = "type" | "compatibility" | "media" | "name" | "processors" | "network" | "disk" | "ready";
const TYPICAL: readonly Step[] = ["type", "media", "name", "ready"];
const CUSTOM: readonly Step[] = [
  "type",
  "compatibility",
  "media",
  "name",
  "processors",
  "network",
  "disk",
  "ready",
];
const NETWORKS = ["vmnet0", "vmnet8", "vmnet1", ""] as const;

@customElement("rs-wizard")
export class Wizard extends RingsideElement {
  static override styles = [sharedStyles, formStyles];

  @state() private at = 0;
  @state() private custom = false;
  @state() private media: "tiny" | "file" | "later" = "tiny";
  @state() private files: File[] = [];
  @state() private name = freeName("Linux", laboratory.takenNames);
  @state() private memory = String(MEMORY_MIB.default);
  @state() private network = "vmnet8";
  @state() private model: NicModel = "ne2000";
  @state() private withDisk = true;
  @state() private diskSize = String(DISK_MIB.default);
  @state() private startAfter = true;

  private get steps(): readonly Step[] {
    return this.custom ? CUSTOM : TYPICAL;
  }

  /** Why the present step cannot be left; empty when it can. */
  private get problem(): string {
    const { wizard } = this.m;
    const whole = (text: string) => (/^\d+$/.test(text) ? Number(text) : NaN);
    switch (this.steps[this.at]) {
      case "media":
        return this.media === "file" && this.files.length === 0 ? wizard.mediaFileNone : "";
      case "name": {
        const refused = nameRefusal(this.name, laboratory.takenNames);
        if (!refused) return "";
        return refused.key === "name-taken" ? wizard.nameUsed : wizard.nameEmpty;
      }
      case "processors": {
        const memory = whole(this.memory);
        if (!(memory >= MEMORY_MIB.minimum)) return wizard.memoryTooSmall(MEMORY_MIB.minimum);
        return memory > MEMORY_MIB.maximum ? wizard.memoryTooBig(MEMORY_MIB.maximum) : "";
      }
      case "disk": {
        const size = whole(this.diskSize);
        const good = !this.withDisk || (size >= DISK_MIB.minimum && size <= DISK_MIB.maximum);
        return good ? "" : wizard.diskSizeBad(DISK_MIB.minimum, DISK_MIB.maximum);
      }
      default:
        return "";
    }
  }

  private async take(files: Iterable<File>): Promise<void> {
    const taken: File[] = [];
    for (const file of files) {
      const known = file.size > 0 && (await kindOfFile(file)) !== "unknown";
      if (known) taken.push(file);
      else laboratory.refuseFile(file.name, file.size === 0);
    }
    this.files = taken;
    this.media = taken.length > 0 ? "file" : this.media;
  }

  private async image(): Promise<MachineImage> {
    if (this.media === "tiny") return { type: "library", name: "tiny" };
    if (this.media === "later") return { type: "none" };
    const kinds = await Promise.all(this.files.map(async (file) => ({ file, kind: await kindOfFile(file) })));
    const kernel = kinds.find(({ kind }) => kind === "kernel")?.file;
    const initrd = kinds.find(({ kind }) => kind === "initrd")?.file;
    if (kernel) {
      return {
        type: "kernel",
        kernel: await laboratory.keepMedium(kernel),
        initrd: initrd && (await laboratory.keepMedium(initrd)),
        commandLine: "console=ttyS0",
      };
    }
    const { file, kind } = kinds[0];
    const type = kind === "iso" || kind === "floppy" ? kind : "disk";
    return { type, medium: await laboratory.keepMedium(file) };
  }

  private async finish(): Promise<void> {
    const image = await this.image();
    const choices: MachineChoices = { name: this.name.trim(), image };
    if (this.custom) {
      const system = image.type === "library";
      choices.memoryMiB = Number(this.memory);
      choices.nics = [{ network: this.network || null, model: this.model }];
      choices.disks = this.withDisk
        ? [
            {
              name: system ? "system" : "disk",
              ...(system ? { role: "system" as const } : {}),
              sizeMiB: Number(this.diskSize),
            },
          ]
        : [];
      if (image.type === "disk") choices.disks = [];
    }
    dialog.set(undefined);
    await laboratory.create(choices, this.startAfter);
  }

  private choice(group: string, label: string, hint: string, checked: boolean, choose: () => void) {
    return html`<label class="choice">
      <input type="radio" name=${group} .checked=${checked} @change=${choose} /><span>${label}</span>
      ${hint ? html`<span class="hint">${hint}</span>` : nothing}
    </label>`;
  }

  private text(label: string, value: string, hint: string, set: (value: string) => void) {
    return html`<label class="field">
      <span>${label}</span>
      <input .value=${value} @input=${(event: InputEvent) => set((event.target as HTMLInputElement).value)} />
      ${hint ? html`<span class="hint">${hint}</span>` : nothing}
    </label>`;
  }

  private step(step: Step): unknown {
    const { wizard: m, network, device, common } = this.m;
    switch (step) {
      case "type":
        return html`<fieldset>
          <legend>${m.typeQuestion}</legend>
          ${this.choice("type", m.typical, m.typicalHint, !this.custom, () => (this.custom = false))}
          ${this.choice("type", m.custom, m.customHint, this.custom, () => (this.custom = true))}
        </fieldset>`;
      case "compatibility":
        return html`<fieldset>
          <legend>${m.engine}</legend>
          ${this.choice("engine", m.engineV86, "", true, () => undefined)}
          <span class="hint">${m.engineCore} – ${m.engineCoreReason}</span>
        </fieldset>`;
      case "media":
        return html`<fieldset>
            <legend>${m.mediaQuestion}</legend>
            ${this.choice("media", m.mediaTiny, m.mediaTinyHint, this.media === "tiny", () => (this.media = "tiny"))}
            ${this.choice("media", m.mediaFile, m.mediaFileHint, this.media === "file", () => (this.media = "file"))}
            ${this.choice("media", m.mediaLater, m.mediaLaterHint, this.media === "later", () => (this.media = "later"))}
          </fieldset>
          <div
            class="row"
            @dragover=${(event: DragEvent) => event.preventDefault()}
            @drop=${(event: DragEvent) => {
              event.preventDefault();
              void this.take(event.dataTransfer?.files ?? []);
            }}
          >
            <label class="field">
              <span>${m.chooseFile}</span>
              <input
                type="file"
                multiple
                @change=${(event: Event) => void this.take((event.target as HTMLInputElement).files ?? [])}
              />
            </label>
            <span class="hint">${this.files.map(({ name }) => name).join(", ") || m.dropHere}</span>
          </div>`;
      case "name":
        return this.text(m.name, this.name, "", (value) => (this.name = value));
      case "processors":
        return html`<label class="field">
            <span>${m.processors}</span>
            <input value="1" readonly aria-disabled="true" title=${m.processorsReason} />
            <span class="hint">${m.processorsReason}</span>
          </label>
          ${this.text(`${m.memory} (MiB)`, this.memory, m.memoryHint(MEMORY_MIB.minimum, MEMORY_MIB.maximum), (value) => (this.memory = value))}`;
      case "network": {
        const hints = {
          vmnet0: network.bridgedHint,
          vmnet8: network.natHint,
          vmnet1: network.hostOnlyHint,
          "": network.noneHint,
        };
        return html`<fieldset>
            <legend>${m.networkStep}</legend>
            ${NETWORKS.map((name) =>
              this.choice(
                "network",
                networkName(this.m, name || null),
                hints[name],
                this.network === name,
                () => (this.network = name),
              ),
            )}
          </fieldset>
          <fieldset>
            <legend>${m.adapter}</legend>
            ${this.choice("model", network.ne2000, "", this.model === "ne2000", () => (this.model = "ne2000"))}
            ${this.choice("model", network.virtio, "", this.model === "virtio", () => (this.model = "virtio"))}
          </fieldset>
          <p class="hint">${network.simulated}</p>`;
      }
      case "disk":
        return html`<fieldset>
            <legend>${m.diskStep}</legend>
            ${this.choice("disk", m.diskNew, "", this.withDisk, () => (this.withDisk = true))}
            ${this.choice("disk", m.diskNone, m.diskNoneHint, !this.withDisk, () => (this.withDisk = false))}
          </fieldset>
          ${this.withDisk ? this.text(m.diskSize, this.diskSize, m.diskSizeHint, (value) => (this.diskSize = value)) : nothing}`;
      case "ready": {
        const media = {
          tiny: m.mediaTiny,
          file: this.files.map(({ name }) => name).join(", "),
          later: m.mediaLater,
        }[this.media];
        const lines = [
          [m.name, this.name],
          [m.mediaStep, media],
          [device.memory, common.mib(this.memory)],
          [device.network(1), networkName(this.m, this.network || null)],
          [device.disk(1), this.withDisk ? common.mib(this.diskSize) : common.none],
        ];
        return html`<p>${m.readyText}</p>
          <ul>
            ${lines.map(([name, value]) => html`<li><span class="quiet">${name}:</span> ${value}</li>`)}
          </ul>
          <label class="choice">
            <input
              type="checkbox"
              .checked=${this.startAfter}
              @change=${() => (this.startAfter = !this.startAfter)}
            /><span>${m.startAfter}</span>
          </label>`;
      }
      default:
        return step satisfies never;
    }
  }

  private stepName(step: Step): string {
    const { wizard: m } = this.m;
    return {
      type: m.typeStep,
      compatibility: m.compatibilityStep,
      media: m.mediaStep,
      name: m.nameStep,
      processors: m.processorsStep,
      network: m.networkStep,
      disk: m.diskStep,
      ready: m.readyStep,
    }[step];
  }

  protected override render() {
    const { wizard: m, common } = this.m;
    const step = this.steps[this.at];
    const last = step === "ready";
    return html`<rs-dialog heading=${m.title} @rs-close=${() => dialog.set(undefined)}>
      <div class="form">
        <h3>${m.step(this.at + 1, this.steps.length, this.stepName(step))}</h3>
        ${this.step(step)} ${this.problem ? html`<p class="bad" role="alert">${this.problem}</p>` : nothing}
      </div>
      <div slot="footer" class="row">
        <rs-action
          look="outlined"
          label=${common.back}
          reason=${this.at === 0 ? m.firstStep : ""}
          @rs-press=${() => this.at--}
        ></rs-action>
        <rs-action
          class="next"
          look="primary"
          label=${last ? common.finish : common.next}
          reason=${this.problem}
          @rs-press=${() => (last ? void this.finish() : this.at++)}
        ></rs-action>
        <rs-action
          look="outlined"
          label=${common.cancel}
          @rs-press=${() => dialog.set(undefined)}
        ></rs-action>
      </div>
    </rs-dialog>`;
  }
}
