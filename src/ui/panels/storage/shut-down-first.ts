/** Why the course shuts a machine down before its snapshot, and what of it this very guest shows. */
import { css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { sentenceFor, type Sentence } from "../../state/failure.ts";
import { laboratory } from "../../state/laboratory.ts";

/** A name and a number a line. Established is state 01 in /proc/net/tcp (Linux, include/net/tcp_states.h). */
const LOOK = `
echo dirty $(awk '/^(Dirty|Writeback):/ { n += $2 } END { print n + 0 }' /proc/meminfo)
echo peers $(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "01" { n++ } END { print n + 0 }')
echo journal $(for d in $(ls /dev/sd* 2>/dev/null); do tune2fs -l $d 2>/dev/null; done | grep -c needs_recovery)
echo time $(date +%s)
`;
const LOOK_MS = 30_000;
const FACTS = ["dirty", "journal", "peers", "time"] as const;
type Fact = (typeof FACTS)[number];

@customElement("rs-shut-down-first")
export class ShutDownFirst extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      summary {
        cursor: pointer;
      }
      .reasons li {
        padding-block: 3px;
        margin-inline-start: 18px;
        list-style: disc;
      }
      dl > div {
        display: grid;
        grid-template-columns: minmax(200px, 300px) minmax(90px, max-content) 1fr;
        gap: 14px;
        padding-block: 4px;
        border-block-end: 1px solid var(--rs-line);
      }
      .value {
        font-weight: 600;
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  @property({ attribute: "machine-id" }) machineId = "";
  @state() private facts?: Partial<Record<Fact, number>>;
  @state() private looking = false;
  @state() private failure?: Sentence;

  private async look(): Promise<void> {
    const machine = laboratory.find(this.machineId);
    if (!machine?.session || this.looking) return;
    this.looking = true;
    this.failure = undefined;
    try {
      const { stdout } = await machine.session.machine.agent.run(LOOK, { timeoutMs: LOOK_MS });
      const lines = new TextDecoder().decode(stdout).matchAll(/^(\w+) (\d+)$/gm);
      const facts = Object.fromEntries([...lines].map(([, fact, number]) => [fact, Number(number)]));
      if (facts.time !== undefined) facts.time = Math.round(Date.now() / 1000 - facts.time);
      this.facts = facts;
    } catch (error) {
      this.failure = sentenceFor(error, machine.name, 0);
    } finally {
      this.looking = false;
    }
  }

  private list(facts: Partial<Record<Fact, number>>) {
    const { see } = this.m.storage.tree;
    return html`<dl>
      ${FACTS.map((fact) => {
        const number = facts[fact];
        if (number === undefined) return nothing;
        return html`<div class=${fact}>
          <dt>${see.facts[fact]}</dt>
          <dd class="value">${see.values[fact](number)}</dd>
          <dd class="quiet">${see.means[fact]}</dd>
        </div>`;
      })}
    </dl>`;
  }

  protected override render() {
    const { tree } = this.m.storage;
    const machine = laboratory.find(this.machineId);
    const reason = machine?.session?.agentReady
      ? this.looking
        ? tree.see.looking
        : ""
      : tree.see.needsGuest;
    return html`<details>
      <summary>${tree.whyTitle}</summary>
      <div class="form">
        <ul class="reasons">
          ${tree.why.map((why) => html`<li>${why}</li>`)}
        </ul>
        <div class="row">
          <rs-action
            class="look"
            look="outlined"
            label=${tree.see.action}
            reason=${reason}
            @rs-press=${() => void this.look()}
          ></rs-action>
          <span class="hint">${reason || tree.see.hint}</span>
        </div>
        ${this.failure ? html`<p class="bad" role="alert">${this.failure(this.m)}</p>` : nothing}
        <div role="status">${this.facts ? this.list(this.facts) : nothing}</div>
      </div>
    </details>`;
  }
}
