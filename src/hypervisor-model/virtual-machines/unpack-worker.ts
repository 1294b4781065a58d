/** The body of the Worker behind `unpackInWorker`: it loads one gzip file of an image and gives its contents back. */
import { ImageLoader, type ImageFile, type ImageLocation, type ImageProgress } from "./images.ts";
import { Passage } from "./warm-start-file.ts";

export interface ToUnpackWorker {
  location: ImageLocation;
  image: string;
  file: ImageFile;
}

export type FromUnpackWorker =
  { type: "progress"; progress: ImageProgress } | { type: "unpacked"; bytes: Uint8Array };

const post = (message: FromUnpackWorker, transfer: Transferable[] = []) => postMessage(message, { transfer });

async function unpack({ location, image, file }: ToUnpackWorker): Promise<void> {
  const images = new ImageLoader(location);
  images.onProgress = (progress) => post({ type: "progress", progress });
  const unpacking = new Passage(new DecompressionStream("gzip"));
  await images.read(image, file, (part) => unpacking.write(part));
  const bytes = await unpacking.end();
  post({ type: "unpacked", bytes }, [bytes.buffer as ArrayBuffer]);
}

addEventListener("message", (event: MessageEvent<ToUnpackWorker>) => {
  unpack(event.data).catch((error: unknown) => reportError(error));
});
