import { css } from "lit";

export const styles = css`
  :host {
    position: relative;
    display: block;
    overflow: auto;
    background: var(--rs-surface);
  }
  svg {
    display: block;
    margin-inline: auto;
  }
  text {
    fill: var(--rs-text);
    font-size: 12.5px;
    text-anchor: middle;
  }
  text.quiet {
    fill: var(--rs-text-quiet);
    font-size: 11.5px;
  }
  g[role="button"] {
    cursor: pointer;
    outline: none;
  }
  .box {
    fill: var(--rs-surface);
    stroke: var(--rs-line-strong);
  }
  .switch .box {
    fill: var(--rs-surface-quiet);
    stroke: var(--rs-place-hardware);
  }
  .gateway .box,
  .router .box,
  .host .box {
    stroke: var(--rs-place-host);
  }
  .machine .box {
    stroke: var(--rs-off);
    stroke-dasharray: 4 3;
  }
  .machine.running .box {
    stroke: var(--rs-running);
    stroke-dasharray: none;
  }
  .internet .box {
    fill: var(--rs-info-quiet);
    stroke: var(--rs-accent);
  }
  g:focus-visible .box,
  g.chosen .box {
    stroke: var(--rs-focus);
    stroke-width: 3;
    stroke-dasharray: none;
  }
  .wire {
    fill: none;
    stroke: var(--rs-line-strong);
    stroke-width: 1.5;
  }
  .up .wire {
    stroke: var(--rs-running);
    stroke-width: 2;
  }
  .busy .wire {
    stroke-width: 4;
  }
  .down .wire {
    stroke: var(--rs-danger);
    stroke-dasharray: 5 4;
  }
  .off .wire,
  .loose .wire {
    stroke-dasharray: 2 4;
  }
  .wan .wire {
    stroke: var(--rs-accent);
    stroke-dasharray: 8 3;
  }
  .reach {
    fill: none;
    stroke: transparent;
    stroke-width: 16;
  }
  .link:hover .wire,
  .link:focus-visible .wire {
    stroke: var(--rs-focus);
    stroke-width: 4;
    stroke-dasharray: none;
  }
  .plate {
    fill: var(--rs-surface);
    stroke: var(--rs-line);
  }
  .faulty .plate {
    fill: var(--rs-warning-quiet);
    stroke: var(--rs-warning);
  }
  .plug {
    fill: var(--rs-surface);
    stroke: var(--rs-accent);
    stroke-width: 2;
    cursor: grab;
  }
  .drag {
    stroke: var(--rs-focus);
    stroke-width: 3;
    stroke-dasharray: 6 4;
    pointer-events: none;
  }
  .target .box {
    stroke: var(--rs-focus);
    stroke-width: 3;
  }
  .frame .box {
    fill: var(--rs-warning-quiet);
    stroke: var(--rs-place-hypervisor);
    stroke-width: 2;
  }
  .frame {
    pointer-events: none;
  }
`;
