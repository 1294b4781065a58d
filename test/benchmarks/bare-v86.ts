/** v86 alone, as anyone would use it: the peer that our machines are measured against. One thread, no Worker, no agent. */
import { createRequire } from "node:module";
import { V86 } from "v86";

export interface BareImage {
  bios: Uint8Array;
  vgaBios: Uint8Array;
  kernel?: Uint8Array;
  initrd?: Uint8Array;
  commandLine: string;
  memoryMiB: number;
  disableJit?: boolean;
  /** Of a blank first disk; none when left out. */
  diskBytes?: number;
}

const copy = (bytes: Uint8Array) => ({ buffer: bytes.slice().buffer as ArrayBuffer });

export class BareMachine {
  readonly #emulator: V86;
  #output = "";
  #wake: (() => void) | undefined;

  private constructor(emulator: V86) {
    this.#emulator = emulator;
    emulator.add_listener("serial0-output-byte", (byte: number) => {
      this.#output += String.fromCharCode(byte);
      this.#wake?.();
    });
  }

  static async create(image: BareImage): Promise<BareMachine> {
    const emulator = new V86({
      wasm_path: createRequire(import.meta.url).resolve("v86/build/v86.wasm"),
      memory_size: image.memoryMiB * 2 ** 20,
      vga_memory_size: 2 * 2 ** 20,
      bios: copy(image.bios),
      vga_bios: copy(image.vgaBios),
      ...(image.kernel === undefined ? {} : { bzimage: copy(image.kernel) }),
      disable_jit: image.disableJit === true,
      ...(image.initrd === undefined ? {} : { initrd: copy(image.initrd) }),
      cmdline: image.commandLine,
      ...(image.diskBytes === undefined ? {} : { hda: { buffer: new ArrayBuffer(image.diskBytes) } }),
      net_device: { type: "ne2k" },
      uart1: true,
      autostart: false,
      disable_speaker: true,
    } as ConstructorParameters<typeof V86>[0]);
    const machine = new BareMachine(emulator);
    await new Promise<void>((resolve) => emulator.add_listener("emulator-loaded", () => resolve()));
    return machine;
  }

  run(): void {
    void this.#emulator.run();
  }

  /** Waits for text on COM1 after what was waited for before. */
  async expect(pattern: RegExp, timeoutMs = 120_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match !== null) {
        this.#output = this.#output.slice(match.index + match[0].length);
        return;
      }
      if (performance.now() > deadline) throw new Error(`bare v86 did not print ${pattern}: ${this.#output}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 1000);
      });
    }
  }

  type(text: string): void {
    this.#emulator.serial0_send(text);
  }

  /** Runs a shell command at the prompt and waits until it is done. */
  async command(command: string): Promise<void> {
    this.type(`${command}; echo do''ne\n`);
    await this.expect(/done/);
  }

  async save(): Promise<ArrayBuffer> {
    await this.#emulator.stop();
    return this.#emulator.save_state();
  }

  stop(): Promise<void> {
    return this.#emulator.stop() as unknown as Promise<void>;
  }

  async restore(state: ArrayBuffer): Promise<void> {
    await this.#emulator.restore_state(state);
  }

  async destroy(): Promise<void> {
    await this.#emulator.destroy();
  }
}
