/** Tables of the Network workspace. */
import { css } from "lit";

export const tableStyles = css`
  table {
    inline-size: 100%;
    border-collapse: collapse;
  }
  th {
    position: sticky;
    inset-block-start: 0;
    background: var(--rs-surface-quiet);
    font-weight: 600;
    white-space: nowrap;
  }
  th,
  td {
    padding: 3px 10px;
    border-block-end: 1px solid var(--rs-line);
    text-align: start;
    vertical-align: middle;
  }
  .number {
    text-align: end;
    font-variant-numeric: tabular-nums;
  }
  tr[data-chosen] td {
    background: var(--rs-surface-active);
  }
  .state.up {
    color: var(--rs-running);
  }
  .state.down {
    color: var(--rs-danger);
  }
`;
