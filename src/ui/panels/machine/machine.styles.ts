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
  }
  .tools {
    padding: 2px 8px;
    border-block-end: 1px solid var(--rs-line);
    background: var(--rs-surface);
  }
  .ended {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 10px;
    padding: 5px 12px;
    border-block-end: 1px solid var(--rs-line);
    background: var(--rs-warning-quiet);
  }
  .ended p {
    flex: 1;
    min-inline-size: min(300px, 100%);
  }
  .consoles {
    min-inline-size: 0;
  }
  .doing {
    flex: 1;
    padding-inline: 8px;
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
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
  rs-summary {
    flex: 1;
    min-block-size: 0;
  }
`;
