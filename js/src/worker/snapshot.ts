/**
 * Restoring Python from a memory image that was made when the site was built, with the kernel imported.
 *
 * Only WebAssembly memory is in the image. Pyodide makes its own objects around it, as for its own snapshots; files are
 * put back by the caller.
 */

import type { SnapshotManifest, PythonOptions } from "../protocol.js";
import { canSwitchStacks } from "./capabilities.js";
import type { Downloads } from "./download.js";
import type { Host } from "./host.js";
import type { PyodideModule } from "./pyodide.js";
import { startUnpacker, unpack, unpackAside } from "./unpacker.js";

/** The snapshot does not fit, is damaged or not there. */
export class SnapshotError extends Error {
  override readonly name = "SnapshotError";
}

export class Snapshot {
  readonly manifest: SnapshotManifest;
  /** What Pyodide takes as the snapshot: everything but the memory, which `fill` has put in place. */
  readonly head: Uint8Array;
  readonly #image: Promise<Uint8Array<ArrayBuffer>>;

  constructor(manifest: SnapshotManifest, image: Promise<Uint8Array<ArrayBuffer>>) {
    this.manifest = manifest;
    this.head = fromBase64(manifest.head);
    this.#image = image;
    image.catch(() => undefined); // `fill` says it
  }

  /** Let the memory of a Pyodide that has not started be that of the image. */
  async fill(module: PyodideModule): Promise<void> {
    const image = await this.#image;
    const { initialised, memory, stack, words: changing } = this.manifest.image;
    if (module.HEAPU32.byteLength < memory) {
      module.growMemory(memory);
    }
    if (module.HEAPU32.byteLength < memory) {
      throw new SnapshotError(`there is no memory for its ${String(memory)} bytes`);
    }
    const [words, heap] = [new Uint32Array(image.buffer), module.HEAPU32];
    const changed = initialised / Uint32Array.BYTES_PER_ELEMENT;
    for (let index = 0; index < changed; index++) {
      const word = words[index] ?? 0;
      if (word !== 0) {
        heap[index] = (heap[index] ?? 0) ^ word;
      }
    }
    changing.forEach(([index, value]) => {
      heap[index] = value;
    });
    heap.set(words.subarray(changed), changed);
    module.stackRestore(stack);
  }
}

/** The site's snapshot, its image on its way. Undefined if it is to have none. */
export async function openSnapshot(
  host: Host,
  downloads: Downloads,
  options: PythonOptions,
): Promise<Snapshot | undefined> {
  const { snapshotUrl: url } = options;
  if (url === undefined) {
    return undefined;
  }
  const isAside = host.name === "browser" && typeof Worker !== "undefined";
  const unpacker = isAside ? startUnpacker() : undefined;
  try {
    const manifest = fitting(await downloads.json(url, "the snapshot's description"), url, options);
    const packed = { ...manifest.image, url: new URL(manifest.image.file, url).href };
    const { progress } = downloads;
    return new Snapshot(
      manifest,
      unpacker === undefined ? unpack(downloads, packed) : unpackAside(unpacker, progress, packed),
    );
  } catch (error) {
    unpacker?.terminate();
    throw error;
  }
}

/** The description of a snapshot that this kernel can start from. */
function fitting(manifest: unknown, url: string, options: PythonOptions): SnapshotManifest {
  if (!isManifest(manifest)) {
    throw new SnapshotError(`${url} does not describe a snapshot of a kind that this kernel knows`);
  }
  if (manifest.jspi !== canSwitchStacks()) {
    const where = manifest.jspi ? "with JSPI, and this browser has none" : "without JSPI, and this browser has it";
    throw new SnapshotError(`it was made ${where}`);
  }
  if ("_loadSnapshot" in options.loadPyodideOptions) {
    throw new SnapshotError("the site's loadPyodideOptions name another");
  }
  return manifest;
}

export function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function isManifest(value: unknown): value is SnapshotManifest {
  return typeof value === "object" && value !== null && "format" in value && value.format === 1;
}
