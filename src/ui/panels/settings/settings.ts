/** Virtual machine settings: the device list left, the chosen device's properties right. */
import { css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { NicModel } from "../../../emulator/machine.ts";
import { Random, freshSeed } from "../../../common/random.ts";
import {
  DISK_MIB,
  MAX_DISKS,
  MAX_NICS,
  MEMORY_MIB,
  isNicAddress,
  newMac,
  type MachineDefinition,
} from "../../../hypervisor-model/virtual-machines/definition.ts";
import "../../components/action-button/action-button.ts";
import "../../components/dialog/dialog.ts";
import "../../components/file-field/file-field.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { dialog } from "../../state/commands.ts";
import { sentenceFor, type Sentence } from "../../state/failure.ts";
import { laboratory } from "../../state/laboratory.ts";
import { isFloppyOrDisk, kindOfFile } from "../../state/own-media.ts";
import { leastMemory } from "../../state/shipped-images.ts";
import "./engine-options.ts";
import type { EngineChoice } from "./engine-options.ts";
import type { NewDiskOptions } from "../storage/new-disk-options.ts";
import "../storage/new-disk-options.ts";
import "./template-options.ts";
import { networkChoices, networkHint, networkName } from "../machine/device-list.ts";

const DRIVES = ["cdrom", "floppy"] as const;
type Drive = (typeof DRIVES)[number];
type Draft = Pick<
  MachineDefinition,
  "engine" | "virtualization" | "memoryMiB" | "nics" | "disks" | "cdrom" | "floppy" | "bootOrder"
>;

@customElement("rs-settings")
export class Settings extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      .columns {
        display: grid;
        grid-template-columns: 210px 1fr;
        gap: 16px;
        min-block-size: 260px;
      }
      nav {
        display: flex;
        flex-direction: column;
        align-items: stretch;
        gap: 2px;
      }
      nav h3 {
        padding-block: 6px 2px;
      }
      nav button {
        justify-content: flex-start;
      }
      .locked {
        gap: 14px;
        padding: 0;
        border: 0;
      }
    `,
  ];

  @property({ attribute: "machine-id" }) machineId = "";
  @state() private draft!: Draft;
  @state() private device = "memory";
  /** Files for the drives, stored with OK. */
  @state() private chosen: Partial<Record<Drive, File>> = {};
  @state() private saving = false;
  @state() private failure?: Sentence;
  private on = false;

  override connectedCallback(): void {
    super.connectedCallback();
    const view = laboratory.find(this.machineId);
    if (!view?.definition) return;
    const { engine, virtualization, memoryMiB, nics, disks, cdrom, floppy, bootOrder } = view.definition;
    this.draft = structuredClone({
      engine,
      virtualization,
      memoryMiB,
      nics,
      disks,
      cdrom,
      floppy,
      bootOrder,
    });
    this.on = view.session !== undefined;
  }

  private get isTemplate(): boolean {
    return laboratory.find(this.machineId)?.isTemplate === true;
  }

  private change(change: Partial<Draft>): void {
    this.draft = { ...this.draft, ...change };
  }

  private get least(): number {
    const image = laboratory.find(this.machineId)?.definition?.image;
    return leastMemory(image ?? { type: "none" });
  }

  private get problem(): string {
    const { memoryMiB, nics } = this.draft;
    const { wizard, settings } = this.m;
    if (!(Number.isInteger(memoryMiB) && memoryMiB >= this.least)) return wizard.memoryTooSmall(this.least);
    if (memoryMiB > MEMORY_MIB.maximum) return wizard.memoryTooBig(MEMORY_MIB.maximum);
    const isSize = (size: number) =>
      Number.isInteger(size) && size >= DISK_MIB.minimum && size <= DISK_MIB.maximum;
    if (this.draft.disks.some((disk) => this.isNew(disk) && !isSize(disk.sizeMiB)))
      return wizard.diskSizeBad(DISK_MIB.minimum, DISK_MIB.maximum);
    return nics.every(({ mac }) => isNicAddress(mac)) ? "" : settings.macBad;
  }

  /** Files that were chosen are stored only now. */
  private async save(): Promise<void> {
    if (this.saving || this.problem) return;
    if (this.isTemplate) {
      dialog.set(undefined); // there is nothing to save: all is locked
      return;
    }
    this.saving = true;
    this.failure = undefined;
    try {
      const change = { ...this.draft };
      for (const drive of DRIVES) {
        const file = this.chosen[drive];
        if (file) change[drive] = { medium: await laboratory.keepMedium(file) };
      }
      if (await laboratory.update(this.machineId, change)) dialog.set(undefined);
    } catch (error) {
      this.failure = sentenceFor(error, laboratory.find(this.machineId)?.name ?? "", this.draft.memoryMiB);
    } finally {
      this.saving = false;
    }
  }

  private async insert(drive: Drive, file: File | undefined): Promise<void> {
    if (!file) return;
    const kind = await kindOfFile(file);
    const fits = file.size > 0 && (drive === "cdrom" ? kind === "iso" : isFloppyOrDisk(kind, file.size));
    this.failure = fits
      ? undefined
      : (m) => (file.size === 0 ? m.error.emptyFile(file.name) : m.wizard.notForDrive(file.name));
    if (fits) this.chosen = { ...this.chosen, [drive]: file };
  }

  private show(device: string): void {
    this.device = device;
    this.failure = undefined;
  }

  private eject(drive: Drive): void {
    this.chosen = { ...this.chosen, [drive]: undefined };
    this.change({ [drive]: { medium: null } });
  }

  private addDisk(): void {
    const id = new Random(freshSeed()).uuid();
    this.change({
      disks: [...this.draft.disks, { id, name: `disk ${this.draft.disks.length + 1}`, sizeMiB: 64 }],
    });
    this.show(`disk:${this.draft.disks.length - 1}`);
  }

  private addNic(): void {
    const mac = newMac(new Random(freshSeed()), new Set(this.draft.nics.map((nic) => nic.mac)));
    this.change({ nics: [...this.draft.nics, { network: "vmnet8", model: "ne2000", mac, connected: true }] });
  }

  private move(i: number, by: number): void {
    const order = [...this.draft.bootOrder];
    [order[i], order[i + by]] = [order[i + by], order[i]];
    this.change({ bootOrder: order });
  }

  private drive(kind: Drive) {
    const { settings, device } = this.m;
    const medium = this.draft[kind]?.medium;
    const name = this.chosen[kind]?.name ?? (medium?.type === "stored" ? medium.name : medium?.path);
    return html`<p>${settings.medium}: ${name ?? device.noMedium}</p>
      ${
        this.isTemplate
          ? nothing
          : html`<rs-file-field
              label=${settings.mediumFile}
              @rs-files=${({ detail }: CustomEvent<File[]>) => void this.insert(kind, detail[0])}
            ></rs-file-field>`
      }
      ${kind === "floppy" ? html`<p class="hint">${settings.floppyKept}</p>` : nothing}
      ${name ? html`<rs-action look="outlined" label=${settings.eject} reason=${this.isTemplate ? this.m.reason.isTemplate : ""} @rs-press=${() => this.eject(kind)}></rs-action>` : nothing}`;
  }

  /** A disk that is made with OK. */
  private isNew({ id }: MachineDefinition["disks"][number]): boolean {
    const { definition } = laboratory.find(this.machineId) ?? {};
    return !definition?.disks.some((disk) => disk.id === id);
  }

  private newDisk(disk: MachineDefinition["disks"][number], i: number) {
    const { settings, wizard } = this.m;
    const set = (part: Partial<typeof disk>) =>
      this.change({ disks: this.draft.disks.map((old, n) => (n === i ? { ...old, ...part } : old)) });
    return html`<label class="field"
        ><span>${settings.diskSize} (MiB)</span>
        <input
          type="number"
          min=${DISK_MIB.minimum}
          max=${DISK_MIB.maximum}
          .value=${String(disk.sizeMiB)}
          @input=${(event: InputEvent) => set({ sizeMiB: (event.target as HTMLInputElement).valueAsNumber })}
        /><span class="hint">${wizard.diskSizeHint}</span></label
      >
      <rs-new-disk-options
        .options=${disk}
        @rs-change=${(event: CustomEvent<NewDiskOptions>) => set(event.detail)}
      ></rs-new-disk-options>`;
  }

  private properties(): unknown {
    const { settings, network, wizard, common, device, boot } = this.m;
    const locked = this.on ? settings.lockedWhileOn : this.isTemplate ? this.m.reason.isTemplate : "";
    const [kind, number] = this.device.split(":");
    const i = Number(number);
    switch (kind) {
      case "memory":
        return html`<label class="field"
          ><span>${wizard.memory} (MiB)</span>
          <input
            type="number"
            min=${this.least}
            max=${MEMORY_MIB.maximum}
            ?readonly=${this.on}
            aria-disabled=${this.on}
            .value=${String(this.draft.memoryMiB)}
            @input=${(event: InputEvent) => this.change({ memoryMiB: (event.target as HTMLInputElement).valueAsNumber })}
          />
          <span class="hint"
            >${locked || wizard.memoryHint(this.least, MEMORY_MIB.maximum)}
            ${this.on ? "" : settings.warmLost}</span
          ></label
        >`;
      case "engine":
        return html`<rs-engine-options
          engine=${this.draft.engine}
          .virtualization=${this.draft.virtualization}
          locked=${locked}
          @rs-engine=${({ detail }: CustomEvent<EngineChoice>) => this.change(detail)}
        ></rs-engine-options>`;
      case "disk": {
        const disk = this.draft.disks[i];
        if (!disk) return settings.nothingSelected;
        return html`<p>${settings.diskName}: ${disk.name}</p>
          ${this.isNew(disk) ? this.newDisk(disk, i) : html`<p>${settings.diskSize}: ${common.mib(String(disk.sizeMiB))}</p>`}
          ${disk.role === "system" ? html`<p class="hint">${settings.removeSystemDisk}</p>` : nothing}
          <rs-action
            look="danger"
            label=${settings.removeDevice}
            reason=${locked}
            @rs-press=${() => this.change({ disks: this.draft.disks.filter((_, n) => n !== i) })}
          ></rs-action>`;
      }
      case "nic": {
        const nic = this.draft.nics[i];
        if (!nic) return settings.nothingSelected;
        const set = (part: Partial<typeof nic>) =>
          this.change({ nics: this.draft.nics.map((old, n) => (n === i ? { ...old, ...part } : old)) });
        const value = (event: Event) => (event.target as HTMLInputElement | HTMLSelectElement).value;
        return html`<label class="choice"
            ><input
              type="checkbox"
              .checked=${nic.connected}
              @change=${() => set({ connected: !nic.connected })}
            /><span>${settings.connected}</span></label
          >
          <label class="field"
            ><span>${wizard.networkStep}</span>
            <select @change=${(event: Event) => set({ network: value(event) || null })}>
              ${[...new Set([...networkChoices(), nic.network])].map((name) => html`<option value=${name ?? ""} ?selected=${nic.network === name}>${networkName(this.m, name)}</option>`)}</select
            ><span class="hint">${networkHint(this.m, nic.network)}</span></label
          >
          <label class="field"
            ><span>${wizard.adapter}</span>
            <select
              ?disabled=${this.on}
              title=${locked}
              @change=${(event: Event) => set({ model: value(event) as NicModel })}
            >
              <option value="ne2000" ?selected=${nic.model === "ne2000"}>${network.ne2000}</option>
              <option value="virtio" ?selected=${nic.model === "virtio"}>${network.virtio}</option></select
            >${locked ? html`<span class="hint">${locked}</span>` : nothing}
            ${nic.model === "ne2000" ? html`<span class="hint">${network.ne2000NoSense}</span>` : nothing}</label
          >
          <label class="field"
            ><span>${settings.mac}</span
            ><input
              .value=${nic.mac}
              ?readonly=${this.on}
              @input=${(event: Event) => set({ mac: value(event).toLowerCase() })}
            /><span class="hint">${locked || settings.macHint}</span></label
          >
          <rs-action
            look="outlined"
            icon="refresh"
            label=${settings.macNew}
            reason=${locked}
            @rs-press=${() => set({ mac: newMac(new Random(freshSeed()), new Set(this.draft.nics.map(({ mac }) => mac))) })}
          ></rs-action>
          <rs-action
            look="danger"
            label=${settings.removeDevice}
            reason=${locked}
            @rs-press=${() => this.change({ nics: this.draft.nics.filter((_, n) => n !== i) })}
          ></rs-action>`;
      }
      case "cdrom":
      case "floppy":
        return this.drive(kind);
      case "serial":
        return settings.serialText;
      case "template":
        return html`<rs-template-options machine-id=${this.machineId}></rs-template-options>`;
      case "boot":
        return html`<p class="hint">${locked || settings.bootOrderHint}</p>
          <ol>
            ${this.draft.bootOrder.map(
              (entry, n, all) =>
                html`<li class="row">
                  <rs-action
                    icon="chevron-up"
                    icon-only
                    label=${settings.up(boot[entry])}
                    reason=${locked || (n === 0 ? settings.atTop : "")}
                    @rs-press=${() => this.move(n, -1)}
                  ></rs-action>
                  <rs-action
                    icon="chevron-down"
                    icon-only
                    label=${settings.down(boot[entry])}
                    reason=${locked || (n === all.length - 1 ? settings.atBottom : "")}
                    @rs-press=${() => this.move(n, 1)}
                  ></rs-action>
                  ${boot[entry]}
                </li>`,
            )}
          </ol>`;
      default:
        return device.display;
    }
  }

  protected override render() {
    const view = laboratory.find(this.machineId);
    if (!view?.definition || !this.draft) return nothing;
    const { settings, device, common, wizard } = this.m;
    const locked = this.on ? settings.lockedWhileOn : this.isTemplate ? this.m.reason.isTemplate : "";
    const { disks, nics, cdrom, floppy } = this.draft;
    const devices: [string, string][] = [
      ["memory", device.memory],
      ["engine", wizard.engine],
      ...disks.map((_, i): [string, string] => [`disk:${i}`, device.disk(i + 1)]),
      ...(cdrom ? [["cdrom", device.cdrom] as [string, string]] : []),
      ...(floppy ? [["floppy", device.floppy] as [string, string]] : []),
      ...nics.map((_, i): [string, string] => [`nic:${i}`, device.network(i + 1)]),
      ["serial", device.serial],
      ["boot", device.bootOrder],
    ];
    return html`<rs-dialog
      heading=${settings.title(view.name)}
      @rs-close=${() => dialog.set(undefined)}
      @rs-submit=${() => void this.save()}
    >
      <div class="columns">
        <nav aria-label=${settings.device}>
          <h3>${this.m.storage.template.hardware}</h3>
          ${devices.map(([id, name]) => html`<button class="plain" type="button" aria-pressed=${String(this.device === id)} @click=${() => this.show(id)}>${name}</button>`)}
          <h3>${this.m.storage.template.options}</h3>
          <button
            class="plain"
            type="button"
            aria-pressed=${String(this.device === "template")}
            @click=${() => this.show("template")}
          >
            ${this.m.storage.template.advanced}
          </button>
          <h3>${settings.add}</h3>
          <rs-action
            icon="plus"
            label=${settings.addDisk}
            reason=${locked || (disks.length >= MAX_DISKS ? settings.maxDisks : "")}
            @rs-press=${this.addDisk}
          ></rs-action>
          <rs-action
            icon="plus"
            label=${settings.addNetwork}
            reason=${locked || (nics.length >= MAX_NICS ? settings.maxNics(MAX_NICS) : "")}
            @rs-press=${this.addNic}
          ></rs-action>
          <rs-action
            icon="plus"
            label=${settings.addFloppy}
            reason=${locked || (floppy ? settings.already : "")}
            @rs-press=${() => this.change({ floppy: { medium: null } })}
          ></rs-action>
        </nav>
        <div class="form">
          ${
            this.isTemplate && this.device !== "template"
              ? html`<p class="hint template" role="status">${settings.templateLocked}</p>
                  <fieldset class="locked" disabled>${this.properties()}</fieldset>`
              : this.properties()
          }${this.problem ? html`<p class="bad" role="alert">${this.problem}</p>` : nothing}
          ${this.failure ? html`<p class="bad" role="alert">${this.failure(this.m)}</p>` : nothing}
        </div>
      </div>
      <div slot="footer" class="row">
        <rs-action
          look="primary"
          class="save"
          label=${common.ok}
          reason=${this.problem}
          @rs-press=${() => void this.save()}
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
