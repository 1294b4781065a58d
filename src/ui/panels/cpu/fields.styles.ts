import { css } from "lit";

/** Small text fields, selections and buttons beside them. */
export const fields = css`
  input:not([type="checkbox"], [type="range"]),
  select {
    min-block-size: 26px;
    padding: 1px 6px;
    border: 1px solid var(--rs-line-strong);
    border-radius: 4px;
    background: var(--rs-surface);
    color: var(--rs-text);
    font: inherit;
  }
  input.mono {
    font: 12.5px var(--rs-mono);
  }
  button.bordered {
    border-color: var(--rs-line-strong);
  }
`;
