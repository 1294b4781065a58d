import { css } from "lit";

export const styles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    min-inline-size: 0;
  }
  .pages {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px;
    padding: 4px 12px;
    border-block-end: 1px solid var(--rs-line);
    background: var(--rs-surface);
  }
  .pages a.plain {
    color: var(--rs-text);
    text-decoration: none;
  }
  .pages a[aria-current] {
    background: var(--rs-surface-active);
  }
  .space {
    flex: 1;
  }
  .parts {
    padding-block: 1px;
    border-block-end: 0;
  }
  rs-capture.below {
    flex: 1 1 300px;
    overflow: hidden;
  }
  .drawing {
    flex: 0 1 auto;
    min-block-size: 140px;
    border-block-end: 1px solid var(--rs-line);
  }
  .drawing.short {
    max-block-size: 220px;
  }
  .below {
    flex: 1 1 160px;
    min-block-size: 120px;
    overflow: auto;
  }
`;
