/**
 * The Labs workspace. Addresses: `#/lab` all labs, `#/lab/L15[?seed=5]` one before it is begun, `#/lab/L15/report` its report,
 * `#/lab/class` the results of a class.
 */
import { css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { LAB_IDS } from "../../../labs/catalogue.ts";
import { MAXIMUM_SEED, fill } from "../../../labs/seed.ts";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { language } from "../../i18n/messages.ts";
import { beside, lastLab, rememberLab } from "../../state/beside.ts";
import {
  activeLab,
  begunLabs,
  labWork,
  listBegun,
  loadLab,
  onLabChange,
  resumeLab,
  startLab,
  type ActiveLab,
} from "../../state/labs.ts";
import { hashOf, settingOf } from "../../state/route.ts";
import "./class.ts";
import "./lab-text.ts";
import { drawMarkdown } from "./markdown.ts";
import "./report.ts";

onLabChange((id) => {
  rememberLab(id);
  beside.set(id === undefined ? undefined : () => html`<rs-lab-text></rs-lab-text>`);
});

/** Opens the lab again that was open when the page was left. */
export async function restoreLab(): Promise<void> {
  const id = lastLab();
  if (id !== undefined && activeLab.get() === undefined) await resumeLab(id, false);
}

type Loaded = Pick<ActiveLab, "lab" | "texts">;

@customElement("rs-labs")
export class LabsWorkspace extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 14px;
        overflow: auto;
        padding: 20px 28px;
      }
      h1 {
        font-size: var(--rs-text-title);
      }
      .cards {
        display: grid;
        grid-template-columns: repeat(auto-fill, minmax(250px, 1fr));
        gap: 14px;
        max-inline-size: 1100px;
      }
      .card {
        display: flex;
        flex-direction: column;
        gap: 6px;
        padding: 14px;
        border: 1px solid var(--rs-line);
        border-radius: 6px;
        background: var(--rs-surface);
      }
      .card p {
        flex: 1;
      }
      .lab {
        display: flex;
        flex-direction: column;
        gap: 14px;
        max-inline-size: 720px;
        line-height: 1.5;
      }
      ul.needs {
        padding-inline-start: 20px;
        list-style: revert;
      }
    `,
  ];

  /** The address after `#/lab/`. */
  @property({ attribute: false }) rest: readonly string[] = [];
  @state() private all: readonly Loaded[] = [];
  @state() private failure = "";
  @state() private seedText = "";
  /** The lab of the address with the numbers of its seed. */
  @state() private asked: Loaded | undefined;
  #askedFor = "";
  #address = "";

  override connectedCallback(): void {
    super.connectedCallback();
    void listBegun();
    Promise.all(LAB_IDS.map((id) => loadLab(id, 0))).then(
      (all) => (this.all = all),
      (error: unknown) => (this.failure = this.m.labs.broken("", String(error))),
    );
  }

  private get seed(): number | undefined {
    const seed = Number(this.seedText);
    return this.seedText !== "" && Number.isInteger(seed) && seed >= 0 && seed <= MAXIMUM_SEED
      ? seed
      : undefined;
  }

  protected override willUpdate(): void {
    const [id] = this.rest;
    const given = settingOf("seed");
    const address = `${id ?? ""} ${given ?? ""}`;
    if (address !== this.#address) {
      this.#address = address;
      this.seedText = given ?? String(1 + Math.floor(Math.random() * 99_999));
    }
    const askedFor = `${id ?? ""} ${this.seed ?? 0}`;
    if (askedFor === this.#askedFor) return;
    this.#askedFor = askedFor;
    if (id !== undefined && LAB_IDS.includes(id)) void this.load(id, this.seed ?? 0, askedFor);
  }

  private async load(id: string, seed: number, askedFor: string): Promise<void> {
    try {
      const loaded = await loadLab(id, seed);
      if (askedFor === this.#askedFor) this.asked = loaded;
    } catch (error) {
      this.failure = this.m.labs.broken(id, String(error));
    }
  }

  private card({ lab, texts }: Loaded) {
    const { labs: m } = this.m;
    const begun = begunLabs.get().get(lab.id);
    const { title } = texts[language.get()];
    const total = String(lab.steps.length);
    const address = hashOf({ type: "workspace", name: "lab", rest: [lab.id] });
    return html`<section class="card">
      <span class="quiet small">${lab.id} · ${m.section(lab.section)}</span>
      <h2>${title}</h2>
      <p class="quiet">${begun ? m.passed(String(begun.passed), total) : m.steps(total)}</p>
      ${begun ? html`<progress max=${total} value=${begun.passed} aria-label=${m.passed(String(begun.passed), total)}></progress>` : nothing}
      <a href=${address} aria-label="${begun ? m.goOn : m.open}: ${title}">${begun ? m.goOn : m.open}</a>
    </section>`;
  }

  private one({ lab, texts }: Loaded) {
    const { labs: m } = this.m;
    const text = texts[language.get()];
    const begun = begunLabs.get().get(lab.id);
    const work = labWork.get();
    const { machines, networks } = lab.scenario;
    return html`<div class="lab">
      <a href=${hashOf({ type: "workspace", name: "lab", rest: [] })}>← ${m.back}</a>
      <span class="quiet small">${lab.id} · ${m.section(lab.section)}</span>
      <h1>${text.title}</h1>
      ${drawMarkdown(fill(text.introduction, lab.values), (code) => html`<pre><code>${code}</code></pre>`)}
      <h2>${m.needs}</h2>
      <ul class="needs">
        ${machines.map(({ name, memoryMiB = 64 }) => html`<li>${m.machine(name, String(memoryMiB))}</li>`)}
        ${networks.map(({ name, subnet }) => (subnet ? html`<li>${m.network(name, subnet)}</li>` : nothing))}
      </ul>
      ${
        begun
          ? html`<p>${m.passed(String(begun.passed), String(lab.steps.length))}</p>
              <div class="row">
                <rs-action
                  class="go-on"
                  look="primary"
                  icon="play"
                  label=${m.goOn}
                  reason=${work ? m.busy : ""}
                  @rs-press=${() => void resumeLab(lab.id)}
                ></rs-action>
              </div>`
          : html`<label class="field"
                ><span>${m.values}</span
                ><input
                  inputmode="numeric"
                  maxlength="10"
                  .value=${this.seedText}
                  aria-invalid=${this.seed === undefined}
                  @input=${(event: InputEvent) => (this.seedText = (event.target as HTMLInputElement).value.trim())}
                /><span class=${this.seed === undefined ? "bad" : "hint"}
                  >${this.seed === undefined ? m.badSeed : m.valuesHint}</span
                ></label
              >
              <div class="row">
                <rs-action
                  class="begin"
                  look="primary"
                  icon="play"
                  label=${m.begin}
                  reason=${this.seed === undefined ? m.badSeed : work ? m.busy : ""}
                  @rs-press=${() => void startLab(lab.id, this.seed!)}
                ></rs-action>
              </div>`
      }
      ${work?.type === "starting" ? html`<p role="status">${m.starting} <progress aria-label=${m.starting}></progress></p>` : nothing}
    </div>`;
  }

  protected override render() {
    const { labs: m } = this.m;
    const [id, part] = this.rest;
    if (id === "class") return html`<rs-lab-class></rs-lab-class>`;
    if (part === "report") return html`<rs-lab-report></rs-lab-report>`;
    if (this.failure) return html`<p role="alert">${this.failure}</p>`;
    if (id === undefined) {
      return html`<h1>${m.title}</h1>
        <p class="quiet">${m.lead}</p>
        <div class="cards">${this.all.map((lab) => this.card(lab))}</div>
        <p><a href=${hashOf({ type: "workspace", name: "lab", rest: ["class"] })}>${m.class.link}</a></p>`;
    }
    if (this.asked?.lab.id === id) return this.one(this.asked);
    return LAB_IDS.includes(id)
      ? html`<p role="status">${this.m.app.loading(id)}</p>`
      : html`<h1>${m.notFound(id)}</h1>
          <a href=${hashOf({ type: "workspace", name: "lab", rest: [] })}>← ${m.back}</a>`;
  }
}
