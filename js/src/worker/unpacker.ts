/**
 * The snapshot's image, fetched and decompressed: in browsers by a worker of its own, since the other one compiles
 * WebAssembly meanwhile.
 */

import { Downloads } from "./download.js";
import { lastLine } from "./errors.js";
import { allKept } from "./file_cache.js";
import { browserHost } from "./host.js";
import { ProgressReport } from "./progress.js";

/** What a worker is named that is to run `runUnpacker`. */
export const UNPACKER = "async-kernel: unpacker";

export interface PackedImage {
  readonly url: string;
  /** Bytes as they travel, compressed with gzip. */
  readonly size: number;
  readonly sha256: string;
  /** Bytes when unpacked. */
  readonly memory: number;
}

type Image = Uint8Array<ArrayBuffer>;

type FromUnpacker =
  | { readonly type: "received"; readonly bytes: number }
  | { readonly type: "image"; readonly image: Image }
  | { readonly type: "done" }
  | { readonly type: "failed"; readonly reason: string };

/** What this needs of `DedicatedWorkerGlobalScope`. */
declare const self: DedicatedWorkerGlobalScope;

/** Decompressed while it arrives. */
export async function unpack(downloads: Downloads, { url, size, sha256, memory }: PackedImage): Promise<Image> {
  const { body } = await downloads.open(url, "the snapshot", { size, version: { name: "memory", sha256 } });
  const image = new Uint8Array(memory);
  let filled = 0;
  for await (const chunk of chunks(body?.pipeThrough(new DecompressionStream("gzip")))) {
    if (filled + chunk.byteLength > memory) {
      throw new Error(`${url} has more than the ${String(memory)} bytes that it should have`);
    }
    image.set(chunk, filled);
    filled += chunk.byteLength;
  }
  if (filled !== memory) {
    throw new Error(`${url} has ${String(filled)} bytes and should have ${String(memory)}`);
  }
  return image;
}

/** Not every browser lets streams be iterated over. */
async function* chunks(stream: ReadableStream<Uint8Array> | undefined): AsyncGenerator<Uint8Array> {
  const reader = stream?.getReader();
  for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) {
    yield next.value;
  }
}

/** The other worker: it starts at once, beside all else. */
export function startUnpacker(): Worker {
  return new Worker(import.meta.url, { type: "module", name: UNPACKER });
}

/** `unpack`, in another worker, which then ends. */
export function unpackAside(worker: Worker, progress: ProgressReport, packed: PackedImage): Promise<Image> {
  progress.expect(packed.size);
  let counted = 0;
  const image = new Promise<Image>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<FromUnpacker>): void => {
      if (data.type === "received") {
        progress.received(data.bytes - counted);
        counted = data.bytes;
      } else if (data.type === "image") {
        progress.received(packed.size - counted);
        resolve(data.image);
      } else {
        worker.terminate();
        reject(new Error(data.type === "failed" ? data.reason : "it cannot be unpacked"));
      }
    };
    worker.onerror = (event): void => {
      worker.terminate();
      reject(new Error(`it cannot be unpacked: ${event.message}`));
    };
  });
  worker.postMessage(packed);
  return image;
}

/** All that such a worker does. */
export function runUnpacker(): void {
  const post = (message: FromUnpacker, transfer: Transferable[] = []): void => {
    self.postMessage(message, transfer);
  };
  self.onmessage = ({ data }: MessageEvent<PackedImage>): void => {
    const progress = new ProgressReport(({ loaded }) => {
      post({ type: "received", bytes: loaded });
    });
    unpack(new Downloads(browserHost(), progress), data).then(
      async (image) => {
        post({ type: "image", image }, [image.buffer]);
        await allKept();
        post({ type: "done" });
      },
      (error: unknown) => {
        post({ type: "failed", reason: lastLine(error) });
      },
    );
  };
}
