/** What is stored in this browser and how much room it takes; machines out and in as one file; disks in no machine. */
import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import type { DiskSummary } from "../../../hypervisor-model/virtual-machines/machine-disks.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { laboratory } from "../../state/laboratory.ts";
import { sourceOf } from "../../state/own-media.ts";
import { hashOf } from "../../state/route.ts";
import { sizeText } from "../../state/size-text.ts";
import { exportMachines, importBundle, say, work } from "../../state/storage.ts";
import { allNodes } from "./snapshot-words.ts";

interface MachineRoom {
  id: string;
  name: string;
  bytes: number;
  snapshots: number;
}

@customElement("rs-room")
export class Room extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 18px;
      }
      .columns {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min(360px, 100%), 1fr));
        gap: 20px 32px;
        align-items: start;
      }
      dl > div {
        display: grid;
        grid-template-columns: 220px 1fr;
        gap: 12px;
        padding-block: 4px;
        border-block-end: 1px solid var(--rs-line);
      }
      dt {
        color: var(--rs-text-quiet);
      }
      table {
        inline-size: 100%;
        border-collapse: collapse;
      }
      th,
      td {
        padding: 5px 8px;
        border-block-end: 1px solid var(--rs-line);
        text-align: start;
      }
      .number {
        text-align: end;
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  @state() private quota?: number;
  @state() private persisted?: boolean;
  @state() private refused = false;
  @state() private rooms: readonly MachineRoom[] = [];
  /** The disk that is about to be deleted. */
  @state() private deleting?: string;
  @state() private free: readonly DiskSummary[] = [];
  #unsubscribe?: () => void;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unsubscribe = laboratory.library.subscribe(() => void this.load());
    void this.load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unsubscribe?.();
  }

  private async load(): Promise<void> {
    const storage = navigator.storage as StorageManager | undefined;
    this.quota = (await storage?.estimate?.())?.quota;
    this.persisted = await storage?.persisted?.();
    const { disks, snapshots } = await laboratory.machineStorage();
    const all = await disks.list();
    this.free = all.filter(({ machine }) => !machine);
    const rooms: MachineRoom[] = [];
    for (const { id, name, definition } of laboratory.machines.get()) {
      if (!definition) continue;
      try {
        let bytes = 0;
        for (const disk of definition.disks)
          for (const { blocks } of (await disks.chain(disk.id)).layers) bytes += blocks * 4096;
        rooms.push({ id, name, bytes, snapshots: allNodes(await snapshots.tree(id)).length });
      } catch {
        // deleted meanwhile, or broken: its own page says so
      }
    }
    this.rooms = rooms.sort((a, b) => b.bytes - a.bytes);
  }

  private async persist(): Promise<void> {
    this.persisted = await navigator.storage.persist();
    this.refused = !this.persisted;
  }

  private async tidy(): Promise<void> {
    const before = laboratory.storedBytes.get();
    await work("remove", "", () => laboratory.library.tidyUp());
    const after = await laboratory.measure();
    say(
      (m) => m.storage.room.title,
      (m) => m.storage.room.freed(sizeText(m, Math.max(0, before - after))),
    );
  }

  private facts() {
    const { room } = this.m.storage;
    const inMemory = laboratory.storage.get() === "memory";
    const lines: [string, unknown][] = [
      [room.total, inMemory ? room.memory : sizeText(this.m, laboratory.storedBytes.get())],
      [room.quota, this.quota === undefined ? room.quotaUnknown : sizeText(this.m, this.quota)],
      [
        room.persisted,
        this.persisted === undefined ? room.persistNone : this.persisted ? room.persistYes : room.persistNo,
      ],
    ];
    return html`<section class="form">
      <dl>
        ${lines.map(
          ([name, value]) =>
            html`<div>
              <dt>${name}</dt>
              <dd>${value}</dd>
            </div>`,
        )}
      </dl>
      <div class="row">
        ${this.persisted === false ? html`<rs-action look="outlined" label=${room.persist} @rs-press=${() => void this.persist()}></rs-action>` : nothing}
        <rs-action look="outlined" label=${room.tidy} @rs-press=${() => void this.tidy()}></rs-action>
      </div>
      ${this.refused ? html`<p class="hint" role="status">${room.persistRefused}</p>` : nothing}
    </section>`;
  }

  private packing() {
    const { room, command } = this.m.storage;
    const machines = laboratory.machines.get();
    const running = machines.filter(({ session, elsewhere }) => session || elsewhere);
    const reason =
      machines.length === 0
        ? room.nothing
        : running.length > 0
          ? room.packRunning(running.map(({ name }) => name).join(", "))
          : "";
    return html`<section class="form">
      <p>${room.packText}</p>
      <div class="row">
        <rs-action
          class="pack"
          look="primary"
          icon="upload"
          label=${command.pack}
          reason=${reason}
          @rs-press=${() => void exportMachines()}
        ></rs-action>
      </div>
      ${this.picker("import-bundle", command.import, room.importHint, ".ringside", importBundle)}
    </section>`;
  }

  private picker(
    name: string,
    label: string,
    hint: string,
    accept: string,
    take: (file: File) => Promise<void>,
  ) {
    return html`<label class="field"
      ><span>${label}</span>
      <input
        class=${name}
        type="file"
        accept=${accept}
        @change=${(event: Event) => {
          const input = event.target as HTMLInputElement;
          const file = input.files?.[0];
          input.value = "";
          if (file) void take(file);
        }}
      />${hint ? html`<span class="hint">${hint}</span>` : nothing}</label
    >`;
  }

  private async importImage(file: File): Promise<void> {
    await work("import", file.name, ({ disks }, onProgress) =>
      disks.import(file.name, (name) => (name === file.name ? sourceOf(file) : undefined), onProgress),
    );
  }

  private table() {
    const { room } = this.m.storage;
    if (this.rooms.length === 0) return html`<p class="quiet">${room.noMachines}</p>`;
    return html`<table>
      <thead>
        <tr>
          <th scope="col">${room.machine}</th>
          <th scope="col" class="number">${room.disks}</th>
          <th scope="col" class="number">${room.snapshots}</th>
          <td></td>
        </tr>
      </thead>
      <tbody>
        ${this.rooms.map(({ id, name, bytes, snapshots }) => {
          const view = laboratory.find(id);
          const reason = view?.session
            ? room.packRunning(name)
            : view?.elsewhere
              ? this.m.reason.elsewhere
              : "";
          return html`<tr>
            <td><a href=${hashOf({ type: "workspace", name: "storage", rest: [id] })}>${name}</a></td>
            <td class="number">${sizeText(this.m, bytes)}</td>
            <td class="number">${snapshots}</td>
            <td class="number">
              <rs-action
                class="export"
                label=${this.m.storage.command.export}
                reason=${reason}
                @rs-press=${() => void exportMachines([id])}
              ></rs-action>
            </td>
          </tr>`;
        })}
      </tbody>
    </table>`;
  }

  private disks() {
    const { disk: m } = this.m.storage;
    const takers = laboratory.machines
      .get()
      .filter(({ definition, state, isTemplate }) => definition && state === "off" && !isTemplate);
    return html`<section class="form">
      <h2>${m.free}</h2>
      ${this.free.length === 0 ? html`<p class="quiet">${m.noneFree}</p>` : nothing}
      <ul>
        ${this.free.map(
          ({ id, name, sizeMiB }) =>
            html`<li class="row">
              <strong>${name}</strong> ${this.m.common.mib(String(sizeMiB))}
              ${takers.map(
                (machine) =>
                  html`<rs-action
                    look="outlined"
                    label=${m.attach(name, machine.name)}
                    @rs-press=${() => void work("disk", machine.name, ({ disks }) => disks.attach(machine.id, id))}
                  ></rs-action>`,
              )}
              ${
                this.deleting === id
                  ? html`<strong role="alert">${m.removeSure(name)}</strong>
                      <rs-action
                        look="outlined"
                        label=${this.m.remove.keep}
                        @rs-press=${() => (this.deleting = undefined)}
                      ></rs-action>
                      <rs-action
                        class="for-good"
                        look="danger"
                        label=${this.m.remove.action}
                        @rs-press=${() => void work("disk", name, ({ disks }) => disks.delete(id))}
                      ></rs-action>`
                  : html`<rs-action
                      look="danger"
                      label=${m.remove(name)}
                      @rs-press=${() => (this.deleting = id)}
                    ></rs-action>`
              }
            </li>`,
        )}
      </ul>
      ${this.picker("import-image", m.importImage, "", "", (file) => this.importImage(file))}
    </section>`;
  }

  protected override render() {
    laboratory.machines.get();
    return html`<div class="columns">${this.facts()} ${this.packing()}</div>
      ${this.table()} ${this.disks()}`;
  }
}
