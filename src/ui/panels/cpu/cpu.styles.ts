import { css } from "lit";

export const styles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    min-inline-size: 0;
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 2px 6px;
    padding: 2px 12px;
    border-block-end: 1px solid var(--rs-line);
    background: var(--rs-surface);
  }
  nav {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 6px;
  }
  nav a.plain {
    color: var(--rs-text);
    text-decoration: none;
  }
  nav a[aria-current] {
    background: var(--rs-surface-active);
  }
  .row select {
    max-inline-size: 190px;
  }
  .space {
    flex: 1;
  }
  .mode {
    gap: 4px 16px;
    min-block-size: 30px;
    border-inline-start: 6px solid var(--place, var(--rs-line));
    font-size: var(--rs-text-small);
  }
  p.row {
    padding-block: 0;
  }
  .place {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    color: var(--place);
    font-weight: 600;
  }
  .place b {
    display: inline-grid;
    place-items: center;
    inline-size: 18px;
    block-size: 18px;
    background: var(--place);
    color: var(--rs-surface);
    font-size: 11px;
  }
  .place.user b {
    border-radius: 50%;
  }
  .user {
    --place: var(--rs-place-user);
  }
  .kernel {
    --place: var(--rs-place-kernel);
  }
  .badge {
    flex: none;
    padding: 0 8px;
    border: 1px solid var(--rs-line-strong);
    border-radius: 10px;
    color: var(--rs-text-quiet);
  }
  .note {
    color: var(--rs-danger);
  }
  .timeline {
    gap: 2px 10px;
    min-block-size: 30px;
    font-size: var(--rs-text-small);
  }
  .timeline input {
    inline-size: 220px;
    accent-color: var(--rs-accent);
  }
  .timeline .count {
    min-inline-size: 120px;
  }
  .here {
    overflow: hidden;
    max-inline-size: 220px;
    color: var(--rs-accent);
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .speed {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    font-size: var(--rs-text-small);
  }
  .speed input {
    inline-size: 90px;
    accent-color: var(--rs-accent);
  }
  .speed output {
    min-inline-size: 92px;
  }
  .main {
    display: grid;
    flex: 1 1 300px;
    min-block-size: 200px;
    grid-template-columns: minmax(0, 1.25fr) minmax(260px, 0.75fr);
  }
  .main.bare {
    grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) minmax(250px, 0.62fr);
  }
  .main > * {
    min-block-size: 0;
    border-inline-end: 1px solid var(--rs-line);
  }
  .column {
    display: flex;
    flex-direction: column;
    min-inline-size: 0;
    background: var(--rs-surface);
  }
  .column > .row {
    flex: none;
  }
  .fill {
    flex: 1;
    min-block-size: 0;
  }
  .problems {
    flex: none;
    max-block-size: 110px;
    overflow: auto;
    padding: 4px 10px;
    border-block-start: 1px solid var(--rs-line);
    background: var(--rs-danger-quiet);
    font-size: var(--rs-text-small);
  }
  .problems button {
    color: var(--rs-danger);
  }
  .lower {
    display: flex;
    flex: 0 1 220px;
    flex-direction: column;
    min-block-size: 120px;
    border-block-start: 1px solid var(--rs-line);
    background: var(--rs-surface);
  }
  .lower > .fill {
    flex: 1;
    min-block-size: 0;
  }
  .tabs {
    padding-block: 0;
  }
  .tabs button[aria-selected="true"] {
    background: var(--rs-surface-active);
  }
  .empty {
    padding: 24px 32px;
  }
  @media (max-width: 1000px) {
    .main,
    .main.bare {
      grid-template-columns: minmax(0, 1fr);
      overflow: auto;
    }
    .main > * {
      max-block-size: 320px;
    }
  }
`;
