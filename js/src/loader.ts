/** The worker that loads Python's large files beside all else, and what it says. */

import type { PythonOptions, SnapshotManifest } from "./protocol.js";

/** What a worker is named that is to load them. */
export const LOADER = "async-kernel: loader";

export interface ToLoader {
  readonly options: PythonOptions;
  /** Where to answer. Absent for the worker's own port. */
  readonly port?: MessagePort;
}

export type FromLoader =
  /** Bytes of its files so far, and of all that it knows of. */
  | { readonly type: "progress"; readonly loaded: number; readonly total: number }
  /** Absent if the kernel is to start without a snapshot. */
  | { readonly type: "manifest"; readonly manifest: SnapshotManifest | undefined }
  | { readonly type: "image"; readonly image: Uint8Array<ArrayBuffer> }
  | { readonly type: "wasm"; readonly wasm: WebAssembly.Module }
  | { readonly type: "failed"; readonly file: "manifest" | "image" | "wasm"; readonly reason: string };

/** `workerUrl` is the kernel's worker script. */
export function startLoader(workerUrl: string, message: ToLoader): Worker {
  const worker = new Worker(workerUrl, { type: "module", name: LOADER });
  worker.postMessage(message, message.port === undefined ? [] : [message.port]);
  return worker;
}
