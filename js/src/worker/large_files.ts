/** The large files that Python starts from, loaded here or by a worker of their own. */

import { type Deferred, deferred } from "../deferred.js";
import { type FromLoader, LOADER, type ToLoader, startLoader, tellLoader } from "../loader.js";
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

/** Load them, unless they arrive at `loading`, where a loader answers that was started before. */
export function openLargeFiles(
  host: Host,
  downloads: Downloads,
  options: PythonOptions,
  loading: MessagePort | undefined,
): LargeFiles {
  if (loading !== undefined) {
    const { manifest, image, wasm } = receive(loading, downloads.progress);
    return {
      snapshot: manifest.promise.then((found) => found && new Snapshot(found, image.promise)),
      wasm: wasm.promise.catch(() => loadWasm(downloads, options, manifest.promise)), // this one tells why it fails
    };
  }
  const manifest = openManifest(downloads, options);
  const isAlone = host.name === "node" || typeof Worker === "undefined" || options.snapshotUrl === undefined;
  const image = isAlone ? undefined : loadImageAside(downloads.progress, options, manifest);
  return {
    snapshot: manifest.then((found) => found && new Snapshot(found, image ?? loadImage(downloads, options, found))),
    ...(host.name === "node" ? {} : { wasm: loadWasm(downloads, options, manifest) }),
  };
}

/** The image, decompressed by another worker, which starts while the manifest is loaded. */
function loadImageAside(
  progress: ProgressReport,
  options: PythonOptions,
  opening: Promise<SnapshotManifest | undefined>,
): Promise<Uint8Array<ArrayBuffer>> {
  const loader = startLoader(import.meta.url);
  const { image } = receive(loader, progress);
  loader.onerror = ({ message }): void => {
    image.reject(new Error(`it cannot be unpacked: ${message}`));
  };
  opening
    .then((manifest) => {
      if (manifest === undefined) {
        loader.terminate();
      } else {
        tellLoader(loader, { options, manifest });
      }
    })
    .catch(() => {
      loader.terminate();
    });
  return image.promise;
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

/** What this needs of a worker, or of a port, that a loader answers on. */
interface Channel {
  onmessage: ((event: MessageEvent<FromLoader>) => void) | null;
  onmessageerror: ((event: MessageEvent) => void) | null;
}

interface Arriving {
  readonly manifest: Deferred<SnapshotManifest | undefined>;
  readonly image: Deferred<Uint8Array<ArrayBuffer>>;
  readonly wasm: Deferred<WebAssembly.Module>;
}

/** What a loader sends. */
function receive(channel: Channel, progress: ProgressReport): Arriving {
  const files: Arriving = { manifest: deferred(), image: deferred(), wasm: deferred() };
  let [loaded, total] = [0, 0];
  const fail = (reason: string): void => {
    for (const file of [files.manifest, files.image, files.wasm]) {
      file.reject(new Error(reason));
    }
  };
  channel.onmessage = ({ data }): void => {
    switch (data.type) {
      case "alive":
        navigator.locks
          .request(data.lifeLock, () => {
            fail("the worker that loads it has ended");
          })
          .catch(() => undefined);
        break;
      case "progress":
        progress.expect(data.total - total);
        progress.received(data.loaded - loaded);
        ({ loaded, total } = data);
        break;
      case "manifest":
        files.manifest.resolve(data.manifest);
        break;
      case "image":
        files.image.resolve(data.image);
        break;
      case "wasm":
        files.wasm.resolve(data.wasm);
        break;
      case "failed":
        files[data.file].reject(new Error(data.reason));
        break;
    }
  };
  channel.onmessageerror = (): void => {
    fail("it cannot be passed between workers");
  };
  return files;
}

export function isLoader(): boolean {
  return self.location.hash === LOADER;
}

/** What this needs of `DedicatedWorkerGlobalScope`. */
declare const self: DedicatedWorkerGlobalScope;

/** All that such a worker does. */
export function runLoader(): void {
  self.onmessage = ({ data: { options, manifest, port } }: MessageEvent<ToLoader>): void => {
    const post = (message: FromLoader, transfer: Transferable[] = []): void => {
      (port ?? self).postMessage(message, transfer);
    };
    const progress = new ProgressReport(({ loaded, total }) => {
      post({ type: "progress", loaded, total });
    });
    const give = async <Loaded>(
      file: keyof Arriving,
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
    const host = browserHost();
    const downloads = new Downloads(host, progress);
    const opening = manifest === undefined ? openManifest(downloads, options) : Promise.resolve(manifest);
    const image = opening.then((found) => found && loadImage(downloads, options, found));
    const given = [
      give("image", image, (found) => {
        if (found !== undefined) {
          post({ type: "image", image: found }, [found.buffer]);
        }
      }),
    ];
    if (manifest === undefined) {
      given.push(
        give("manifest", opening, (found) => {
          post({ type: "manifest", manifest: found });
        }),
        give("wasm", loadWasm(downloads, options, opening), (wasm) => {
          post({ type: "wasm", wasm });
        }),
      );
    }
    holdLifeLock(host, post).catch(() => undefined); // a browser may refuse locks
    void Promise.all(given)
      .then(allKept)
      .then(() => {
        self.close();
      });
  };
}

/** Without one, its end goes unnoticed. */
async function holdLifeLock(host: Host, post: (message: FromLoader) => void): Promise<void> {
  if ("locks" in navigator) {
    const lifeLock = `async-kernel-lite:${crypto.randomUUID()}`;
    await host.hold(lifeLock);
    post({ type: "alive", lifeLock });
  }
}
