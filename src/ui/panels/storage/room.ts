/** What is stored in this browser and how much room it takes; machines out and in as one file; disks in no machine. */
import { css, html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import type { DiskSummary } from "../../../hypervisor-model/virtual-machines/machine-disks.ts";
import { storedRoom, type StoredRoom } from "../../../hypervisor-model/virtual-machines/stored-room.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { laboratory } from "../../state/laboratory.ts";
import { machineHost } from "../../state/machine-host.ts";
import { hashOf } from "../../state/route.ts";
import { sizeText } from "../../state/size-text.ts";
import { exportMachines, importBundle, importImages, say, work } from "../../state/storage.ts";

/** What is stored is counted again at most this often. */
const COUNT_MS = 1000;

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
      meter {
        inline-size: 100%;
        block-size: 12px;
      }
      .free li {
        padding-block: 6px;
        border-block-end: 1px solid var(--rs-line);
      }
    `,
  ];

  @state() private quota?: number;
  @state() private persisted?: boolean;
  @state() private refused = false;
  /** undefined: not counted yet. */
  @state() private rooms?: readonly StoredRoom[];
  /** The disk that is about to be deleted. */
  @state() private deleting?: string;
  @state() private free: readonly DiskSummary[] = [];
  /** The machine that a free disk would be put into. */
  @state() private taker?: string;
  #unsubscribe?: () => void;
  #waiting?: ReturnType<typeof setTimeout>;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unsubscribe = laboratory.library.subscribe(() => this.loadSoon());
    void this.load();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#unsubscribe?.();
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
  }

  /** The library tells of each line of its log too. */
  private loadSoon(): void {
    this.#waiting ??= setTimeout(() => {
      this.#waiting = undefined;
      void this.load();
    }, COUNT_MS);
  }

  private async load(): Promise<void> {
    const storage = navigator.storage as StorageManager | undefined;
    this.quota = (await storage?.estimate?.())?.quota;
    this.persisted = await storage?.persisted?.();
    const { disks } = await laboratory.machineStorage();
    this.free = (await disks.list()).filter(({ machine }) => !machine);
    const { store } = machineHost;
    if (!store) return;
    await laboratory.measure();
    try {
      const machines = laboratory.machines.get().flatMap(({ definition }) => definition ?? []);
      const rooms = await storedRoom(store, machines);
      this.rooms = rooms.sort((a, b) => b.disks + b.memory - a.disks - a.memory);
    } catch {
      this.loadSoon(); // one was deleted meanwhile
    }
  }

  private async persist(): Promise<void> {
    this.persisted = await navigator.storage.persist();
    this.refused = !this.persisted;
  }

  private async tidy(): Promise<void> {
    const before = laboratory.storedBytes.get();
    await work("tidy", "", () => laboratory.library.tidyUp());
    const after = await laboratory.measure();
    say(
      (m) => m.storage.room.title,
      (m) => m.storage.room.freed(sizeText(m, Math.max(0, before - after))),
    );
  }

  private quotaUsed() {
    const { room } = this.m.storage;
    const { quota } = this;
    if (!quota) return room.quotaUnknown;
    const used = laboratory.storedBytes.get();
    const text = room.quotaUsed(sizeText(this.m, quota), ((used / quota) * 100).toFixed(1));
    return html`${text}<meter
        aria-label=${room.quota}
        min="0"
        max=${quota}
        high=${quota * 0.8}
        value=${used}
      ></meter>`;
  }

  private facts() {
    const { room } = this.m.storage;
    const inMemory = laboratory.storage.get() === "memory";
    const lines: [string, unknown][] = [
      [room.total, inMemory ? room.memory : sizeText(this.m, laboratory.storedBytes.get())],
      [room.quota, this.quotaUsed()],
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
        ${
          running.some(({ session }) => session)
            ? html`<rs-action
                class="suspend-all"
                look="outlined"
                icon="pause"
                label=${this.m.storage.closing.action}
                @rs-press=${() => void laboratory.suspendAll()}
              ></rs-action>`
            : nothing
        }
      </div>
      ${reason && machines.length > 0 ? html`<p class="hint">${reason}</p>` : nothing}
      ${this.picker("import-bundle", command.import, room.importHint, ".ringside", ([file]) => importBundle(file))}
    </section>`;
  }

  private picker(
    name: string,
    label: string,
    hint: string,
    accept: string,
    take: (files: [File, ...File[]]) => Promise<void>,
  ) {
    return html`<label class="field"
      ><span>${label}</span>
      <input
        class=${name}
        type="file"
        accept=${accept}
        ?multiple=${accept === ""}
        @change=${(event: Event) => {
          const input = event.target as HTMLInputElement;
          const [first, ...others] = input.files ?? [];
          input.value = "";
          if (first) void take([first, ...others]);
        }}
      />${hint ? html`<span class="hint">${hint}</span>` : nothing}</label
    >`;
  }

  private table() {
    const { room } = this.m.storage;
    if (!this.rooms) return html`<p class="quiet" role="status">${this.m.storage.loading}</p>`;
    if (this.rooms.length === 0) return html`<p class="quiet">${room.noMachines}</p>`;
    return html`<table>
        <thead>
          <tr>
            <th scope="col">${room.machine}</th>
            <th scope="col" class="number">${room.snapshots}</th>
            <th scope="col" class="number">${room.disks}</th>
            <th scope="col" class="number">${room.savedMemory}</th>
            <th scope="col" class="number">${room.alone}</th>
            <td></td>
          </tr>
        </thead>
        <tbody>
          ${this.rooms.map(({ id, name, snapshots, disks, memory, alone }) => {
            const view = laboratory.find(id);
            const reason = view?.session
              ? room.packRunning(name)
              : view?.elsewhere
                ? this.m.reason.elsewhere
                : "";
            return html`<tr>
              <td><a href=${hashOf({ type: "workspace", name: "storage", rest: [id] })}>${name}</a></td>
              <td class="number">${snapshots}</td>
              ${[disks, memory, alone].map((bytes) => html`<td class="number">${sizeText(this.m, bytes)}</td>`)}
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
      </table>
      <p class="hint">${room.tableHint}</p>`;
  }

  private disks() {
    const { disk: m } = this.m.storage;
    return html`<section class="form free">
      <h2>${m.free}</h2>
      ${this.free.length === 0 ? html`<p class="quiet">${m.noneFree}</p>` : nothing}
      <ul>
        ${this.free.map((disk) => html`<li class="row">${this.freeDisk(disk)}</li>`)}
      </ul>
      ${this.picker("import-image", m.importImage, m.importHint, "", importImages)}
    </section>`;
  }

  private freeDisk({ id, name, sizeMiB }: DiskSummary) {
    const { disk: m } = this.m.storage;
    const takers = laboratory.machines
      .get()
      .filter(({ definition, state, isTemplate }) => definition && state === "off" && !isTemplate);
    const taker = takers.find((machine) => machine.id === this.taker) ?? takers[0];
    if (this.deleting === id)
      return html`<strong role="alert">${m.removeSure(name)}</strong>
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
        ></rs-action>`;
    return html`<strong>${name}</strong> ${this.m.common.mib(String(sizeMiB))}
      <select
        aria-label=${m.attachTo(name)}
        ?disabled=${takers.length === 0}
        @change=${(event: Event) => (this.taker = (event.target as HTMLSelectElement).value)}
      >
        ${takers.map((machine) => html`<option value=${machine.id} ?selected=${machine === taker}>${machine.name}</option>`)}
      </select>
      <rs-action
        look="outlined"
        label=${taker ? m.attach(name, taker.name) : m.attachTo(name)}
        reason=${taker ? "" : m.attachNone}
        @rs-press=${() => taker && void work("disk", taker.name, ({ disks }) => disks.attach(taker.id, id))}
      ></rs-action>
      <rs-action look="danger" label=${m.remove(name)} @rs-press=${() => (this.deleting = id)}></rs-action>`;
  }

  protected override render() {
    laboratory.machines.get();
    return html`<div class="columns">${this.facts()} ${this.packing()}</div>
      ${this.table()} ${this.disks()}`;
  }
}
