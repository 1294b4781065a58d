import { css } from "lit";

export const styles = css`
  :host {
    position: relative;
    display: block;
    padding: 20px 28px;
    overflow: auto;
  }
  h1 {
    font-size: var(--rs-text-title);
  }
  .elsewhere {
    margin-block: 8px;
    padding: 8px 12px;
    border-inline-start: 3px solid var(--rs-warning);
    background: var(--rs-warning-quiet);
  }
  .cost {
    padding-inline-start: 32px;
  }
  .links {
    display: flex;
    flex-direction: column;
    align-items: flex-start;
    margin-block: 12px 20px;
  }
  .columns {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr));
    gap: 28px;
    max-inline-size: 1000px;
  }
  dl {
    margin-block: 6px 16px;
  }
  dl > div {
    display: grid;
    grid-template-columns: 160px 1fr;
    gap: 12px;
    padding-block: 5px;
    border-block-end: 1px solid var(--rs-line);
  }
  dt {
    display: flex;
    align-items: center;
    gap: 8px;
    color: var(--rs-text-quiet);
  }
  dd {
    overflow-wrap: anywhere;
  }
  textarea {
    inline-size: 100%;
    margin-block: 6px 16px;
    padding: 6px 8px;
    border: 1px solid var(--rs-line-strong);
    border-radius: 4px;
    background: var(--rs-surface);
    color: var(--rs-text);
    font: inherit;
  }
  textarea::placeholder {
    color: var(--rs-text-quiet);
    opacity: 1;
  }
`;
