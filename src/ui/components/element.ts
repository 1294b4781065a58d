/** What every component of the page builds on: Lit, drawn again when a signal it read changes, and the texts. */
import { LitElement } from "lit";
import { messages, type Messages } from "../i18n/messages.ts";
import { SignalWatcher } from "../state/signals.ts";

export class RingsideElement extends SignalWatcher(LitElement) {
  /** Texts in the language of the moment. */
  protected get m(): Messages {
    return messages();
  }

  protected emit<T>(type: string, detail?: T): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}
