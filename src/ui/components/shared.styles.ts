/** Styles that several components share: text buttons, icon buttons, hidden text, fields. */
import { css } from "lit";

export const sharedStyles = css`
  :host {
    box-sizing: border-box;
  }
  *,
  *::before,
  *::after {
    box-sizing: inherit;
  }
  :focus-visible {
    outline: 2px solid var(--rs-focus);
    outline-offset: 1px;
  }
  .visually-hidden {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  h1,
  h2,
  h3,
  p,
  ul,
  ol,
  dl,
  dd {
    margin: 0;
    padding: 0;
  }
  ul,
  ol {
    list-style: none;
  }
  h2 {
    font-size: var(--rs-text-large);
    font-weight: 600;
  }
  h3 {
    font-size: var(--rs-text-size);
    font-weight: 600;
  }
  a {
    color: var(--rs-accent);
  }
  .quiet {
    color: var(--rs-text-quiet);
  }
  .small {
    font-size: var(--rs-text-small);
  }
  code,
  kbd,
  .mono {
    font-family: var(--rs-mono);
    font-size: 0.95em;
  }
  kbd {
    padding: 1px 5px;
    border: 1px solid var(--rs-line-strong);
    border-radius: 3px;
    background: var(--rs-surface-quiet);
    white-space: nowrap;
  }
  button {
    font: inherit;
    color: inherit;
  }
  button.plain,
  a.plain {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    min-block-size: 28px;
    padding: 2px 8px;
    border: 1px solid transparent;
    border-radius: 4px;
    background: none;
    cursor: pointer;
  }
  button.plain:hover {
    background: var(--rs-hover);
  }
  button.plain[aria-pressed="true"] {
    background: var(--rs-surface-active);
  }
  button.link {
    display: inline-flex;
    align-items: center;
    gap: 8px;
    padding: 2px 4px;
    border: 0;
    background: none;
    color: var(--rs-accent);
    cursor: pointer;
    text-align: start;
  }
  button.link:hover {
    text-decoration: underline;
  }
  @media print {
    .chrome {
      display: none !important;
    }
  }
`;
