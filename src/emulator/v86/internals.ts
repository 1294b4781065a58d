/**
 * The parts of v86 that its typings leave out and that we rely on. v86 promises none of them, so `checkInternals` looks
 * for each by name before a machine is used: after an upgrade a missing one is named instead of failing somewhere later.
 */

export const V86_VERSION = "0.5.462";

export class EngineMismatchError extends Error {
  override name = "EngineMismatchError";
  constructor(part: string, found: string, expected: string) {
    super(
      `this v86 is not the version ${V86_VERSION} Ringside was made for: ${part} is ${found}, expected ${expected}`,
    );
  }
}

/** What v86 asks of a disk image: see drive-buffer.ts. */
export interface DiskImage {
  byteLength: number;
  onload: ((event: unknown) => void) | undefined;
  load(): void;
  get(start: number, length: number, done: (data: Uint8Array) => void): void;
  set(start: number, data: Uint8Array, done: () => void): void;
  get_and_cache(start: number, length: number, done: (data: Uint8Array) => void): void;
  get_from_cache(start: number, length: number): Uint8Array | undefined;
  get_buffer(done: (buffer: ArrayBuffer | undefined) => void): void;
  get_state(): unknown[] | null;
  set_state(state: unknown): void;
}

export interface Stateful {
  get_state(): unknown[];
  set_state(state: unknown[]): void;
}

export interface PciDevice {
  pci_id: number;
  pci_space: number[];
  pci_bars: unknown[];
  name: string;
}

export interface Ne2k extends Stateful, PciDevice {
  id: number;
  mac: Uint8Array;
  memory: Uint8Array;
  receive(frame: Uint8Array): void;
  constructor: new (cpu: Cpu, bus: Bus, preserveMac: boolean, translateMac: boolean, id: number) => Ne2k;
}

export interface VirtBufferChain {
  length_readable: number;
  length_writable: number;
  get_next_blob(destination: Uint8Array): number;
  set_next_blob(source: Uint8Array): number;
}
export interface VirtQueue {
  enabled: boolean;
  has_request(): boolean;
  pop_request(): VirtBufferChain;
  push_reply(chain: VirtBufferChain): void;
  flush_replies(): void;
}
interface VirtField {
  bytes: number;
  name: string;
  read: () => number;
  write: (value: number) => void;
}
export interface VirtIOOptions {
  name: string;
  pci_id: number;
  device_id: number;
  subsystem_device_id: number;
  common: {
    initial_port: number;
    queues: { size_supported: number; notify_offset: number }[];
    features: number[];
    on_driver_ok: () => void;
  };
  notification: {
    initial_port: number;
    single_handler: boolean;
    handlers: ((queue: number) => void)[];
  };
  isr_status: { initial_port: number };
  device_specific: { initial_port: number; struct: VirtField[] };
}
export interface VirtIO extends Stateful, PciDevice {
  queues: VirtQueue[];
  device_status: number;
  config_generation: number;
  reset(): void;
  raise_irq(type: number): void;
  constructor: new (cpu: Cpu, options: VirtIOOptions) => VirtIO;
}

export interface IdeInterface {
  buffer: DiskImage | null;
  is_atapi: boolean;
  status_reg: number;
  error_reg: number;
  current_command: number;
  atapi_sense_key: number;
  atapi_add_sense: number;
  medium_changed: number;
  in_progress_io_ids: Map<number, AbortController>;
  channel: { dma_status: number };
  push_irq(): void;
  ata_command(command: number): void;
  set_cdrom(image: DiskImage): void;
  eject(): void;
}

export interface FloppyDrive {
  buffer: DiskImage | null;
  media_changed: boolean;
  insert_disk(image: DiskImage, readOnly: boolean): boolean;
  eject_disk(): void;
}

export interface Vga {
  graphical_mode: boolean;
  svga_enabled: boolean;
  svga_bpp: number;
  screen_width: number;
  screen_height: number;
  max_cols: number;
  max_rows: number;
  diff_addr_min: number;
  diff_addr_max: number;
  diff_plot_min: number;
  diff_plot_max: number;
  complete_redraw(): void;
  complete_replot(): void;
  screen_fill_buffer(): void;
  update_cursor(): void;
  update_cursor_scanline(): void;
}

/** A rectangle to draw: from (buffer_x, buffer_y) of the image to (screen_x, screen_y). */
export interface ScreenLayer {
  image_data: { data: Uint8ClampedArray; width: number; height: number };
  screen_x: number;
  screen_y: number;
  buffer_x: number;
  buffer_y: number;
  buffer_width: number;
  buffer_height: number;
}

export interface ScreenAdapter {
  put_char(
    row: number,
    column: number,
    character: number,
    flags: number,
    background: number,
    foreground: number,
  ): void;
  set_mode(graphical: boolean): void;
  set_size_text(columns: number, rows: number): void;
  set_size_graphical(width: number, height: number, virtualWidth: number, virtualHeight: number): void;
  update_cursor(row: number, column: number): void;
  update_cursor_scanline(first: number, last: number, visible: boolean): void;
  update_buffer(layers: ScreenLayer[]): void;
  clear_screen(): void;
}

export interface Uart {
  input: number[];
  current_line: string;
}

export interface IoPorts {
  ports: unknown[];
  create_empty_entry(): unknown;
}

export interface Cpu {
  wasm_memory: WebAssembly.Memory;
  mem8: { byteOffset: number; length: number };
  last_result: Int32Array;
  fpu_status_word: Uint16Array;
  mxcsr: Int32Array;
  /** 1 while the processor waits for an interrupt. */
  in_hlt: Uint8Array;
  reg32: Int32Array;
  instruction_counter: Uint32Array;
  option_roms: { name: string; data: Uint8Array }[];
  io: IoPorts;
  devices: {
    pci: { devices: (PciDevice | undefined)[]; device_spaces: (Int32Array | undefined)[]; io: IoPorts };
    rtc: { cmos_write(index: number, value: number): void };
    vga: Vga;
    uart0: Uart;
    uart1: Uart;
    net?: Ne2k;
    virtio_balloon?: { virtio: VirtIO };
    ide: {
      primary: { master: IdeInterface; slave: IdeInterface };
      secondary: { master: IdeInterface; slave: IdeInterface };
    };
    cdrom: IdeInterface;
    fdc: { drives: FloppyDrive[] };
  };
  main_loop(): number;
  device_raise_irq(irq: number): void;
  reboot_internal(): void;
  is_memory_zeroed(address: number, length: number): number | boolean;
  zero_memory(address: number, length: number): void;
  jit_dirty_cache(from: number, to: number): void;
  pack_memory(): { bitmap: { get_buffer(): ArrayBuffer }; packed_memory: Uint8Array };
  unpack_memory(bitmap: unknown, pages: Uint8Array): void;
}

export interface Bus {
  register(name: string, listener: (value: never) => void, self: unknown): void;
  send(name: string, value?: unknown): void;
}

/** The engine loop, `emulator.v86`. */
export interface Loop {
  cpu: Cpu;
  running: boolean;
  init(settings: unknown): void;
  run(): void;
  stop(): void;
  restart(): void;
  destroy(): void;
  next_tick(milliseconds: number): void;
  yield(milliseconds: number, tick: number): void;
  yield_callback(tick: number): void;
  register_yield(): void;
  unregister_yield(): void;
  save_state(): ArrayBuffer;
  restore_state(state: ArrayBuffer): void;
}

export interface Emulator {
  v86: Loop;
  bus: Bus;
  emulator_bus: Bus;
  screen_adapter: ScreenAdapter;
  add_listener(name: string, listener: (value: never) => void): void;
}

export type EmulatorConstructor = new (options: Record<string, unknown>) => Emulator;

function typeName(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function check(where: string, object: unknown, expected: Record<string, string>): void {
  for (const [name, type] of Object.entries(expected)) {
    const found = typeName((object as Record<string, unknown> | undefined)?.[name]);
    if (found !== type) throw new EngineMismatchError(`${where}.${name}`, found, type);
  }
}

const functions = (...names: string[]) => Object.fromEntries(names.map((name) => [name, "function"]));
const objects = (...names: string[]) => Object.fromEntries(names.map((name) => [name, "object"]));
const numbers = (...names: string[]) => Object.fromEntries(names.map((name) => [name, "number"]));
const booleans = (...names: string[]) => Object.fromEntries(names.map((name) => [name, "boolean"]));

/** Throws `EngineMismatchError` unless an initialised emulator has what this folder uses. */
export function checkInternals(emulator: Emulator): void {
  check("emulator", emulator, objects("v86", "bus", "emulator_bus", "screen_adapter"));
  check("emulator", emulator, functions("add_listener"));
  const loop = emulator.v86;
  check("v86", loop, {
    ...functions("run", "stop", "restart", "destroy", "next_tick", "yield", "yield_callback"),
    ...functions("unregister_yield", "save_state", "restore_state"),
    ...booleans("running"),
  });
  const { cpu } = loop;
  check("cpu", cpu, {
    ...objects(
      "wasm_memory",
      "mem8",
      "last_result",
      "in_hlt",
      "fpu_status_word",
      "mxcsr",
      "reg32",
      "instruction_counter",
    ),
    ...objects("io", "devices"),
    option_roms: "array",
    ...functions("main_loop", "device_raise_irq", "reboot_internal", "is_memory_zeroed", "zero_memory"),
    ...functions("jit_dirty_cache", "pack_memory", "unpack_memory"),
  });
  check("cpu.mem8", cpu.mem8, numbers("byteOffset", "length"));
  check("cpu.io", cpu.io, { ports: "array", create_empty_entry: "function" });
  const { devices } = cpu;
  check("devices", devices, objects("pci", "rtc", "vga", "uart0", "uart1", "ide", "cdrom", "fdc"));
  check("pci", devices.pci, { devices: "array", device_spaces: "array" });
  check("rtc", devices.rtc, functions("cmos_write"));
  check("vga", devices.vga, {
    ...booleans("graphical_mode", "svga_enabled"),
    ...numbers("screen_width", "screen_height", "max_cols", "max_rows", "diff_addr_min", "diff_addr_max"),
    ...numbers("diff_plot_min", "diff_plot_max", "svga_bpp"),
    ...functions("complete_redraw", "complete_replot", "screen_fill_buffer", "update_cursor"),
    ...functions("update_cursor_scanline"),
  });
  for (const uart of ["uart0", "uart1"] as const) {
    check(uart, devices[uart], { input: "array", current_line: "string" });
  }
  check("cdrom", devices.cdrom, {
    ...numbers("status_reg", "error_reg", "current_command", "atapi_sense_key", "atapi_add_sense"),
    ...numbers("medium_changed"),
    ...objects("in_progress_io_ids", "channel"),
    ...functions("push_irq", "ata_command", "set_cdrom", "eject"),
  });
  check("cdrom.channel", devices.cdrom.channel, numbers("dma_status"));
  check("fdc", devices.fdc, { drives: "array" });
  check("fdc.drives[0]", devices.fdc.drives[0], functions("insert_disk", "eject_disk"));
  check("screen_adapter", emulator.screen_adapter, {
    ...functions("put_char", "set_mode", "set_size_text", "set_size_graphical", "update_cursor"),
    ...functions("update_cursor_scanline", "update_buffer", "clear_screen"),
  });
}

export function checkNe2k(nic: Ne2k | undefined): Ne2k {
  check("net", nic, {
    ...objects("mac", "memory"),
    ...numbers("id", "pci_id"),
    ...functions("receive", "get_state", "set_state"),
  });
  return nic as Ne2k;
}

export function checkVirtIO(device: { virtio: VirtIO } | undefined): VirtIO {
  check("virtio_balloon", device, objects("virtio"));
  const virtio = (device as { virtio: VirtIO }).virtio;
  check("virtio", virtio, {
    queues: "array",
    ...numbers("device_status", "config_generation", "pci_id"),
    ...functions("reset", "raise_irq", "get_state", "set_state"),
  });
  check(
    "virtio.queues[0]",
    virtio.queues[0],
    functions("has_request", "pop_request", "push_reply", "flush_replies"),
  );
  return virtio;
}
