import { css } from "lit";

export const styles = css`
  :host {
    display: flex;
    flex-direction: column;
    block-size: 100%;
  }
  header {
    display: flex;
    align-items: center;
    gap: 4px;
    min-block-size: var(--rs-header);
    padding-inline: 12px;
    border-block-end: 1px solid var(--rs-line);
    background: var(--rs-surface);
  }
  .brand {
    padding-inline-end: 8px;
    color: var(--rs-accent);
    font-size: var(--rs-text-large);
  }
  .space {
    flex: 1;
  }
  .tools {
    display: flex;
    align-items: center;
  }
  .separator {
    inline-size: 1px;
    block-size: 20px;
    margin-inline: 6px;
    background: var(--rs-line);
  }
  .middle {
    display: flex;
    flex: 1;
    min-block-size: 0;
  }
  aside {
    display: flex;
    inline-size: 230px;
    border-inline-end: 1px solid var(--rs-line);
  }
  rs-library {
    flex: 1;
    min-inline-size: 0;
  }
  main {
    display: flex;
    flex: 1;
    flex-direction: column;
    min-inline-size: 0;
  }
  .tabs {
    display: flex;
    overflow-x: auto;
    padding-inline: 6px;
    border-block-end: 1px solid var(--rs-line);
    background: var(--rs-surface-quiet);
  }
  .tab {
    display: flex;
    align-items: center;
    border-block-end: 2px solid transparent;
  }
  .tab[data-current] {
    border-color: var(--rs-accent);
    background: var(--rs-surface);
  }
  .tab a {
    display: flex;
    align-items: center;
    gap: 6px;
    padding: 6px 8px;
    color: var(--rs-text);
    text-decoration: none;
    white-space: nowrap;
  }
  .workspace {
    display: flex;
    flex: 1;
    min-block-size: 0;
  }
  .workspace > * {
    position: relative;
    flex: 1;
    min-inline-size: 0;
  }
  .notice {
    display: flex;
    align-items: center;
    gap: 10px;
    padding: 6px 12px;
    border-block-end: 1px solid var(--rs-line);
    background: var(--rs-info-quiet);
  }
  .notice p {
    flex: 1;
  }
  .notice.warning {
    background: var(--rs-warning-quiet);
  }
  .notice.danger {
    background: var(--rs-danger-quiet);
  }
  .empty {
    display: flex;
    flex-direction: column;
    align-items: flex-start;
    gap: 12px;
    padding: 32px;
  }
  h1 {
    font-size: var(--rs-text-title);
  }
  .tab .state {
    color: var(--rs-off);
    font-size: 0.8em;
  }
  .tab .state.running {
    color: var(--rs-running);
  }
  .tab .state:is(.suspended, .paused) {
    color: var(--rs-paused);
  }
  .bottom {
    display: flex;
    flex-direction: column;
  }
  .notices {
    max-block-size: 40%;
    overflow: auto;
  }
  @media (max-width: 700px) {
    header {
      flex-wrap: wrap;
    }
    .brand {
      display: none;
    }
    aside {
      inline-size: min(230px, 45vw);
    }
  }
  /* At 200 % zoom of a small screen the console needs the room: what stands in rows elsewhere shares one. */
  @media (max-height: 520px) {
    header {
      min-block-size: 36px;
    }
    .tab a {
      padding-block: 3px;
    }
    .bottom {
      flex-direction: row;
      align-items: stretch;
      border-block-start: 1px solid var(--rs-line);
    }
    rs-task-log {
      flex: 1;
      min-inline-size: 0;
    }
    rs-status-line {
      max-inline-size: 55%;
    }
  }
`;
