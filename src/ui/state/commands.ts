/** Every action of the page once: menus, toolbar and command palette all draw from this list. */
import type { MachineAction } from "../../hypervisor-model/virtual-machines/lifecycle.ts";
import type { IconName } from "../components/icon/icon-names.ts";
import { language, type Messages } from "../i18n/messages.ts";
import { laboratory } from "./laboratory.ts";
import { whyNot } from "./availability.ts";
import { closeTab, type MachineView } from "./machines.ts";
import {
  libraryShown,
  logExpanded,
  setLanguage,
  setTheme,
  theme,
  toggleLibrary,
  toggleLog,
} from "./preferences.ts";
import { go, route } from "./route.ts";
import { machineNamed } from "./machines.ts";
import { chosenSnapshot } from "./storage.ts";
import { signal } from "./signals.ts";

export type DialogName =
  "wizard" | "settings" | "rename" | "remove" | "powerOff" | "reset" | "palette" | "help" | StorageDialog;
export type StorageDialog = "snapshot" | "revert" | "deleteSnapshot" | "deleteSnapshots" | "clone";
export const dialog = signal<DialogName | undefined>(undefined);
/** Files of the user that were dropped on the page and that the wizard has not taken yet. */
export const droppedFiles = signal<readonly File[]>([]);

export type CommandMenu = "file" | "machine" | "view" | "help";

export interface Command {
  id: string;
  menu: CommandMenu;
  icon?: IconName;
  label: (m: Messages) => string;
  /** Empty when it can be done now, with the machine that is chosen or the one given. */
  reason: (m: Messages, machine?: MachineView) => string;
  /** VMware's, where the browser does not need them itself. */
  keys?: string;
  run: () => void;
}

export function chosenMachine(): MachineView | undefined {
  const at = route.get();
  if (at.type === "machine") return laboratory.find(at.id);
  if (at.type !== "workspace") return undefined;
  if (at.name === "storage") return laboratory.find(at.rest[0]);
  return at.name === "cpu" ? machineNamed(at.rest[0]) : undefined;
}

function openRevert(): void {
  chosenSnapshot.set(undefined);
  dialog.set("revert");
}

function openClone(): void {
  chosenSnapshot.set(undefined);
  dialog.set("clone");
}

const always = () => "";

function forMachine(
  id: string,
  action: MachineAction,
  icon: IconName | undefined,
  label: Command["label"],
  run: (id: string) => void,
  keys?: string,
): Command {
  return {
    id,
    menu: "machine",
    icon,
    label,
    keys,
    reason: (m, machine = chosenMachine()) => whyNot(m, machine, action),
    run: () => {
      const machine = chosenMachine();
      if (machine) run(machine.id);
    },
  };
}

export const commands: Command[] = [
  {
    id: "new",
    menu: "file",
    icon: "plus",
    label: (m) => m.command.newMachine,
    reason: always,
    run: () => dialog.set("wizard"),
  },
  {
    id: "start-linux",
    menu: "file",
    icon: "play",
    label: (m) => m.command.startLinux,
    reason: always,
    run: () => void laboratory.create({}, true),
  },
  {
    id: "close-tab",
    menu: "file",
    icon: "x",
    label: (m) => m.command.closeTab,
    reason: (m) => (route.get().type === "machine" ? "" : m.reason.homeOnly),
    run: () => {
      const at = route.get();
      if (at.type === "machine") closeTab(at.id);
    },
  },
  forMachine(
    "power-on",
    "power-on",
    "play",
    (m) => m.command.powerOn,
    (id) => void laboratory.powerOn(id),
    "Ctrl+B",
  ),
  forMachine(
    "boot-cold",
    "boot-cold",
    "power",
    (m) => m.command.bootCold,
    (id) => void laboratory.powerOn(id, "cold"),
  ),
  forMachine(
    "suspend",
    "suspend",
    "pause",
    (m) => m.command.suspend,
    (id) => void laboratory.suspend(id),
  ),
  forMachine(
    "resume",
    "resume",
    "play",
    (m) => m.command.resume,
    (id) => void laboratory.resume(id),
  ),
  forMachine(
    "reset",
    "reset",
    "refresh",
    (m) => m.command.reset,
    () => dialog.set("reset"),
  ),
  forMachine(
    "shut-down",
    "shut-down",
    "power",
    (m) => m.command.shutDownGuest,
    (id) => void laboratory.shutDown(id),
  ),
  forMachine(
    "power-off",
    "power-off",
    "square",
    (m) => m.command.powerOff,
    () => dialog.set("powerOff"),
    "Ctrl+E",
  ),
  forMachine(
    "ctrl-alt-del",
    "send-keys",
    "keyboard",
    (m) => m.command.ctrlAltDel,
    (id) => void laboratory.sendCtrlAltDel(id),
  ),
  forMachine(
    "snapshot",
    "snapshot",
    "camera",
    (m) => m.storage.command.take,
    () => dialog.set("snapshot"),
  ),
  forMachine(
    "revert",
    "revert",
    "undo",
    (m) => m.storage.command.revert,
    () => openRevert(),
  ),
  forMachine(
    "snapshot-manager",
    "rename",
    "git-branch",
    (m) => m.storage.command.manage,
    (id) => go({ type: "workspace", name: "storage", rest: [id] }),
    "Ctrl+M",
  ),
  forMachine(
    "clone",
    "rename",
    "copy",
    (m) => m.storage.command.clone,
    () => openClone(),
  ),
  forMachine(
    "settings",
    "change-media",
    "settings",
    (m) => m.command.settings,
    () => dialog.set("settings"),
    "Ctrl+D",
  ),
  forMachine(
    "rename",
    "rename",
    "pencil",
    (m) => m.command.rename,
    () => dialog.set("rename"),
  ),
  forMachine(
    "duplicate",
    "duplicate",
    "copy",
    (m) => m.command.duplicate,
    (id) => void laboratory.duplicate(id),
  ),
  forMachine(
    "remove",
    "delete",
    "trash",
    (m) => m.command.remove,
    () => dialog.set("remove"),
  ),
  {
    id: "home",
    menu: "view",
    icon: "house",
    label: (m) => m.command.home,
    reason: always,
    run: () => go({ type: "home" }),
  },
  {
    id: "full-screen",
    menu: "view",
    icon: "maximize",
    label: (m) => m.command.fullScreen,
    reason: (m) => (chosenMachine()?.session ? "" : m.reason.noConsole),
    run: () => dispatchEvent(new CustomEvent("rs-full-screen")),
  },
  {
    id: "library",
    menu: "view",
    icon: "panel-left",
    label: (m) => m.command.toggleLibrary,
    reason: always,
    run: toggleLibrary,
  },
  {
    id: "log",
    menu: "view",
    icon: "file-text",
    label: (m) => m.command.toggleLog,
    reason: always,
    run: toggleLog,
  },
  {
    id: "theme",
    menu: "view",
    icon: "contrast",
    label: (m) => (theme.get() === "dark" ? m.theme.toLight : m.theme.toDark),
    reason: always,
    run: () => setTheme(theme.get() === "dark" ? "light" : "dark"),
  },
  {
    id: "language",
    menu: "view",
    icon: "languages",
    label: (m) => m.language.switchTo,
    reason: always,
    run: () => setLanguage(language.get() === "en" ? "zh-CN" : "en"),
  },
  {
    id: "palette",
    menu: "help",
    icon: "search",
    label: (m) => m.command.palette,
    reason: always,
    keys: "Ctrl+Shift+P",
    run: () => dialog.set("palette"),
  },
  {
    id: "help",
    menu: "help",
    icon: "circle-help",
    label: (m) => m.command.keys,
    reason: always,
    keys: "F1",
    run: () => dialog.set("help"),
  },
];

/** Commands of parts that are not known here, such as the workspaces. */
export function addCommands(more: readonly Command[]): void {
  commands.push(...more);
}

/** The command that these keys mean, such as Ctrl+Shift+P. */
export function commandOfKeys(event: KeyboardEvent): Command | undefined {
  if (event.altKey || event.metaKey) return undefined;
  const key = event.code.startsWith("Key") ? event.code.slice(3) : event.key;
  const pressed = `${event.ctrlKey ? "Ctrl+" : ""}${event.shiftKey ? "Shift+" : ""}${key}`;
  return commands.find(({ keys }) => keys === pressed);
}

export function command(id: string): Command {
  const found = commands.find((entry) => entry.id === id);
  if (!found) throw new Error(`no command "${id}"`);
  return found;
}

export const shown = { library: libraryShown, log: logExpanded };
