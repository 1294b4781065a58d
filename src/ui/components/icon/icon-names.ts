/**
 * The icons of the page: Lucide (ISC licence), each imported by name so that only these are in the bundle.
 * `iconSources` is drawn inline by `<rs-icon>`.
 */
import arrowLeft from "lucide-static/icons/arrow-left.svg?raw";
import arrowRight from "lucide-static/icons/arrow-right.svg?raw";
import bookOpen from "lucide-static/icons/book-open.svg?raw";
import camera from "lucide-static/icons/camera.svg?raw";
import check from "lucide-static/icons/check.svg?raw";
import chevronDown from "lucide-static/icons/chevron-down.svg?raw";
import chevronUp from "lucide-static/icons/chevron-up.svg?raw";
import circleAlert from "lucide-static/icons/circle-alert.svg?raw";
import circleHelp from "lucide-static/icons/circle-question-mark.svg?raw";
import clipboardCopy from "lucide-static/icons/clipboard-copy.svg?raw";
import contrast from "lucide-static/icons/contrast.svg?raw";
import copy from "lucide-static/icons/copy.svg?raw";
import cpu from "lucide-static/icons/cpu.svg?raw";
import disc from "lucide-static/icons/disc-3.svg?raw";
import fileText from "lucide-static/icons/file-text.svg?raw";
import floppy from "lucide-static/icons/save.svg?raw";
import folderOpen from "lucide-static/icons/folder-open.svg?raw";
import gitBranch from "lucide-static/icons/git-branch.svg?raw";
import hardDrive from "lucide-static/icons/hard-drive.svg?raw";
import house from "lucide-static/icons/house.svg?raw";
import info from "lucide-static/icons/info.svg?raw";
import keyboard from "lucide-static/icons/keyboard.svg?raw";
import languages from "lucide-static/icons/languages.svg?raw";
import layers from "lucide-static/icons/layers.svg?raw";
import listOrdered from "lucide-static/icons/list-ordered.svg?raw";
import maximize from "lucide-static/icons/maximize.svg?raw";
import memoryStick from "lucide-static/icons/memory-stick.svg?raw";
import monitor from "lucide-static/icons/monitor.svg?raw";
import monitorCog from "lucide-static/icons/monitor-cog.svg?raw";
import network from "lucide-static/icons/network.svg?raw";
import panelLeft from "lucide-static/icons/panel-left.svg?raw";
import pause from "lucide-static/icons/pause.svg?raw";
import pencil from "lucide-static/icons/pencil.svg?raw";
import play from "lucide-static/icons/play.svg?raw";
import plug from "lucide-static/icons/plug.svg?raw";
import plus from "lucide-static/icons/plus.svg?raw";
import power from "lucide-static/icons/power.svg?raw";
import refresh from "lucide-static/icons/rotate-ccw.svg?raw";
import search from "lucide-static/icons/search.svg?raw";
import server from "lucide-static/icons/server.svg?raw";
import settings from "lucide-static/icons/settings.svg?raw";
import square from "lucide-static/icons/square.svg?raw";
import terminal from "lucide-static/icons/square-terminal.svg?raw";
import trash from "lucide-static/icons/trash-2.svg?raw";
import triangleAlert from "lucide-static/icons/triangle-alert.svg?raw";
import undo from "lucide-static/icons/undo-2.svg?raw";
import upload from "lucide-static/icons/upload.svg?raw";
import x from "lucide-static/icons/x.svg?raw";

export const iconSources = {
  "arrow-left": arrowLeft,
  camera,
  "git-branch": gitBranch,
  undo,
  "arrow-right": arrowRight,
  "book-open": bookOpen,
  check,
  "chevron-down": chevronDown,
  "chevron-up": chevronUp,
  "circle-alert": circleAlert,
  "circle-help": circleHelp,
  "clipboard-copy": clipboardCopy,
  contrast,
  copy,
  cpu,
  disc,
  "file-text": fileText,
  floppy,
  "folder-open": folderOpen,
  "hard-drive": hardDrive,
  house,
  info,
  keyboard,
  languages,
  layers,
  "list-ordered": listOrdered,
  maximize,
  "memory-stick": memoryStick,
  monitor,
  "monitor-cog": monitorCog,
  network,
  "panel-left": panelLeft,
  pause,
  pencil,
  play,
  plug,
  plus,
  power,
  refresh,
  search,
  server,
  settings,
  square,
  terminal,
  trash,
  "triangle-alert": triangleAlert,
  upload,
  x,
} as const;

export type IconName = keyof typeof iconSources;
