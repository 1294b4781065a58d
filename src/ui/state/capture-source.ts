/** Where the frames of a capture are: in the fabric's thread, or in a file that was opened. */
import { CaptureRing, type CapturedFrame } from "../../hypervisor-model/network/capture-ring.ts";
import {
  matchingFrames,
  streamOf,
  type Matches,
} from "../../hypervisor-model/network/capture/capture-query.ts";
import type { Stream } from "../../hypervisor-model/network/capture/follow-stream.ts";
import type { CapturePlace } from "../../hypervisor-model/network/fabric-service.ts";
import { readPcapng, writePcapng } from "../../hypervisor-model/network/pcapng.ts";
import { laboratory } from "./laboratory.ts";

export interface CaptureSource {
  /** Frames held, and frames that had to make room for them. */
  state(): Promise<{ size: number; dropped: number }>;
  /** By place from 0, the oldest held. */
  frames(from: number, count: number): Promise<CapturedFrame[]>;
  matches(filter: string, from: number, limit: number): Promise<Matches>;
  stream(number: number): Promise<Stream | undefined>;
  pcapng(): Promise<Uint8Array>;
}

export class FabricSource implements CaptureSource {
  readonly #place: CapturePlace;

  constructor(place: CapturePlace) {
    this.#place = place;
  }

  get #fabric() {
    return laboratory.networks.fabric;
  }

  /** Begins with nothing. */
  start(): Promise<void> {
    return this.#fabric.startCapture(this.#place);
  }

  discard(): Promise<void> {
    return this.#fabric.discardCapture(this.#place);
  }

  state() {
    return this.#fabric.captured(this.#place);
  }

  frames(from: number, count: number) {
    return this.#fabric.frames(this.#place, from, count);
  }

  matches(filter: string, from: number, limit: number) {
    return this.#fabric.captureMatches(this.#place, filter, from, limit);
  }

  stream(number: number) {
    return this.#fabric.captureStream(this.#place, number);
  }

  pcapng() {
    return this.#fabric.exportCapture(this.#place);
  }
}

export class FileSource implements CaptureSource {
  readonly #ring: CaptureRing;
  readonly #interfaces: string[];

  /** Throws `PcapError` with the offset of what is wrong. */
  constructor(bytes: Uint8Array) {
    const { frames, interfaces } = readPcapng(bytes);
    const size = frames.reduce((sum, frame) => sum + frame.bytes.length, 0);
    this.#ring = new CaptureRing(Math.max(1, frames.length), size + 1);
    this.#interfaces = interfaces;
    for (const { interface: index, time, bytes: frame } of frames) this.#ring.add(index, time, frame);
  }

  async state() {
    return { size: this.#ring.size, dropped: this.#ring.dropped };
  }

  async frames(from: number, count: number) {
    const found: CapturedFrame[] = [];
    for (let i = Math.max(0, from); i < Math.min(from + count, this.#ring.size); i++) {
      found.push(this.#ring.at(i)!);
    }
    return found;
  }

  async matches(filter: string, from: number, limit: number) {
    return matchingFrames(this.#ring, filter, from, limit);
  }

  async stream(number: number) {
    return streamOf(this.#ring, number);
  }

  async pcapng() {
    const frames = await this.frames(0, this.#ring.size);
    return writePcapng({ interfaces: this.#interfaces, frames, dropped: 0 });
  }
}
