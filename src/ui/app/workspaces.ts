/**
 * The workspaces besides Home and the machines: each has a tab, a line in the View menu, an address `#/<name>/<rest…>`
 * and is loaded when it is first opened.
 */
import { html, type TemplateResult } from "lit";
import type { IconName } from "../components/icon/icon-names.ts";
import type { Messages } from "../i18n/messages.ts";
import { addCommands } from "../state/commands.ts";
import { go } from "../state/route.ts";

export interface Workspace {
  /** First part of its address. */
  name: string;
  icon: IconName;
  label(m: Messages): string;
  /** What Home says of it; a workspace without that is not on Home. */
  door?(m: Messages): string;
  /** Defines the elements that `view` draws. */
  load(): Promise<unknown>;
  /** `rest`: the parts of the address after the name. */
  view(rest: readonly string[]): TemplateResult;
}

export const WORKSPACES: readonly Workspace[] = [
  {
    name: "lab",
    icon: "book-open",
    label: (m) => m.labs.tab,
    door: (m) => m.labs.door,
    load: () => import("../panels/labs/labs.ts"),
    view: (rest) => html`<rs-labs .rest=${rest}></rs-labs>`,
  },
  {
    name: "network",
    icon: "network",
    label: (m) => m.networks.tab,
    door: (m) => m.home.networkText,
    load: () => import("../panels/network/network.ts"),
    view: (rest) => html`<rs-network .rest=${rest}></rs-network>`,
  },
  {
    name: "storage",
    icon: "hard-drive",
    label: (m) => m.storage.tab,
    door: (m) => m.storage.door,
    load: () => import("../panels/storage/storage.ts"),
    view: (rest) => html`<rs-storage .rest=${rest}></rs-storage>`,
  },
  {
    name: "cpu",
    icon: "cpu",
    label: (m) => m.cpu.tab,
    door: (m) => m.cpu.door,
    load: () => import("../panels/cpu/cpu.ts"),
    view: (rest) => html`<rs-cpu .rest=${rest}></rs-cpu>`,
  },
  {
    name: "architectures",
    icon: "layers",
    label: (m) => m.architectures.tab,
    door: (m) => m.architectures.door,
    load: () => import("../panels/architectures/architectures.ts"),
    view: (rest) => html`<rs-architectures .rest=${rest}></rs-architectures>`,
  },
];

export function findWorkspace(name: string): Workspace | undefined {
  return WORKSPACES.find((workspace) => workspace.name === name);
}

addCommands(
  WORKSPACES.map(({ name, icon, label }) => ({
    id: `workspace-${name}`,
    menu: "view",
    icon,
    label,
    reason: () => "",
    run: () => go({ type: "workspace", name, rest: [] }),
  })),
);
