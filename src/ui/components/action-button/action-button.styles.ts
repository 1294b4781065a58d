import { css } from "lit";

export const styles = css`
  :host {
    display: inline-flex;
  }
  button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    min-block-size: 30px;
    min-inline-size: 30px;
    padding: 2px 7px;
    border: 1px solid transparent;
    border-radius: 4px;
    background: none;
    font: inherit;
    color: var(--rs-text);
    cursor: pointer;
    white-space: nowrap;
  }
  button:hover {
    background: var(--rs-hover);
  }
  :host([look="outlined"]) button {
    padding-inline: 12px;
    border-color: var(--rs-line-strong);
    background: var(--rs-surface);
  }
  :host([look="outlined"]) button:hover {
    background: var(--rs-hover);
  }
  :host([look="primary"]) button {
    padding-inline: 14px;
    background: var(--rs-accent);
    color: var(--rs-on-accent);
  }
  :host([look="primary"]) button:hover {
    background: var(--rs-accent-hover);
  }
  :host([look="danger"]) button {
    padding-inline: 12px;
    border-color: var(--rs-danger);
    color: var(--rs-danger);
    background: var(--rs-surface);
  }
  :host([look="danger"]) button:hover {
    background: var(--rs-danger-quiet);
  }
  :host([look="link"]) button {
    justify-content: flex-start;
    gap: 10px;
    padding-inline: 6px;
    color: var(--rs-accent);
    white-space: normal;
    text-align: start;
  }
  :host([look="link"]) button:hover {
    background: none;
    text-decoration: underline;
  }
  button[aria-pressed="true"] {
    background: var(--rs-surface-active);
  }
  button[aria-disabled="true"],
  :host([look]) button[aria-disabled="true"] {
    color: var(--rs-text-quiet);
    background: none;
    border-color: transparent;
    cursor: not-allowed;
    text-decoration: none;
  }
  :host([look]:not([look="link"])) button[aria-disabled="true"] {
    border-color: var(--rs-line);
  }
  button[aria-disabled="true"] rs-icon {
    opacity: 0.55;
  }
`;
