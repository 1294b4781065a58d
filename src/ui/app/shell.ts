/** The frame of the page: menu and toolbar, library, tabs, workspace, task log, status line. */
import { html, nothing } from "lit";
import { customElement, state } from "lit/decorators.js";
import "../components/action-button/action-button.ts";
import { RingsideElement } from "../components/element.ts";
import "../components/icon/icon.ts";
import "../components/library-tree/library-tree.ts";
import "../components/menu-bar/menu-bar.ts";
import { sharedStyles } from "../components/shared.styles.ts";
import "../components/task-log/task-log.ts";
import "../panels/dialogs/dialogs.ts";
import "../panels/home/home.ts";
import "../panels/machine/machine.ts";
import { chosenMachine, command, commandOfKeys, dialog, droppedFiles } from "../state/commands.ts";
import { laboratory } from "../state/laboratory.ts";
import { startCost } from "../state/availability.ts";
import { beside } from "../state/beside.ts";
import { openTab, closeTab, openTabs } from "../state/machines.ts";
import { notices, dismiss, type Notice } from "../state/notices.ts";
import { libraryShown } from "../state/preferences.ts";
import { stateMark, stateName } from "../state/state-name.ts";
import { go, hashOf, route } from "../state/route.ts";
import { styles } from "./shell.styles.ts";
import "./status-line.ts";
import "./storage-work.ts";
import { findWorkspace, WORKSPACES, type Workspace } from "./workspaces.ts";

const TOOLS = [
  "power-on",
  "suspend",
  "resume",
  "reset",
  "shut-down",
  "power-off",
  "|",
  "snapshot",
  "revert",
  "snapshot-manager",
  "|",
  "ctrl-alt-del",
  "full-screen",
];

@customElement("rs-shell")
export class Shell extends RingsideElement {
  static override styles = [sharedStyles, styles];

  /** Workspaces whose code is here, or could not be got. */
  @state() private loaded: ReadonlyMap<string, "ready" | "failed"> = new Map();
  readonly #loading = new Set<string>();

  override connectedCallback(): void {
    super.connectedCallback();
    addEventListener("keydown", this.onKey);
    addEventListener("dragover", this.onDragOver);
    addEventListener("drop", this.onDrop);
  }

  /** Left to the browser, a file that is dropped would take the page's place, and its machines would be gone. */
  private onDragOver = (event: DragEvent): void => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  };

  private onDrop = (event: DragEvent): void => {
    const files = [...(event.dataTransfer?.files ?? [])];
    if (event.defaultPrevented || files.length === 0) return;
    event.preventDefault();
    if (dialog.get() !== undefined && dialog.get() !== "wizard") return;
    droppedFiles.set(files);
    dialog.set("wizard");
  };

  private onKey = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    const found = commandOfKeys(event);
    // In a console and in a field Ctrl and a letter are the guest's or the text's.
    const isPlain = found?.id !== "help" && found?.id !== "palette";
    if (!found || (isPlain && (dialog.get() !== undefined || isTyping(event)))) return;
    event.preventDefault();
    if (found.reason(this.m) === "") found.run();
  };

  private tool(id: string) {
    if (id === "|") return html`<span class="separator"></span>`;
    const { icon, label, reason, run, keys } = command(id);
    return html`<rs-action
      data-command=${id}
      icon-only
      icon=${icon ?? "info"}
      label=${label(this.m)}
      reason=${reason(this.m)}
      hint=${[keys, id === "power-on" ? startCost(this.m, chosenMachine()) : ""].filter(Boolean).join(" · ")}
      @rs-press=${run}
    ></rs-action>`;
  }

  private header() {
    // One triangle: what it starts depends on whether there is a state to go on from.
    const hidden = chosenMachine()?.state === "suspended" ? "power-on" : "resume";
    const looks = ["language", "theme"].map((id) => this.tool(id));
    return html`<header class="chrome">
      <strong class="brand">${this.m.app.name}</strong>
      <rs-menu-bar></rs-menu-bar>
      <span class="space"></span>
      <div class="tools" role="toolbar" aria-label=${this.m.menu.power}>
        ${TOOLS.filter((id) => id !== hidden).map((id) => this.tool(id))}
      </div>
      <span class="separator"></span>
      ${looks}
    </header>`;
  }

  private tabs() {
    const at = route.get();
    const open = openTabs.get();
    const ids = at.type === "machine" && !open.includes(at.id) ? [...open, at.id] : open;
    return html`<nav class="tabs chrome" aria-label=${this.m.tabs.label}>
      <span class="tab" ?data-current=${at.type === "home"}>
        <a href=${hashOf({ type: "home" })} aria-current=${at.type === "home" ? "page" : nothing}>
          <rs-icon name="house"></rs-icon>${this.m.tabs.home}
        </a>
      </span>
      ${WORKSPACES.map(({ name, icon, label }) => {
        const current = at.type === "workspace" && at.name === name;
        return html`<span class="tab" ?data-current=${current}>
          <a href=${hashOf({ type: "workspace", name, rest: [] })} aria-current=${current ? "page" : nothing}>
            <rs-icon name=${icon}></rs-icon>${label(this.m)}
          </a>
        </span>`;
      })}
      ${ids.map((id) => {
        const machine = laboratory.find(id);
        if (!machine) return nothing;
        const current = at.type === "machine" && at.id === id;
        return html`<span class="tab" ?data-current=${current}>
          <a href=${hashOf({ type: "machine", id })} aria-current=${current ? "page" : nothing}>
            <span class="state ${machine.state}" title=${stateName(this.m, machine)} aria-hidden="true"
              >${stateMark(machine)}</span
            >${machine.name}
          </a>
          <rs-action
            icon="x"
            icon-only
            label=${this.m.tabs.close(machine.name)}
            @rs-press=${() => closeTab(id)}
          ></rs-action>
        </span>`;
      })}
    </nav>`;
  }

  private notice({ id, kind, title, text, start, act }: Notice) {
    return html`<section class="notice ${kind}" role=${kind === "danger" ? "alert" : "status"}>
      <rs-icon name=${kind === "info" ? "info" : "triangle-alert"}></rs-icon>
      <p><strong>${title(this.m)}</strong> ${text(this.m)}</p>
      ${
        start
          ? html`<rs-action
              look="outlined"
              icon="play"
              label=${this.m.notice.startAgain(start.name)}
              @rs-press=${() => {
                dismiss(id);
                openTab(start.id);
                void laboratory.powerOn(start.id);
              }}
            ></rs-action>`
          : nothing
      }
      ${
        act
          ? html`<rs-action
              look="outlined"
              label=${act.label(this.m)}
              @rs-press=${() => {
                dismiss(id);
                act.run();
              }}
            ></rs-action>`
          : nothing
      }
      <rs-action icon="x" icon-only label=${this.m.common.dismiss} @rs-press=${() => dismiss(id)}></rs-action>
    </section>`;
  }

  private load({ name, load }: Workspace): void {
    if (this.#loading.has(name)) return;
    this.#loading.add(name);
    const settled = (outcome: "ready" | "failed") => {
      this.loaded = new Map(this.loaded).set(name, outcome);
      if (outcome === "failed") this.#loading.delete(name);
    };
    load().then(
      () => settled("ready"),
      (error: unknown) => {
        console.error(error);
        settled("failed");
      },
    );
  }

  private opened(workspace: Workspace, rest: readonly string[]) {
    const outcome = this.loaded.get(workspace.name);
    if (outcome === "ready") return workspace.view(rest);
    if (outcome === undefined) {
      this.load(workspace);
      return html`<p class="empty" role="status">${this.m.app.loading(workspace.label(this.m))}</p>`;
    }
    return html`<div class="empty">
      <p role="alert">${this.m.app.notLoaded(workspace.label(this.m))}</p>
      <rs-action
        look="outlined"
        label=${this.m.app.loadAgain}
        @rs-press=${() => {
          this.loaded = new Map([...this.loaded].filter(([name]) => name !== workspace.name));
        }}
      ></rs-action>
    </div>`;
  }

  private workspace() {
    if (!laboratory.opened.get()) return html`<p class="empty">${this.m.app.starting}</p>`;
    const at = route.get();
    if (at.type === "home") return html`<rs-home></rs-home>`;
    const workspace = at.type === "workspace" ? findWorkspace(at.name) : undefined;
    if (workspace && at.type === "workspace") return this.opened(workspace, at.rest);
    const machine = at.type === "machine" ? laboratory.find(at.id) : undefined;
    if (machine) return html`<rs-machine machine-id=${machine.id}></rs-machine>`;
    return html`<div class="empty">
      <h1>${this.m.notFound.title}</h1>
      <p>${this.m.notFound.text}</p>
      <rs-action
        look="outlined"
        label=${this.m.notFound.home}
        @rs-press=${() => go({ type: "home" })}
      ></rs-action>
    </div>`;
  }

  protected override render() {
    const at = route.get();
    const machine = at.type === "machine" ? laboratory.find(at.id) : undefined;
    const workspace = at.type === "workspace" ? findWorkspace(at.name) : undefined;
    const what = machine?.name ?? workspace?.label(this.m);
    document.title = what ? `${what} – ${this.m.app.name}` : `${this.m.app.name} – ${this.m.app.tagline}`;
    return html`
      ${this.header()}
      <div class="middle">
        ${libraryShown.get() ? html`<aside class="chrome" aria-label=${this.m.library.label}><rs-library></rs-library></aside>` : nothing}
        <main>
          ${this.tabs()}
          <div class="notices">${notices.get().map((notice) => this.notice(notice))}</div>
          <div class="workspace">${this.workspace()}${beside.get()?.() ?? nothing}</div>
        </main>
      </div>
      <div class="bottom chrome">
        <rs-storage-work></rs-storage-work>
        <rs-task-log></rs-task-log>
        <rs-status-line></rs-status-line>
      </div>
      <rs-dialogs></rs-dialogs>
    `;
  }
}

function isTyping(event: KeyboardEvent): boolean {
  return event
    .composedPath()
    .some(
      (element) =>
        element instanceof HTMLElement &&
        element.matches("input, textarea, select, canvas, [contenteditable]"),
    );
}
