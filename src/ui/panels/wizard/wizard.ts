/** The new-machine wizard: typical or custom, in VMware's order as far as it applies. */
import { html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import type { NicModel } from "../../../emulator/machine.ts";
import {
  DEFAULT_NETWORK,
  DISK_MIB,
  MEMORY_MIB,
  freeName,
  nameRefusal,
  type MachineChoices,
} from "../../../hypervisor-model/virtual-machines/definition.ts";
import "../../components/action-button/action-button.ts";
import "../../components/dialog/dialog.ts";
import "../../components/file-field/file-field.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { dialog, droppedFiles } from "../../state/commands.ts";
import { nameRefusalText, sentenceFor, type Sentence } from "../../state/failure.ts";
import { laboratory } from "../../state/laboratory.ts";
import { bootOf, kindOfFile, type OwnBoot } from "../../state/own-media.ts";
import { leastMemory, SHIPPED_IMAGES, type ShippedImage } from "../../state/shipped-images.ts";
import "../settings/engine-options.ts";
import type { EngineChoice } from "../settings/engine-options.ts";
import type { NewDiskOptions } from "../storage/new-disk-options.ts";
import "../storage/new-disk-options.ts";
import { networkChoices, networkHint, networkName } from "../machine/device-list.ts";

type Media = ShippedImage | "file" | "later";
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

@customElement("rs-wizard")
export class Wizard extends RingsideElement {
  static override styles = [sharedStyles, formStyles];

  @state() private at = 0;
  @state() private custom = false;
  @state() private hardwareChoice: EngineChoice = { engine: "v86" };
  @state() private media: Media = "tiny";
  @state() private own?: OwnBoot;
  @state() private commandLine = "";
  @state() private name = freeName("Linux", laboratory.takenNames);
  @state() private memory = String(MEMORY_MIB.default);
  @state() private network = "vmnet8";
  @state() private model: NicModel = "ne2000";
  @state() private withDisk = true;
  @state() private diskSize = String(DISK_MIB.default);
  @state() private diskOptions: NewDiskOptions = {};
  @state() private startAfter = true;
  @state() private making = false;
  @state() private failure?: Sentence;
  #taken?: readonly File[];

  private get steps(): readonly Step[] {
    return this.custom ? CUSTOM : TYPICAL;
  }

  /** Why the present step cannot be left; empty when it can. */
  private get problem(): string {
    const { wizard } = this.m;
    const whole = (text: string) => (/^\d+$/.test(text) ? Number(text) : NaN);
    switch (this.steps[this.at]) {
      case "media":
        return this.media === "file" ? this.ownRefusal() : "";
      case "name": {
        const refused = nameRefusal(this.name, laboratory.takenNames);
        return refused ? nameRefusalText(this.m, refused) : "";
      }
      case "processors": {
        const memory = whole(this.memory);
        if (!(memory >= this.least)) return wizard.memoryTooSmall(this.least);
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

  /** Files that are dropped on the page lead to the step that they belong in. */
  protected override willUpdate(): void {
    const dropped = droppedFiles.get();
    if (dropped.length === 0 || dropped === this.#taken) return;
    this.#taken = dropped;
    void this.takeDropped(dropped);
  }

  private async takeDropped(files: readonly File[]): Promise<void> {
    await this.take(files);
    this.at = this.steps.indexOf("media");
    droppedFiles.set([]);
  }

  private async take(files: Iterable<File>): Promise<void> {
    const known = await Promise.all([...files].map(async (file) => ({ file, kind: await kindOfFile(file) })));
    if (known.length === 0) return;
    this.own = bootOf(known);
    this.commandLine = this.own.type === "kernel" && !this.own.multiboot ? "console=ttyS0" : "";
    this.choose("file");
  }

  private choose(media: Media): void {
    this.media = media;
    this.memory = String(
      media in SHIPPED_IMAGES ? SHIPPED_IMAGES[media as ShippedImage].default : MEMORY_MIB.default,
    );
  }

  private ownRefusal(): string {
    const { wizard, error } = this.m;
    if (!this.own) return wizard.mediaFileNone;
    if (this.own.type !== "refused") return "";
    const { reason, name } = this.own;
    switch (reason) {
      case "empty":
        return error.emptyFile(name);
      case "unknown":
        return error.notAnImage(name);
      case "initrd-alone":
        return wizard.initrdAlone;
      case "together":
        return wizard.fileTogether(name);
      default:
        return reason satisfies never;
    }
  }

  /** What the machine starts from, as far as that is known before anything is stored. */
  private get shipped(): ShippedImage | undefined {
    return this.media in SHIPPED_IMAGES ? (this.media as ShippedImage) : undefined;
  }

  /** The least memory the choice of medium allows. */
  private get least(): number {
    return leastMemory(this.shipped ? { type: "library", name: this.shipped } : { type: "none" });
  }

  /** What is applied: of the custom steps nothing once "typical" is chosen. */
  private get hardware(): Required<Pick<MachineChoices, "memoryMiB" | "nics" | "disks">> {
    const { shipped, custom } = this;
    const system = shipped === "tiny";
    const memoryMiB = custom ? Number(this.memory) : (shipped ? SHIPPED_IMAGES[shipped] : MEMORY_MIB).default;
    const network = custom ? this.network || null : DEFAULT_NETWORK;
    const ownDisk = this.media === "file" && this.own?.type === "disk";
    const withDisk = custom ? this.withDisk : system || (!shipped && !ownDisk);
    const sizeMiB = custom ? Number(this.diskSize) : DISK_MIB.default;
    const kept = { sizeMiB, ...(custom ? this.diskOptions : {}) };
    const disk = system ? { name: "system", role: "system" as const, ...kept } : { name: "disk", ...kept };
    return {
      memoryMiB,
      nics: [{ network, model: custom ? this.model : "ne2000" }],
      disks: withDisk ? [disk] : [],
    };
  }

  /** Stores the user's files, as late as this. */
  private async boot(): Promise<Pick<MachineChoices, "image" | "disks" | "console">> {
    const { shipped, own } = this;
    const { disks } = this.hardware;
    if (shipped) return { image: { type: "library", name: shipped }, disks };
    if (this.media === "later" || !own || own.type === "refused") return { image: { type: "none" }, disks };
    switch (own.type) {
      case "kernel":
        return {
          image: {
            type: "kernel",
            kernel: await laboratory.keepMedium(own.kernel),
            initrd: own.initrd && (await laboratory.keepMedium(own.initrd)),
            commandLine: this.commandLine.trim(),
          },
          disks,
          console: /\bconsole=ttyS/.test(this.commandLine) ? "serial" : "screen",
        };
      case "disk":
        return { image: { type: "none" }, disks: [await laboratory.importDisk(own.file), ...disks] };
      case "iso":
      case "floppy":
        return { image: { type: own.type, medium: await laboratory.keepMedium(own.file) }, disks };
      default:
        return own satisfies never;
    }
  }

  private async finish(): Promise<void> {
    if (this.making) return;
    this.making = true;
    this.failure = undefined;
    const name = this.name.trim();
    const { memoryMiB, nics } = this.hardware;
    try {
      const engine: EngineChoice = this.custom ? this.hardwareChoice : { engine: "v86" };
      const choices: MachineChoices = { name, ...engine, memoryMiB, nics, ...(await this.boot()) };
      dialog.set(undefined);
      await laboratory.create(choices, this.startAfter);
    } catch (error) {
      this.failure = sentenceFor(error, name, memoryMiB);
    } finally {
      this.making = false;
    }
  }

  private forward = (): void => {
    if (this.problem || this.making) return;
    if (this.steps[this.at] === "ready") void this.finish();
    else this.at++;
  };

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

  /** For a plain image that is small enough for either. */
  private floppyOrDisk() {
    const { own } = this;
    if (!(own?.type === "floppy" || own?.type === "disk") || !own.either) return nothing;
    const { wizard, device } = this.m;
    const as = (type: "floppy" | "disk", label: string) =>
      this.choice("use", label, "", own.type === type, () => (this.own = { ...own, type }));
    return html`<fieldset>
      <legend>${wizard.useFileAs}</legend>
      ${as("floppy", device.floppy)} ${as("disk", device.disk(1))}
    </fieldset>`;
  }

  private mediaChoices(): [Media, string, string][] {
    const { wizard: m } = this.m;
    return [
      ["tiny", m.mediaTiny, m.mediaTinyHint],
      ["grub-rescue", m.mediaRescue, m.mediaRescueHint],
      ["grub-invaders", m.mediaInvaders, m.mediaInvadersHint],
      ["file", m.mediaFile, m.mediaFileHint],
      ["later", m.mediaLater, m.mediaLaterHint],
    ];
  }

  private get ownNames(): string {
    const { own } = this;
    if (!own) return "";
    if (own.type === "refused") return own.name;
    if (own.type !== "kernel") return own.file.name;
    return [own.kernel, own.initrd].flatMap((file) => (file ? [file.name] : [])).join(", ");
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
        return html`<rs-engine-options
          engine=${this.hardwareChoice.engine}
          .virtualization=${this.hardwareChoice.virtualization}
          @rs-engine=${({ detail }: CustomEvent<EngineChoice>) => (this.hardwareChoice = detail)}
        ></rs-engine-options>`;
      case "media":
        return html`<fieldset>
            <legend>${m.mediaQuestion}</legend>
            ${this.mediaChoices().map(([media, label, hint]) => this.choice("media", label, hint, this.media === media, () => this.choose(media)))}
          </fieldset>
          <rs-file-field
            multiple
            label=${m.chooseFile}
            value=${this.ownNames || m.dropHere}
            @rs-files=${({ detail }: CustomEvent<File[]>) => void this.take(detail)}
          ></rs-file-field>
          ${this.media === "file" ? this.floppyOrDisk() : nothing}
          ${
            this.media === "file" && this.own?.type === "kernel"
              ? this.text(m.commandLine, this.commandLine, "", (value) => (this.commandLine = value))
              : nothing
          }`;
      case "name":
        return this.text(m.name, this.name, "", (value) => (this.name = value));
      case "processors":
        return html`<label class="field">
            <span>${m.processors}</span>
            <input value="1" readonly aria-disabled="true" title=${m.processorsReason} />
            <span class="hint">${m.processorsReason}</span>
          </label>
          ${this.text(`${m.memory} (MiB)`, this.memory, m.memoryHint(this.least, MEMORY_MIB.maximum), (value) => (this.memory = value))}`;
      case "network":
        return html`<fieldset>
            <legend>${m.networkStep}</legend>
            ${networkChoices().map((name) =>
              this.choice(
                "network",
                networkName(this.m, name),
                networkHint(this.m, name),
                this.network === (name ?? ""),
                () => (this.network = name ?? ""),
              ),
            )}
          </fieldset>
          <fieldset>
            <legend>${m.adapter}</legend>
            ${this.choice("model", network.ne2000, "", this.model === "ne2000", () => (this.model = "ne2000"))}
            ${this.choice("model", network.virtio, "", this.model === "virtio", () => (this.model = "virtio"))}
          </fieldset>
          <p class="hint">${network.simulated}</p>`;
      case "disk":
        return html`<fieldset>
            <legend>${m.diskStep}</legend>
            ${this.choice("disk", m.diskNew, "", this.withDisk, () => (this.withDisk = true))}
            ${this.choice("disk", m.diskNone, m.diskNoneHint, !this.withDisk, () => (this.withDisk = false))}
          </fieldset>
          ${
            this.withDisk
              ? html`${this.text(m.diskSize, this.diskSize, m.diskSizeHint, (value) => (this.diskSize = value))}
                  <rs-new-disk-options
                    .options=${this.diskOptions}
                    @rs-change=${(event: CustomEvent<NewDiskOptions>) => (this.diskOptions = { ...this.diskOptions, ...event.detail })}
                  ></rs-new-disk-options>`
              : nothing
          }`;
      case "ready": {
        const { memoryMiB, nics, disks } = this.hardware;
        const media =
          this.media === "file"
            ? this.ownNames
            : this.mediaChoices().find(([media]) => media === this.media)?.[1];
        const sizes = disks.map(({ sizeMiB }) => common.mib(String(sizeMiB)));
        if (this.media === "file" && this.own?.type === "disk") sizes.unshift(this.own.file.name);
        const lines = [
          [m.name, this.name],
          [m.mediaStep, media],
          ...(this.custom ? [[m.engine, this.hardwareChoice.engine]] : []),
          [device.memory, common.mib(String(memoryMiB))],
          [device.network(1), networkName(this.m, nics[0].network)],
          ...(sizes.length > 0 ? sizes : [common.none]).map((size, i) => [device.disk(i + 1), size]),
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
    return html`<rs-dialog
      heading=${m.title}
      @rs-close=${() => dialog.set(undefined)}
      @rs-submit=${this.forward}
    >
      <div class="form">
        <h3>${m.step(this.at + 1, this.steps.length, this.stepName(step))}</h3>
        ${this.step(step)} ${this.problem ? html`<p class="bad" role="alert">${this.problem}</p>` : nothing}
        ${this.failure ? html`<p class="bad" role="alert">${this.failure(this.m)}</p>` : nothing}
      </div>
      <div slot="footer" class="row">
        <rs-action
          look="outlined"
          label=${common.back}
          reason=${this.at === 0 ? m.firstStep : this.making ? m.makingNow : ""}
          @rs-press=${() => this.at--}
        ></rs-action>
        <rs-action
          class="next"
          look="primary"
          label=${last ? common.finish : common.next}
          reason=${this.problem || (this.making ? m.makingNow : "")}
          @rs-press=${this.forward}
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
