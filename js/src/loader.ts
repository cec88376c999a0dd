/** The worker that loads Python's large files beside all else, and what it says. */

import type { PythonOptions, SnapshotManifest } from "./protocol.js";

/** Ends the address of the kernel's worker script where the worker is to load them. */
export const LOADER = "#loader";

export interface ToLoader {
  readonly options: PythonOptions;
  /** Given, all but the image is loaded elsewhere. */
  readonly manifest?: SnapshotManifest;
  /** Where to answer. Absent for the worker's own port. */
  readonly port?: MessagePort;
}

export type FromLoader =
  /** The web lock that it holds for its life. Does not come where there are none. */
  | { readonly type: "alive"; readonly lifeLock: string }
  /** Bytes of its files so far, and of all that it knows of. */
  | { readonly type: "progress"; readonly loaded: number; readonly total: number }
  /** Absent if the kernel is to start without a snapshot. */
  | { readonly type: "manifest"; readonly manifest: SnapshotManifest | undefined }
  | { readonly type: "image"; readonly image: Uint8Array<ArrayBuffer> }
  | { readonly type: "wasm"; readonly wasm: WebAssembly.Module }
  | { readonly type: "failed"; readonly file: "manifest" | "image" | "wasm"; readonly reason: string };

/** `workerUrl` is the kernel's worker script. */
export function startLoader(workerUrl: string): Worker {
  return new Worker(`${workerUrl}${LOADER}`, { type: "module", name: "async-kernel: loader" });
}

/** What to load. Comes once. */
export function tellLoader(loader: Worker, message: ToLoader): void {
  loader.postMessage(message, message.port === undefined ? [] : [message.port]);
}
