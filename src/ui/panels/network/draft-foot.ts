/** The end of an editor of the networks: what is wrong, Apply and Cancel, and that another tab was quicker. */
import { html, nothing } from "lit";
import "../../components/action-button/action-button.ts";
import type { Messages } from "../../i18n/messages.ts";
import type { Draft } from "../../state/draft.ts";
import { NetworksOvertakenError } from "../../state/networks.ts";

export interface DraftFoot {
  draft: Draft<unknown>;
  /** Why it cannot be applied; empty when it can. */
  problem: string;
  apply: () => void;
  /** To be called after the draft has been thrown away. */
  cancelled: () => void;
  hint?: string;
}

export function draftFoot(m: Messages, { draft, problem, apply, cancelled, hint }: DraftFoot) {
  const { networks, common } = m;
  const { failure, changed } = draft;
  const unchanged = changed ? "" : networks.nothingChanged;
  const overtaken = draft.overtaken || failure instanceof NetworksOvertakenError;
  const reason = failure instanceof Error ? failure.message : String(failure ?? "");
  const cancel = () => {
    draft.reset();
    cancelled();
  };
  return html`${overtaken ? html`<p class="bad overtaken" role="alert">${networks.overtaken}</p>` : nothing}
    ${failure !== undefined && !overtaken ? html`<p class="bad" role="alert">${networks.notSaved(reason)}</p>` : nothing}
    <div class="row foot">
      <rs-action
        class="save"
        look="primary"
        label=${overtaken ? networks.applyMine : networks.apply}
        reason=${problem || unchanged}
        @rs-press=${apply}
      ></rs-action>
      <rs-action
        class="cancel"
        look="outlined"
        label=${overtaken ? networks.takeTheirs : common.cancel}
        reason=${unchanged}
        @rs-press=${cancel}
      ></rs-action>
      ${hint ? html`<span class="hint">${hint}</span>` : nothing}
    </div>`;
}
