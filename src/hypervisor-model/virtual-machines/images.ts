/**
 * Loads guest images: a folder with a manifest.json that lists every file with its size and SHA-256 digest. Nothing is
 * handed out that is not exactly what the manifest says.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import * as v from "valibot";

/** Where images come from: the address of images/ (ending in /) in the page, the path of the folder in Node. */
export type ImageLocation = { type: "url"; base: string } | { type: "folder"; path: string };

/** The folder of images/ with SeaBIOS and its VGA BIOS. */
export const FIRMWARE_IMAGE = "firmware";

const fileSchema = v.looseObject({
  path: v.pipe(v.string(), v.regex(/^[\w][\w.+-]*(\/[\w][\w.+-]*)*$/)),
  bytes: v.pipe(v.number(), v.integer(), v.minValue(0)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** kernel, symbols (a System.map, compressed), initrd, multiboot, cd, floppy, disk, system-disk, bios, vga-bios, warm-state, licence. */
  role: v.string(),
  /** Of a warm state: what it fits (warm-start.ts). */
  key: v.optional(v.string()),
});

const manifestSchema = v.looseObject({
  files: v.array(fileSchema),
  boot: v.optional(v.looseObject({ append: v.optional(v.string(), "") }), {}),
  /** With less than `minimum` it does not start. */
  memoryMiB: v.optional(v.looseObject({ minimum: v.optional(v.number(), 0) }), {}),
  /** A kernel of ours waits for the owner and has the agent, unless its manifest says `false`. */
  agent: v.optional(v.boolean(), true),
});

export type ImageFile = v.InferOutput<typeof fileSchema>;
export type ImageManifest = v.InferOutput<typeof manifestSchema>;

export type ImageProblem = "unreachable" | "not-found" | "truncated" | "wrong-digest" | "no-image";

/** Why an image could not be used, with what to do about it. */
export class ImageError extends Error {
  override name = "ImageError";
  readonly problem: ImageProblem;
  readonly image: string;
  readonly file: string;
  constructor(problem: ImageProblem, image: string, file: string, detail: string) {
    super(`${image}/${file}: ${detail}`);
    this.problem = problem;
    this.image = image;
    this.file = file;
  }
}

/** The image does not start in so little memory. */
export class TooLittleMemoryError extends Error {
  override name = "TooLittleMemoryError";
  readonly image: string;
  readonly minimumMiB: number;
  constructor(image: string, minimumMiB: number, foundMiB: number) {
    super(`${image} needs at least ${minimumMiB} MiB of memory; the machine has ${foundMiB}`);
    this.image = image;
    this.minimumMiB = minimumMiB;
  }
}

/** Throws `TooLittleMemoryError`. */
export function checkMemory(image: string, { memoryMiB }: ImageManifest, foundMiB: number): void {
  if (foundMiB < memoryMiB.minimum) throw new TooLittleMemoryError(image, memoryMiB.minimum, foundMiB);
}

const ADVICE = {
  unreachable: "check the connection to the server and reload",
  "not-found": "the copy of Ringside is incomplete: get it again",
  truncated: "the transfer was cut off or the file is damaged: reload, or get Ringside again",
  "wrong-digest":
    "the file is not the one this version of Ringside was made with: reload, or get Ringside again",
  "no-image": "it is not a guest image of Ringside",
} as const;

/** Files are kept by digest once they have been checked, so that several machines share one copy. */
/** How far a file of an image has come. */
export interface ImageProgress {
  image: string;
  path: string;
  doneBytes: number;
  totalBytes: number;
}

export class ImageLoader {
  /** Called as the bytes of a file come over the network. */
  onProgress: ((progress: ImageProgress) => void) | undefined;
  readonly location: ImageLocation;
  readonly #manifests = new Map<string, Promise<ImageManifest>>();
  readonly #files = new Map<string, Promise<Uint8Array>>();

  constructor(location: ImageLocation) {
    this.location = location;
  }

  manifest(image: string): Promise<ImageManifest> {
    return once(this.#manifests, image, async () => {
      if (!/^[\w.-]+$/.test(image) || image.startsWith(".")) {
        throw this.#error("not-found", image, "manifest.json", "there is no such image");
      }
      const bytes = await this.#fetch(image, "manifest.json");
      try {
        return v.parse(manifestSchema, JSON.parse(new TextDecoder().decode(bytes)));
      } catch {
        throw this.#error("no-image", image, "manifest.json", "the manifest cannot be read");
      }
    });
  }

  /** The first file of this role, if the image has one. */
  async fileOfRole(image: string, role: string): Promise<ImageFile | undefined> {
    const { files } = await this.manifest(image);
    return files.find((file) => file.role === role);
  }

  /**
   * The checked bytes. They are shared: do not modify, and copy before transferring. `onPart` sees each part as it comes
   * over the network, before anything is checked: what is made of it counts only when this resolves.
   */
  async read(
    image: string,
    file: ImageFile,
    onPart?: (part: Uint8Array<ArrayBuffer>) => void,
  ): Promise<Uint8Array> {
    return once(this.#files, file.sha256, async () => {
      const bytes = await this.#fetch(image, file.path, file.bytes, onPart);
      if (bytes.length !== file.bytes) {
        const problem = bytes.length < file.bytes ? "truncated" : "wrong-digest";
        throw this.#error(problem, image, file.path, `it has ${bytes.length} bytes instead of ${file.bytes}`);
      }
      const digest = await sha256Hex(bytes);
      if (digest !== file.sha256) {
        throw this.#error(
          "wrong-digest",
          image,
          file.path,
          `its SHA-256 is ${digest.slice(0, 12)}… instead of ${file.sha256.slice(0, 12)}…`,
        );
      }
      return bytes;
    });
  }

  /** Lets go of the bytes of a file that is only needed once. */
  forget(file: ImageFile): void {
    this.#files.delete(file.sha256);
  }

  async readPath(image: string, path: string): Promise<Uint8Array> {
    const { files } = await this.manifest(image);
    const file = files.find((entry) => entry.path === path);
    if (file === undefined) throw this.#error("not-found", image, path, "the image has no such file");
    return this.read(image, file);
  }

  async #fetch(
    image: string,
    path: string,
    totalBytes?: number,
    onPart?: (part: Uint8Array<ArrayBuffer>) => void,
  ): Promise<Uint8Array> {
    const { location } = this;
    switch (location.type) {
      case "url":
        return this.#fetchUrl(
          new URL(`${image}/${path}`, location.base).href,
          image,
          path,
          totalBytes,
          onPart,
        );
      case "folder":
        return this.#readFolder(location.path, image, path);
      default:
        return location satisfies never;
    }
  }

  async #fetchUrl(
    url: string,
    image: string,
    path: string,
    totalBytes?: number,
    onPart?: (part: Uint8Array<ArrayBuffer>) => void,
  ): Promise<Uint8Array> {
    let response: Response;
    try {
      response = await fetch(url);
    } catch (error) {
      throw this.#error("unreachable", image, path, String(error));
    }
    // A server that answers every address with its start page has not got the file either.
    const html = response.headers.get("content-type")?.startsWith("text/html") ?? false;
    if (response.status === 404 || (response.ok && html)) {
      throw this.#error("not-found", image, path, "the server has no such file");
    }
    if (!response.ok) throw this.#error("unreachable", image, path, `the server answered ${response.status}`);
    try {
      const { onProgress } = this;
      if (totalBytes === undefined || response.body === null) {
        return new Uint8Array(await response.arrayBuffer());
      }
      return await readBody(response.body, (part, doneBytes) => {
        onPart?.(part);
        onProgress?.({ image, path, doneBytes, totalBytes });
      });
    } catch (error) {
      throw this.#error("truncated", image, path, String(error));
    }
  }

  async #readFolder(folder: string, image: string, path: string): Promise<Uint8Array> {
    const { readFile } = await import(/* @vite-ignore */ NODE_FILES);
    try {
      const bytes: Uint8Array = await readFile(`${folder}/${image}/${path}`);
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    } catch (error) {
      const missing = (error as { code?: string }).code === "ENOENT";
      throw missing
        ? this.#error("not-found", image, path, "the folder has no such file")
        : this.#error("unreachable", image, path, (error as Error).message);
    }
  }

  #error(problem: ImageProblem, image: string, file: string, detail: string): ImageError {
    return new ImageError(problem, image, file, `${detail}; ${ADVICE[problem]}`);
  }
}

/** Not a literal, so that the page's bundle does not look for it. */
const NODE_FILES = "node:fs/promises";

async function readBody(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  onPart: (part: Uint8Array<ArrayBuffer>, doneBytes: number) => void,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let doneBytes = 0;
  const reader = body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    doneBytes += part.value.length;
    onPart(part.value, doneBytes);
  }
  const bytes = new Uint8Array(doneBytes);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Remembers a success; a failure may be tried again. */
function once<T>(cache: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make();
  cache.set(key, made);
  made.catch(() => cache.delete(key));
  return made;
}

/** Web Crypto where the page is a secure context (it works beside the page's thread), else our own computation. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  const digest =
    subtle === undefined
      ? sha256(bytes)
      : new Uint8Array(await subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
