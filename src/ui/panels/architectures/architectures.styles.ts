import { css } from "lit";

export const architecturesStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    gap: 12px;
  }
  :host(rs-architectures) {
    block-size: 100%;
    overflow: auto;
    padding: 16px 20px 32px;
  }
  header {
    display: flex;
    flex-wrap: wrap;
    gap: 6px 14px;
    align-items: baseline;
  }
  nav {
    display: flex;
    gap: 6px;
    border-block-end: 1px solid var(--rs-line);
  }
  nav a {
    color: inherit;
    text-decoration: none;
    border-radius: 4px 4px 0 0;
  }
  nav a:hover {
    background: var(--rs-hover);
  }
  nav a[aria-current="page"] {
    box-shadow: inset 0 -2px var(--rs-accent);
    font-weight: 600;
  }
  .costs {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 24px;
  }
  .stacks {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(190px, 1fr));
    gap: 14px;
  }
  .stacks section {
    display: flex;
    flex-direction: column;
    gap: 8px;
    padding: 10px 12px;
    border: 1px solid var(--rs-line);
    border-radius: 6px;
    background: var(--rs-surface);
  }
  .layer {
    display: flex;
    justify-content: space-between;
    gap: 8px;
    margin-block-end: 3px;
    padding: 6px 8px;
    border: 1px solid var(--rs-line);
    border-inline-start: 4px solid var(--place);
    border-radius: 3px;
    background: var(--rs-surface-quiet);
  }
  .layer .quiet {
    white-space: nowrap;
  }
  .layer.user {
    --place: var(--rs-place-user);
  }
  .layer.kernel {
    --place: var(--rs-place-kernel);
  }
  .layer.hypervisor {
    --place: var(--rs-place-hypervisor);
  }
  .layer.host {
    --place: var(--rs-place-host);
  }
  .layer.hardware {
    --place: var(--rs-place-hardware);
  }
  .stacks dl > div {
    display: grid;
    grid-template-columns: 84px 1fr;
    gap: 8px;
  }
  .stacks dt {
    color: var(--rs-text-quiet);
  }
  ul.points {
    padding-inline-start: 20px;
    list-style: disc;
  }
  .far {
    color: var(--rs-danger);
    font-weight: 600;
  }
  .badge {
    padding: 0 8px;
    border: 1px solid var(--rs-line-strong);
    border-radius: 10px;
    color: var(--rs-text-quiet);
  }
  .choices {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(300px, 100%), 1fr));
    gap: 12px;
    align-items: stretch;
  }
  fieldset.list {
    max-block-size: 300px;
    overflow: auto;
    gap: 4px;
  }
  .prediction {
    display: grid;
    grid-template-columns: 1fr minmax(140px, auto);
    gap: 8px;
    align-items: center;
  }
  button.primary {
    border-color: var(--rs-accent);
    background: var(--rs-accent);
    color: var(--rs-on-accent);
    padding-inline: 18px;
  }
  button.primary:hover {
    background: var(--rs-accent-hover);
  }
  button.primary[aria-disabled="true"] {
    border-color: var(--rs-line-strong);
    background: none;
    color: var(--rs-text-quiet);
    cursor: default;
  }
  h1 {
    font-size: var(--rs-text-large);
    font-weight: 600;
  }
  .scroll {
    flex: none;
    overflow: auto;
    border: 1px solid var(--rs-line);
    border-radius: 6px;
    background: var(--rs-surface);
  }
  .events {
    max-block-size: 380px;
  }
  table {
    inline-size: 100%;
    border-collapse: collapse;
  }
  caption {
    padding: 6px 10px;
    font-weight: 600;
    text-align: start;
  }
  th {
    font-weight: 600;
    text-align: start;
  }
  thead th {
    background: var(--rs-surface-quiet);
  }
  .events thead th {
    position: sticky;
    inset-block-start: 0;
  }
  th,
  td {
    padding: 4px 10px;
    border-block-end: 1px solid var(--rs-line);
    vertical-align: top;
    text-align: start;
  }
  .number {
    text-align: end;
    font-variant-numeric: tabular-nums;
  }
  .cell {
    display: grid;
    inline-size: 100%;
    min-inline-size: 104px;
    gap: 3px;
    padding: 4px 6px;
    border: 1px solid transparent;
    border-radius: 4px;
    background: none;
    text-align: start;
    cursor: pointer;
  }
  .cell:hover {
    background: var(--rs-hover);
  }
  .cell[aria-pressed="true"] {
    border-color: var(--rs-accent);
    background: var(--rs-surface-active);
  }
  .bar {
    display: block;
    block-size: 6px;
    border-radius: 3px;
    background: var(--rs-hover);
  }
  .bar span {
    display: block;
    block-size: 100%;
    border-radius: 3px;
    background: var(--rs-place-hypervisor);
  }
  .verdict {
    display: block;
    color: var(--rs-text-quiet);
    font-size: var(--rs-text-small);
    font-weight: 400;
  }
  .verdict.right {
    color: var(--rs-success);
  }
  .verdict.wrong {
    color: var(--rs-danger);
  }
`;
