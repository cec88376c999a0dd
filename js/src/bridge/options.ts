/** What a host page or program says about the kernel that it wants. */

import type { DriveOptions, Failure, Json, LogRecord, Progress, PythonOptions, StartOptions } from "../protocol.js";
import type { JupyterMessage } from "./message.js";
import type { PreparedKernel } from "./prepared.js";

export interface KernelOptions {
  /** The directory of `pyodide.mjs`. */
  pyodideUrl: string;
  /** The manifest of the wheels that the site ships. Default: `wheels/manifest.json` beside this module. */
  wheels?: string;
  /** The manifest of further wheels, those of the site's own choice. Default: there are none. */
  packagesUrl?: string;
  /**
   * The description of the memory snapshot that the kernel starts from; `null` to boot without one. Default:
   * `snapshot/snapshot.json` beside this module. It fits Pyodide and the wheels that it was made with.
   */
  snapshotUrl?: string | null;
  /** The worker's script. Default: `worker.mjs` beside this module. */
  workerUrl?: string;
  /** Passed on to Pyodide's `loadPyodide`: plain data, since it crosses to the worker. */
  loadPyodideOptions?: Record<string, Json>;
  /** Configuration of the Python kernel, as `start_kernel_callable_interface` takes it. */
  settings?: Record<string, Json>;
  /** Installed before the first cell: packages that the site ships, wheels by address or path, names for micropip. */
  packages?: readonly string[];
  /**
   * The versions of Python packages of which the page has a part (`{"jupyterlab-widgets": "3.0.17"}`): those are
   * installed, and what lacks its part is told. Default: nobody knows.
   */
  frontEndPackages?: Record<string, Json>;
  /** The name under which the browser keeps what was typed, for later kernels with the same. Default: nothing is kept. */
  history?: string;
  /** Python code run before the kernel starts, with the packages in place. */
  startScript?: string;
  /** Python code run after the kernel started, before the first message. */
  postStartScript?: string;
  /** JupyterLite's drive, where its service worker answers: the start waits until that is known. */
  drive?: DriveOptions | Promise<DriveOptions | undefined>;
  /** What `prepareKernel` has begun with the same options. The first start takes it. */
  prepared?: PreparedKernel | Promise<PreparedKernel | undefined>;
  /** What relative addresses start from. Default: the page, or in Node the working directory. */
  baseUrl?: string;

  /** A message from the kernel, on any channel. Its buffers are the receiver's. */
  onMessage?: (message: JupyterMessage) => void;
  onProgress?: (progress: Progress) => void;
  onLog?: (record: LogRecord) => void;
  /** The kernel has ended without `dispose`, or its start failed. `restart` starts it anew. */
  onDead?: (failure: Failure) => void;
}

/** What the host says. The rest of the start is between page and worker. */
export type PlainOptions = Omit<StartOptions, "listening">;

/** Every address absolute: worker and page do not share a base. */
export function resolvePython(options: KernelOptions): { workerUrl: string; python: PythonOptions } {
  const base = options.baseUrl ?? defaultBase();
  const absolute = (url: string | undefined, fallback: string): string =>
    url === undefined ? new URL(fallback, import.meta.url).href : new URL(url, base).href;
  const directory = (url: string): string => (url.endsWith("/") ? url : `${url}/`);
  return {
    workerUrl: absolute(options.workerUrl, "./worker.mjs"),
    python: {
      pyodideUrl: new URL(directory(options.pyodideUrl), base).href,
      wheelsUrl: absolute(options.wheels, "./wheels/manifest.json"),
      ...(options.packagesUrl === undefined ? {} : { packagesUrl: new URL(options.packagesUrl, base).href }),
      ...(options.snapshotUrl === null
        ? {}
        : { snapshotUrl: absolute(options.snapshotUrl, "./snapshot/snapshot.json") }),
      loadPyodideOptions: options.loadPyodideOptions ?? {},
    },
  };
}

export async function resolveOptions(options: KernelOptions): Promise<{ workerUrl: string; start: PlainOptions }> {
  const drive = await options.drive;
  const { workerUrl, python } = resolvePython(options);
  return {
    workerUrl,
    start: {
      ...python,
      settings: options.settings ?? {},
      packages: options.packages ?? [],
      ...(options.history === undefined ? {} : { history: options.history }),
      ...(options.frontEndPackages === undefined ? {} : { frontEndPackages: options.frontEndPackages }),
      packagesBaseUrl: options.baseUrl ?? defaultBase(),
      startScript: options.startScript ?? "",
      postStartScript: options.postStartScript ?? "",
      ...(drive === undefined ? {} : { drive }),
    },
  };
}

function defaultBase(): string {
  return typeof document === "undefined" ? `file://${process.cwd()}/` : document.baseURI;
}
