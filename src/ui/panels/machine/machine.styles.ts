import { css } from "lit";

export const styles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    background: var(--rs-page);
  }
  .consoles {
    display: flex;
    align-items: center;
    gap: 4px;
    padding: 2px 8px;
    border-block-end: 1px solid var(--rs-line);
    background: var(--rs-surface);
  }
  .doing {
    flex: 1;
    padding-inline: 8px;
  }
  .spinner {
    display: inline-block;
    inline-size: 11px;
    block-size: 11px;
    margin-inline-end: 6px;
    border: 2px solid var(--rs-line-strong);
    border-block-start-color: transparent;
    border-radius: 50%;
    vertical-align: -1px;
    animation: turn 1s linear infinite;
  }
  @keyframes turn {
    to {
      rotate: 360deg;
    }
  }
  progress {
    inline-size: 160px;
    accent-color: var(--rs-accent);
  }
  rs-serial-console,
  rs-screen-console,
  .summary {
    flex: 1;
    min-block-size: 0;
  }
  .summary {
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
    grid-template-columns: repeat(auto-fit, minmax(320px, 1fr));
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
