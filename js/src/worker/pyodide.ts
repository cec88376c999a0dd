/** Loading Pyodide from the site's own files. */

import type { PyodideAPI, loadPyodide as PyodideLoader } from "pyodide";

import type { LogLevel, StartOptions } from "../protocol.js";
import type { Downloads } from "./download.js";
import { StartError, lastLine } from "./errors.js";
import type { Host } from "./host.js";
import type { Log } from "./serve.js";

export type Pyodide = PyodideAPI;
type LoadPyodide = typeof PyodideLoader;
type CreateModule = NonNullable<NonNullable<Parameters<LoadPyodide>[0]>["createPyodideModule"]>;

/** The files that Pyodide fetches itself, with what they are. */
const FETCHED: Readonly<Record<string, string>> = {
  "pyodide.asm.wasm": "Pyodide's WebAssembly",
  "python_stdlib.zip": "Python's standard library",
  "pyodide-lock.json": "Pyodide's list of packages",
};

export async function loadPyodide(host: Host, downloads: Downloads, options: StartOptions, log: Log): Promise<Pyodide> {
  const [main, core] = await Promise.all([
    downloads.module(`${options.pyodideUrl}pyodide.mjs`, "Pyodide"),
    downloads.module(`${options.pyodideUrl}pyodide.asm.mjs`, "Pyodide"),
  ]);
  const { loadPyodide: load } = main as { loadPyodide: LoadPyodide };
  const { default: createPyodideModule } = core as { default: CreateModule };
  const watch = new LoaderWatch(host, downloads, options.pyodideUrl);
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

/** Have `ended` called when Python itself has ended or crashed, and can run nothing more. */
export function watchEnd(pyodide: Pyodide, ended: (error: unknown) => void): void {
  (pyodide as unknown as { _api: { on_fatal?: (error: unknown) => void } })._api.on_fatal = ended;
}

/**
 * Pyodide's loader catches and prints the failures of its large files and then waits for ever. For the time of the
 * start, the worker's fetch and WebAssembly are wrapped so that bytes are counted and failures are seen.
 */
class LoaderWatch {
  readonly failed: Promise<never>;
  #fail: (error: Error) => void = () => undefined;
  readonly #undo: (() => void)[] = [];

  constructor(host: Host, downloads: Downloads, pyodideUrl: string) {
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined); // only the race looks at it, and may be over
    if (host.name === "browser") {
      this.#watchFetch(downloads, pyodideUrl);
    }
    this.#watchWasm(`${pyodideUrl}pyodide.asm.wasm`);
  }

  end(): void {
    this.#undo.forEach((undo) => {
      undo();
    });
  }

  #watchFetch(downloads: Downloads, pyodideUrl: string): void {
    const original = globalThis.fetch;
    globalThis.fetch = async (input, init): Promise<Response> => {
      const url = input instanceof Request ? input.url : String(input);
      const what = url.startsWith(pyodideUrl) ? FETCHED[url.slice(pyodideUrl.length)] : undefined;
      if (what === undefined) {
        return original(input, init);
      }
      return downloads.open(url, what).catch((error: unknown) => {
        this.#fail(error as Error);
        throw error;
      });
    };
    this.#undo.push(() => {
      globalThis.fetch = original;
    });
  }

  #watchWasm(url: string): void {
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
    WebAssembly.instantiateStreaming = wrap(instantiateStreaming);
    this.#undo.push(() => {
      WebAssembly.instantiate = instantiate;
      WebAssembly.instantiateStreaming = instantiateStreaming;
    });
  }
}
