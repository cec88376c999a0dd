/** The large files that Python starts from, loaded here or by a worker of their own. */

import { deferred } from "../deferred.js";
import { type FromLoader, LOADER, type ToLoader, startLoader } from "../loader.js";
import type { PythonOptions, SnapshotManifest } from "../protocol.js";
import { Downloads } from "./download.js";
import { lastLine } from "./errors.js";
import { allKept } from "./file_cache.js";
import { type Host, browserHost } from "./host.js";
import { ProgressReport } from "./progress.js";
import { WASM, openWasm } from "./pyodide.js";
import { Snapshot, loadImage, openManifest } from "./snapshot.js";

export interface LargeFiles {
  /** Undefined if there is to be none. */
  readonly snapshot: Promise<Snapshot | undefined>;
  /** Absent in Node, where Pyodide reads the file itself. */
  readonly wasm?: Promise<WebAssembly.Module>;
}

/** What this needs of a worker, or of a port, that a loader answers on. */
interface Channel {
  onmessage: ((event: MessageEvent<FromLoader>) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
}

/** Load them, if possible in another worker: `loading` is where those arrive that are on their way already. */
export function openLargeFiles(
  host: Host,
  downloads: Downloads,
  options: PythonOptions,
  loading: MessagePort | undefined,
): LargeFiles {
  if (loading !== undefined) {
    return receive(loading, downloads, options);
  }
  if (host.name === "node" || typeof Worker === "undefined") {
    return loadHere(host, downloads, options);
  }
  const worker = startLoader(import.meta.url, { options });
  return receive(worker, downloads, options, worker);
}

function loadHere(host: Host, downloads: Downloads, options: PythonOptions): LargeFiles {
  const manifest = openManifest(downloads, options);
  const snapshot = manifest.then((found) => found && new Snapshot(found, loadImage(downloads, options, found)));
  return { snapshot, ...(host.name === "node" ? {} : { wasm: loadWasm(downloads, options, manifest) }) };
}

/** What the snapshot knows of Pyodide's WebAssembly holds: it was made with this one, or cannot be used. */
async function loadWasm(
  downloads: Downloads,
  { pyodideUrl }: PythonOptions,
  manifest: Promise<SnapshotManifest | undefined>,
): Promise<WebAssembly.Module> {
  const file = await manifest.then(
    (found) => found?.files[WASM],
    () => undefined,
  );
  return openWasm(
    downloads,
    pyodideUrl,
    file === undefined ? {} : { size: file.size, version: { name: WASM, sha256: file.sha256 } },
  );
}

/** What a loader sends. What it cannot load, but for the snapshot, is tried again here, where it can be told why. */
function receive(channel: Channel, downloads: Downloads, options: PythonOptions, worker?: Worker): LargeFiles {
  const manifest = deferred<SnapshotManifest | undefined>();
  const image = deferred<Uint8Array<ArrayBuffer>>();
  const wasm = deferred<WebAssembly.Module>();
  const files = { manifest, image, wasm };
  const failed = (reason: string): void => {
    Object.values(files).forEach((file) => {
      file.reject(new Error(reason));
    });
  };
  let [counted, expected] = [0, 0];
  channel.onmessage = ({ data }): void => {
    switch (data.type) {
      case "progress":
        downloads.progress.expect(data.total - expected);
        downloads.progress.received(data.loaded - counted);
        [counted, expected] = [data.loaded, data.total];
        break;
      case "manifest":
        manifest.resolve(data.manifest);
        break;
      case "image":
        image.resolve(data.image);
        break;
      case "wasm":
        wasm.resolve(data.wasm);
        break;
      case "failed":
        files[data.file].reject(new Error(data.reason));
        break;
    }
  };
  channel.onmessageerror = (): void => {
    failed("what was loaded aside cannot be received");
  };
  if (worker !== undefined) {
    worker.onerror = ({ message }): void => {
      failed(`it cannot be loaded aside: ${message}`);
    };
  }
  return {
    snapshot: manifest.promise.then((found) => found && new Snapshot(found, image.promise)),
    wasm: wasm.promise.catch(() => loadWasm(downloads, options, manifest.promise)),
  };
}

export function isLoader(): boolean {
  return globalThis.name === LOADER;
}

/** What this needs of `DedicatedWorkerGlobalScope`. */
declare const self: DedicatedWorkerGlobalScope;

/** All that such a worker does. */
export function runLoader(): void {
  self.onmessage = ({ data: { options, port } }: MessageEvent<ToLoader>): void => {
    const post = (message: FromLoader, transfer: Transferable[] = []): void => {
      (port ?? self).postMessage(message, transfer);
    };
    const progress = new ProgressReport(({ loaded, total }) => {
      post({ type: "progress", loaded, total });
    });
    const downloads = new Downloads(browserHost(), progress);
    const manifest = openManifest(downloads, options);
    const give = async <Loaded>(
      file: "manifest" | "image" | "wasm",
      loading: Promise<Loaded>,
      send: (loaded: Loaded) => void,
    ): Promise<void> => {
      try {
        const loaded = await loading;
        progress.tell();
        send(loaded);
      } catch (error) {
        post({ type: "failed", file, reason: lastLine(error) });
      }
    };
    void Promise.all([
      give("manifest", manifest, (found) => {
        post({ type: "manifest", manifest: found });
      }),
      give(
        "image",
        manifest.then((found) => found && loadImage(downloads, options, found)),
        (image) => {
          if (image !== undefined) {
            post({ type: "image", image }, [image.buffer]);
          }
        },
      ),
      give("wasm", loadWasm(downloads, options, manifest), (wasm) => {
        post({ type: "wasm", wasm });
      }),
    ])
      .then(allKept)
      .then(() => {
        self.close();
      });
  };
}
