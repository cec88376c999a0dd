/** What tells Python, restored from a snapshot, that it is another process now, on another machine. */

import type { SnapshotManifest, PythonOptions } from "../protocol.js";
import type { Pyodide } from "./pyodide.js";
import { fromBase64 } from "./snapshot.js";

/** The Python module `async_kernel._browser._snapshot`. */
interface SnapshotModule {
  /** Takes a dict. */
  resume(environment: unknown): void;
}

/** C's variables of the time zone, by their addresses, and Emscripten's function that sets them. */
interface TimeZone {
  readonly HEAPU32: Uint32Array;
  readonly _timezone: number;
  readonly _daylight: number;
  readonly _tzname: number;
  readonly __tzset_js: (timezone: number, daylight: number, standardName: number, summerName: number) => void;
}

export function resume(pyodide: Pyodide, { home }: SnapshotManifest, { loadPyodideOptions }: PythonOptions): void {
  for (const [path, content] of Object.entries(home)) {
    const file = `${homeOf(pyodide)}/${path}`;
    pyodide.FS.mkdirTree(file.slice(0, file.lastIndexOf("/")));
    pyodide.FS.writeFile(file, fromBase64(content));
  }
  setTimeZone((pyodide as unknown as { _module: TimeZone })._module);
  const module = pyodide.pyimport("async_kernel._browser._snapshot") as SnapshotModule;
  const environment = { LANG: language(), ...(loadPyodideOptions["env"] as object | undefined) };
  module.resume(pyodide.toPy(environment));
}

/** Pyodide starts there. */
export function homeOf(pyodide: Pyodide): string {
  return pyodide.FS.cwd();
}

/** As Emscripten has it. */
function language(): string {
  const { navigator } = globalThis as { navigator?: { readonly language: string } }; // Node 20 has none
  return `${navigator?.language.replace("-", "_") ?? "C"}.UTF-8`;
}

/** C's tzset does it once in the life of a process: that was when the snapshot was made. */
function setTimeZone({ HEAPU32, _timezone, _daylight, _tzname, __tzset_js }: TimeZone): void {
  const names = _tzname / Uint32Array.BYTES_PER_ELEMENT;
  __tzset_js(_timezone, _daylight, HEAPU32[names] ?? 0, HEAPU32[names + 1] ?? 0);
}
