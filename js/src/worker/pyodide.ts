/** Loading Pyodide from the site's own files. */

import type { PyodideAPI, loadPyodide as PyodideLoader } from "pyodide";

import type { LogLevel, PythonOptions } from "../protocol.js";
import type { Downloads, FileFacts } from "./download.js";
import { StartError, lastLine } from "./errors.js";
import type { Host } from "./host.js";
import type { Log } from "./serve.js";
import type { Snapshot } from "./snapshot.js";
import { hideSuspendedFrames } from "./suspended_frames.js";

export type Pyodide = PyodideAPI;
export type LoadPyodide = typeof PyodideLoader;
export type LoadOptions = NonNullable<Parameters<LoadPyodide>[0]>;
type CreateModule = NonNullable<LoadOptions["createPyodideModule"]>;

/** What restoring needs of Emscripten's module. */
export interface PyodideModule {
  readonly HEAPU32: Uint32Array;
  /** Make the memory at least so many bytes, if that can be. */
  readonly growMemory: (size: number) => void;
  /** Set the pointer of the C stack. */
  readonly stackRestore: (address: number) => void;
}

export const WASM = "pyodide.asm.wasm";
export const LIBRARY = "python_stdlib.zip";
const LOCK = "pyodide-lock.json";

/** The module `pyodide.mjs`. */
interface Loader {
  readonly loadPyodide: LoadPyodide;
}

/** Pyodide's files that are needed however it starts, on their way. */
export interface Engine {
  readonly loader: Promise<Loader>;
  readonly core: Promise<{ readonly default: CreateModule }>;
  /** Absent in Node, where Pyodide reads the file itself. */
  readonly wasm?: Promise<WebAssembly.Module>;
}

/** `wasmFacts` is what is known from elsewhere of its largest file. */
export function openEngine(
  host: Host,
  downloads: Downloads,
  pyodideUrl: string,
  wasmFacts: Promise<FileFacts>,
): Engine {
  const loader = downloads.module(`${pyodideUrl}pyodide.mjs`, "Pyodide") as Engine["loader"];
  const core = downloads.module(`${pyodideUrl}pyodide.asm.mjs`, "Pyodide") as Engine["core"];
  const wasm =
    host.name === "browser"
      ? wasmFacts.then((facts) => downloads.open(`${pyodideUrl}${WASM}`, "Pyodide's WebAssembly", facts)).then(compile)
      : undefined;
  for (const file of [loader, core, wasm]) {
    file?.catch(() => undefined); // told by those who wait for it
  }
  return { loader, core, ...(wasm === undefined ? {} : { wasm }) };
}

/** Compiled while it arrives, if the server says what it is. */
async function compile(response: Response): Promise<WebAssembly.Module> {
  const isWasm = response.headers.get("content-type")?.startsWith("application/wasm") === true;
  return isWasm ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}

/** Pyodide, restored from the snapshot if there is one. Its standard library is then an empty file. */
export async function loadPyodide(
  host: Host,
  downloads: Downloads,
  options: PythonOptions,
  log: Log,
  engine: Engine,
  snapshot?: Snapshot,
): Promise<Pyodide> {
  const { loadPyodide: load } = await engine.loader; // by itself: where both are missing, this one is told
  const { default: createPyodideModule } = await engine.core;
  const watch = new LoaderWatch(host, downloads, options.pyodideUrl, engine, snapshot !== undefined);
  let output = "";
  const keep =
    (level: LogLevel) =>
    (text: string): void => {
      output = `${output}${text}\n`.slice(-2000);
      log(level, text);
    };
  try {
    const loading = load({
      indexURL: host.pyodideIndex(options.pyodideUrl),
      createPyodideModule,
      stdout: keep("info"),
      stderr: keep("warning"), // where the kernel's own log goes
      ...options.loadPyodideOptions,
      ...(snapshot === undefined ? {} : restoring(snapshot, createPyodideModule)),
    });
    return await Promise.race([loading, watch.failed]);
  } catch (error) {
    throw error instanceof StartError || snapshot !== undefined
      ? error
      : new StartError(
          `Pyodide from ${options.pyodideUrl} does not start (${lastLine(error)}). ${output}` +
            "Check that its files are complete and of one version, then restart the kernel.",
          error,
        );
  } finally {
    watch.end();
  }
}

function restoring(snapshot: Snapshot, create: CreateModule): LoadOptions {
  return {
    _loadSnapshot: snapshot.head,
    createPyodideModule: async (settings) => {
      const module = await create(settings);
      await snapshot.fill(module as unknown as PyodideModule);
      return module;
    },
  };
}

/** Have `ended` called when Python itself has ended or crashed, and can run nothing more. */
export function watchEnd(pyodide: Pyodide, ended: (error: unknown) => void): void {
  (pyodide as unknown as { _api: { on_fatal?: (error: unknown) => void } })._api.on_fatal = ended;
}

/**
 * Pyodide's loader catches and prints the failures of its large files and then waits for ever. For the time of the start
 * the worker's fetch and WebAssembly are wrapped, so that bytes are counted, failures are seen, and what is here already
 * is taken.
 */
class LoaderWatch {
  readonly failed: Promise<never>;
  #fail: (error: Error) => void = () => undefined;
  readonly #undo: (() => void)[] = [];

  constructor(host: Host, downloads: Downloads, pyodideUrl: string, engine: Engine, isRestored: boolean) {
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined); // only the race looks at it, and may be over
    if (host.name === "browser") {
      const nothing = (): Promise<Response> => Promise.resolve(new Response());
      const fetched = (name: string, what: string) => (): Promise<Response> =>
        downloads.open(`${pyodideUrl}${name}`, what).catch((error: unknown) => {
          this.#fail(error as Error);
          throw error;
        });
      this.#watchFetch(pyodideUrl, {
        [WASM]: nothing, // it is compiled already
        [LIBRARY]: isRestored ? nothing : fetched(LIBRARY, "Python's standard library"),
        [LOCK]: fetched(LOCK, "Pyodide's list of packages"),
      });
    }
    this.#watchWasm(`${pyodideUrl}${WASM}`, engine.wasm);
  }

  end(): void {
    this.#undo.forEach((undo) => {
      undo();
    });
  }

  #watchFetch(pyodideUrl: string, answers: Readonly<Record<string, () => Promise<Response>>>): void {
    const original = globalThis.fetch;
    globalThis.fetch = (input, init): Promise<Response> => {
      const url = input instanceof Request ? input.url : String(input);
      const answer = url.startsWith(pyodideUrl) ? answers[url.slice(pyodideUrl.length)] : undefined;
      return answer === undefined ? original(input, init) : answer();
    };
    this.#undo.push(() => {
      globalThis.fetch = original;
    });
  }

  #watchWasm(url: string, compiled: Promise<WebAssembly.Module> | undefined): void {
    const fail = (error: unknown): never => {
      const failure =
        error instanceof StartError
          ? error
          : new StartError(
              `Pyodide's WebAssembly ${url} cannot be used (${lastLine(error)}). ` +
                "It is missing, damaged or the browser is too old for it: publish the site again or update the browser.",
              error,
            );
      this.#fail(failure);
      throw failure;
    };
    const { instantiate, instantiateStreaming } = WebAssembly;
    const start = async <Started extends WebAssembly.Instance | WebAssembly.WebAssemblyInstantiatedSource>(
      imports: WebAssembly.Imports = {},
      starting: () => Promise<Started>,
    ): Promise<Started> => {
      const attach = hideSuspendedFrames(imports);
      const started = await starting().catch(fail);
      attach("instance" in started ? started.instance : started);
      return started;
    };
    WebAssembly.instantiate = ((source: WebAssembly.Module, imports?: WebAssembly.Imports) =>
      start(imports, () => instantiate(source, imports))) as typeof instantiate;
    WebAssembly.instantiateStreaming = async (source, imports) => {
      if (compiled === undefined) {
        return start(imports, () => instantiateStreaming(source, imports));
      }
      const module = await compiled.catch(fail);
      return { module, instance: await start(imports, () => instantiate(module, imports)) };
    };
    this.#undo.push(() => {
      WebAssembly.instantiate = instantiate;
      WebAssembly.instantiateStreaming = instantiateStreaming;
    });
  }
}
