/** Template mode with the course's checklist, read from the guest by its agent. */
import { css, html, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import "../../components/action-button/action-button.ts";
import { RingsideElement } from "../../components/element.ts";
import { formStyles } from "../../components/form.styles.ts";
import { sharedStyles } from "../../components/shared.styles.ts";
import { sentenceFor, type Sentence } from "../../state/failure.ts";
import { laboratory } from "../../state/laboratory.ts";
import { treeOf } from "../../state/storage.ts";

/** Prints one line an item: its name and yes, no or absent. Works in any POSIX shell. */
const READ = `
if command -v firewall-cmd >/dev/null; then
  systemctl is-active -q firewalld && echo firewall no || echo firewall yes
elif command -v iptables >/dev/null; then
  [ -n "$(iptables -S 2>/dev/null | grep -v '^-P .* ACCEPT$')" ] && echo firewall no || echo firewall yes
else echo firewall absent; fi
if [ -e /sys/fs/selinux/enforce ]; then
  [ "$(cat /sys/fs/selinux/enforce)" = 0 ] && echo selinux yes || echo selinux no
elif [ -e /etc/selinux/config ]; then
  grep -q '^SELINUX=disabled' /etc/selinux/config && echo selinux yes || echo selinux no
else echo selinux absent; fi
if command -v yum >/dev/null; then
  yum -q check-update >/dev/null 2>&1 && echo updates yes || echo updates no
else echo updates absent; fi
if ls /etc/sysconfig/network-scripts/ifcfg-* >/dev/null 2>&1; then
  grep -qi '^IPADDR' /etc/sysconfig/network-scripts/ifcfg-* && echo address no || echo address yes
else echo address absent; fi
`;
const READ_MS = 60_000;
const ITEMS = ["firewall", "selinux", "updates", "address"] as const;
type Answer = "yes" | "no" | "absent" | "unknown";
const MARKS: Record<Answer, string> = { yes: "✓", no: "✗", absent: "–", unknown: "?" };

@customElement("rs-template-options")
export class TemplateOptions extends RingsideElement {
  static override styles = [
    sharedStyles,
    formStyles,
    css`
      li {
        display: grid;
        grid-template-columns: 20px 1fr auto;
        gap: 8px;
        padding-block: 3px;
        border-block-end: 1px solid var(--rs-line);
      }
      .yes {
        color: var(--rs-success);
      }
      .no {
        color: var(--rs-danger);
      }
    `,
  ];

  @property({ attribute: "machine-id" }) machineId = "";
  @state() private answers: Partial<Record<string, Answer>> = {};
  @state() private reading = false;
  @state() private failure?: Sentence;

  private async read(): Promise<void> {
    const { session } = laboratory.find(this.machineId) ?? {};
    if (!session) return;
    this.reading = true;
    this.failure = undefined;
    try {
      const { stdout } = await session.machine.agent.run(READ, { timeoutMs: READ_MS });
      const lines = new TextDecoder().decode(stdout).matchAll(/^(\w+) (yes|no|absent)$/gm);
      this.answers = Object.fromEntries([...lines].map(([, item, answer]) => [item, answer as Answer]));
    } catch (error) {
      this.failure = sentenceFor(error, "", 0);
    } finally {
      this.reading = false;
    }
  }

  private async set(isTemplate: boolean): Promise<void> {
    this.failure = undefined;
    try {
      const { clones } = await laboratory.machineStorage();
      await clones.setTemplate(this.machineId, isTemplate);
    } catch (error) {
      this.failure = sentenceFor(error, laboratory.find(this.machineId)?.name ?? "", 0);
      this.requestUpdate();
    }
  }

  protected override render() {
    const { template: m } = this.m.storage;
    const machine = laboratory.find(this.machineId);
    if (!machine) return nothing;
    const tree = treeOf(machine.id);
    const hasSnapshot = (tree?.roots.length ?? 0) > 0;
    const isTemplate = machine.isTemplate === true;
    const reason = isTemplate
      ? ""
      : machine.state !== "off"
        ? m.needsOff
        : hasSnapshot
          ? ""
          : m.needsSnapshot;
    const lines: [keyof typeof m.items, Answer][] = [
      ...ITEMS.map((item): [typeof item, Answer] => [item, this.answers[item] ?? "unknown"]),
      ["snapshot", tree === undefined ? "unknown" : hasSnapshot ? "yes" : "no"],
    ];
    const cannotRead = machine.session?.agentReady ? "" : m.checkNeedsGuest;
    return html`<div class="form">
      <label class="choice"
        ><input
          class="template"
          type="checkbox"
          .checked=${isTemplate}
          aria-disabled=${reason !== ""}
          @click=${(event: Event) => {
            // What the model has decides what is ticked.
            event.preventDefault();
            if (reason === "") void this.set(!isTemplate);
          }}
        /><span>${m.mode}</span><span class="hint">${reason || m.hint}</span></label
      >
      ${this.failure ? html`<p class="bad" role="alert">${this.failure(this.m)}</p>` : nothing}
      <h3>${m.checklist}</h3>
      <ul>
        ${lines.map(
          ([item, answer]) =>
            html`<li class=${item}>
              <span class=${answer} aria-hidden="true">${MARKS[answer]}</span><span>${m.items[item]}</span
              ><span class="quiet">${m.answers[answer]}</span>
            </li>`,
        )}
      </ul>
      <p class="hint">${m.checkHint}</p>
      <div>
        <rs-action
          class="read"
          look="outlined"
          label=${this.reading ? m.checking : m.check}
          reason=${this.reading ? m.checking : cannotRead}
          @rs-press=${() => void this.read()}
        ></rs-action>
      </div>
    </div>`;
  }
}
