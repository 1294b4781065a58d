import { css } from "lit";

export const styles = css`
  :host {
    display: block;
    overflow: auto;
    padding: 4px 12px 8px;
    background: var(--rs-surface);
  }
  h2 {
    font-size: var(--rs-text-size);
  }
  .tools {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 12px;
    min-block-size: 34px;
  }
  table {
    border-collapse: collapse;
    font: 12.5px / 1.45 var(--rs-mono);
    white-space: pre;
  }
  th {
    padding-inline-end: 20px;
    color: var(--rs-text-quiet);
    font: 600 var(--rs-text-small) var(--rs-font);
    text-align: start;
  }
  td {
    padding: 0 20px 0 0;
  }
  td.sans {
    font-family: var(--rs-font);
  }
  td:first-child {
    color: var(--rs-text-quiet);
  }
  tr.top td {
    font-weight: 600;
    color: var(--rs-text);
  }
  .walk {
    display: flex;
    flex-wrap: wrap;
    gap: 8px 28px;
    padding-block: 6px;
  }
  .level {
    position: relative;
    min-inline-size: 130px;
    padding: 6px 10px;
    border: 1px solid var(--rs-line-strong);
    border-radius: 4px;
    background: var(--rs-surface-quiet);
  }
  .level + .level::before {
    content: "→";
    position: absolute;
    inset-inline-start: -22px;
    inset-block-start: 30%;
    color: var(--rs-text-quiet);
  }
  .level.missing {
    border-color: var(--rs-danger);
    background: var(--rs-danger-quiet);
  }
  .level.end {
    border-style: dashed;
  }
  .devices {
    display: flex;
    flex-wrap: wrap;
    gap: 12px 32px;
  }
  .devices dl {
    display: grid;
    grid-template-columns: max-content max-content;
    gap: 0 14px;
    font: 12.5px / 1.45 var(--rs-mono);
  }
  .devices dt {
    color: var(--rs-text-quiet);
  }
  .columns {
    display: flex;
    flex-wrap: wrap;
    gap: 8px 48px;
  }
  .lines {
    font-size: 12.5px;
    line-height: 1.45;
  }
  .bars {
    display: grid;
    grid-template-columns: max-content 140px max-content;
    gap: 0 12px;
    font-size: 12.5px;
  }
  .bars li {
    display: contents;
  }
  .bar {
    align-self: center;
    block-size: 8px;
    background: var(--rs-surface-quiet);
  }
  .bar span {
    display: block;
    block-size: 100%;
    background: var(--rs-accent);
  }
  .points li {
    display: flex;
    align-items: center;
    gap: 14px;
  }
`;
