/** Python with the site's packages: restored from the snapshot, or booted. */

import type { PythonOptions } from "../protocol.js";
import type { Downloads, FileFacts } from "./download.js";
import { lastLine } from "./errors.js";
import { forgetCached } from "./file_cache.js";
import type { Host } from "./host.js";
import { LazyFiles } from "./lazy_file.js";
import { type Engine, LIBRARY, type Pyodide, WASM, loadPyodide, openEngine } from "./pyodide.js";
import { RemoteFile } from "./remote_file.js";
import { resume } from "./resume.js";
import type { Log } from "./serve.js";
import { type Snapshot, SnapshotError, openSnapshot } from "./snapshot.js";
import { type WheelStore, mountWheels, sitePackages } from "./wheels.js";

/** What the first completion reads from the site, although it is imported already. */
const READ_SOON = ["jedi"];

export interface Python {
  readonly pyodide: Pyodide;
  /** Fetch, when there is time, what is likely to be read soon: with it these packages. */
  prefetch(packages: readonly string[]): Promise<void>;
}

export async function startPython(
  host: Host,
  downloads: Downloads,
  options: PythonOptions,
  log: Log,
  opening: Promise<WheelStore>,
): Promise<Python> {
  const snapshots = openSnapshot(host, downloads, options);
  const fitting = snapshots.then((snapshot) => fits(snapshot, opening));
  const wasmFacts = snapshots.then(
    (snapshot) => factsOf(snapshot),
    () => ({}),
  );
  const engine = openEngine(host, downloads, options.pyodideUrl, wasmFacts);
  try {
    const snapshot = await fitting;
    if (snapshot !== undefined) {
      return await restore(host, downloads, options, log, engine, await opening, snapshot);
    }
  } catch (error) {
    await forgetCached();
    log("warning", `Python starts without the site's snapshot, which takes longer: ${lastLine(error)}.`);
  }
  const [pyodide, store, index] = await Promise.all([
    loadPyodide(host, downloads, options, log, engine),
    opening,
    opening.then((found) => found.index()),
    opening.then((found) => found.fetch(found.core)),
  ]);
  mountWheels(pyodide, store, index, log);
  return { pyodide, prefetch: (packages) => store.prefetch(packages) };
}

async function fits(snapshot: Snapshot | undefined, opening: Promise<WheelStore>): Promise<Snapshot | undefined> {
  const { digests } = await opening;
  if (snapshot !== undefined && !digests.includes("") && !snapshot.manifest.wheels.every((d) => digests.includes(d))) {
    throw new SnapshotError("it was made with other wheels than the site has");
  }
  return snapshot;
}

/** What the snapshot knows of Pyodide's WebAssembly: it was made with this one, or cannot be used. */
function factsOf(snapshot: Snapshot | undefined): FileFacts {
  const file = snapshot?.manifest.files[WASM];
  return file === undefined ? {} : { size: file.size, version: { name: WASM, sha256: file.sha256 } };
}

async function restore(
  host: Host,
  downloads: Downloads,
  options: PythonOptions,
  log: Log,
  engine: Engine,
  store: WheelStore,
  snapshot: Snapshot,
): Promise<Python> {
  const [pyodide, index] = await Promise.all([
    loadPyodide(host, downloads, options, log, engine, snapshot).catch(nameOtherBuild),
    store.index(),
  ]);
  const files = new LazyFiles(pyodide, log);
  const library = new RemoteFile(host, `${options.pyodideUrl}${LIBRARY}`, snapshot.manifest.files[LIBRARY]?.size ?? 0);
  const [place, name] = libraryPath(pyodide);
  pyodide.FS.unlink(`${place}/${name}`);
  files.create(place, [{ path: name, size: library.size, read: () => library.now() }]);
  files.create(sitePackages(pyodide), store.files(index));
  resume(pyodide, snapshot.manifest, options);
  return {
    pyodide,
    prefetch: async (packages) => {
      await store.prefetch([...READ_SOON, ...packages]);
      await library.prefetch();
    },
  };
}

function nameOtherBuild(error: unknown): never {
  throw String(error).includes("build id mismatch") ? new SnapshotError("it was made with another Pyodide") : error;
}

/** The directory and the name that Pyodide gives to the standard library. */
function libraryPath(pyodide: Pyodide): [string, string] {
  const [name = ""] = pyodide.FS.readdir("/lib").filter((entry: string) => /^python\d+\.zip$/.test(entry));
  return ["/lib", name];
}
