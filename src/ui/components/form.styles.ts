/** Fields of wizard and settings: label above, control, hint below. */
import { css } from "lit";

export const formStyles = css`
  .form {
    display: flex;
    flex-direction: column;
    gap: 14px;
  }
  label.field {
    display: flex;
    flex-direction: column;
    gap: 4px;
  }
  fieldset {
    display: flex;
    flex-direction: column;
    gap: 8px;
    margin: 0;
    padding: 10px 12px;
    border: 1px solid var(--rs-line);
    border-radius: 6px;
  }
  legend {
    padding-inline: 4px;
    font-weight: 600;
  }
  label.choice {
    display: grid;
    grid-template-columns: auto 1fr;
    gap: 2px 8px;
    align-items: baseline;
  }
  label.choice .hint {
    grid-column: 2;
  }
  .hint {
    color: var(--rs-text-quiet);
    font-size: var(--rs-text-small);
  }
  .bad {
    color: var(--rs-danger);
    font-size: var(--rs-text-small);
  }
  input:not([type="radio"], [type="checkbox"]),
  select {
    padding: 5px 8px;
    border: 1px solid var(--rs-line-strong);
    border-radius: 4px;
    background: var(--rs-surface);
    color: var(--rs-text);
    font: inherit;
  }
  input[aria-disabled="true"] {
    color: var(--rs-text-quiet);
    background: var(--rs-surface-quiet);
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px;
  }
`;
