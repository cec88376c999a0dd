/** Loading Pyodide from the site's own files. */

import type { PyodideAPI, loadPyodide as PyodideLoader } from "pyodide";

import type { LogLevel, StartOptions } from "../protocol.js";
import type { Downloads } from "./download.js";
import { StartError, lastLine } from "./errors.js";
import type { Host } from "./host.js";
import type { Log } from "./serve.js";
import type { Snapshot } from "./snapshot.js";

export type Pyodide = PyodideAPI;
export type LoadPyodide = typeof PyodideLoader;
export type LoadOptions = NonNullable<Parameters<LoadPyodide>[0]>;
type CreateModule = NonNullable<LoadOptions["createPyodideModule"]>;

/** What restoring needs of Emscripten's module. */
export interface PyodideModule {
  readonly HEAPU32: Uint32Array;
  /** Make the memory at least so many bytes, if that can be. */
  readonly growMemory: (size: number) => void;
}

export const WASM = "pyodide.asm.wasm";
export const LIBRARY = "python_stdlib.zip";
export const LOCK = "pyodide-lock.json";

/** The files that Pyodide fetches itself, with what they are. */
const FETCHED: Readonly<Record<string, string>> = {
  [WASM]: "Pyodide's WebAssembly",
  [LIBRARY]: "Python's standard library",
  [LOCK]: "Pyodide's list of packages",
};

/** Pyodide, restored from the snapshot if there is one. Its standard library is then an empty file. */
export async function loadPyodide(
  host: Host,
  downloads: Downloads,
  options: StartOptions,
  log: Log,
  snapshot?: Snapshot,
): Promise<Pyodide> {
  const watch = new LoaderWatch(host, downloads, options.pyodideUrl, snapshot);
  let output = "";
  const keep =
    (level: LogLevel) =>
    (text: string): void => {
      output = `${output}${text}\n`.slice(-2000);
      log(level, text);
    };
  try {
    const [main, core] = await Promise.all([
      downloads.module(`${options.pyodideUrl}pyodide.mjs`, "Pyodide"),
      downloads.module(`${options.pyodideUrl}pyodide.asm.mjs`, "Pyodide"),
    ]);
    const { loadPyodide: load } = main as { loadPyodide: LoadPyodide };
    const { default: createPyodideModule } = core as { default: CreateModule };
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
    throw error instanceof StartError
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
 * Pyodide's loader catches and prints the failures of its large files and then waits for ever, and asks for its
 * WebAssembly last. For the time of the start, the worker's fetch and WebAssembly are wrapped so that bytes are counted,
 * failures are seen, and the WebAssembly is compiled from the beginning.
 */
class LoaderWatch {
  readonly failed: Promise<never>;
  #fail: (error: Error) => void = () => undefined;
  readonly #undo: (() => void)[] = [];

  constructor(host: Host, downloads: Downloads, pyodideUrl: string, snapshot: Snapshot | undefined) {
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined); // only the race looks at it, and may be over
    let compiled: Promise<WebAssembly.Module> | undefined;
    if (host.name === "browser") {
      const sizes = snapshot?.manifest.sizes ?? {};
      const open = (name: string): Promise<Response> =>
        downloads.open(`${pyodideUrl}${name}`, FETCHED[name] ?? name, { size: sizes[name] }).catch((error: unknown) => {
          this.#fail(error as Error);
          throw error;
        });
      compiled = open(WASM).then(compile);
      compiled.catch(() => undefined); // told by those who wait for it
      const nothing = (): Promise<Response> => Promise.resolve(new Response());
      const answers: Record<string, () => Promise<Response>> = {
        [WASM]: nothing, // it is compiled already
        [LIBRARY]: snapshot === undefined ? () => open(LIBRARY) : nothing,
        [LOCK]: () => open(LOCK),
      };
      this.#watchFetch(pyodideUrl, answers);
    }
    this.#watchWasm(`${pyodideUrl}${WASM}`, compiled);
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

  /** Let Pyodide's instantiation take the module that is compiled already, where one is. */
  #watchWasm(url: string, compiled: Promise<WebAssembly.Module> | undefined): void {
    const wrap =
      <Arguments extends unknown[], Result>(f: (...args: Arguments) => Promise<Result>) =>
      (...args: Arguments): Promise<Result> =>
        f(...args).catch((error: unknown) => {
          this.#fail(
            new StartError(
              `Pyodide's WebAssembly ${url} cannot be used (${lastLine(error)}). ` +
                "It is missing, damaged or the browser is too old for it: publish the site again or update the browser.",
              error,
            ),
          );
          throw error;
        });
    const { instantiate, instantiateStreaming } = WebAssembly;
    WebAssembly.instantiate = wrap(instantiate) as typeof instantiate;
    WebAssembly.instantiateStreaming = wrap(async (source, imports) => {
      if (compiled === undefined) {
        return instantiateStreaming(source, imports);
      }
      const module = await compiled;
      return { module, instance: await instantiate(module, imports) };
    });
    this.#undo.push(() => {
      WebAssembly.instantiate = instantiate;
      WebAssembly.instantiateStreaming = instantiateStreaming;
    });
  }
}

/** Compiled while it arrives, if the server says what it is. */
async function compile(response: Response): Promise<WebAssembly.Module> {
  const isWasm = response.headers.get("content-type")?.startsWith("application/wasm") === true;
  return isWasm ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
}
