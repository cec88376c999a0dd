/**
 * What page and worker say to each other: types alone, no logic.
 *
 * Both directions use the worker's own port, which keeps the order. A Jupyter message is one JSON text; its buffers
 * travel beside it and are transferred.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A Jupyter message as it crosses between page and worker. */
export interface WireMessage {
  readonly json: string;
  readonly buffers: readonly Uint8Array<ArrayBuffer>[];
}

/** JupyterLite's drive, as the worker needs it to mount the files beside the notebook. */
export interface DriveOptions {
  /** The site's address, the one below which its service worker answers. */
  readonly baseUrl: string;
  readonly browsingContextId: string;
  /** The drive of the contents manager, empty for the default one. */
  readonly driveName: string;
  /** The directory in the drive that the kernel starts in. */
  readonly directory: string;
}

/** How Python hears from the page while it is busy: by switching stacks (JSPI), or one of what the page offers. */
export type Way = "stack switching" | "shared memory" | "service worker" | "none";

/** What the page offers a worker that blocks. */
export interface ListeningOptions {
  /** See `SharedMemory`. Absent on pages that are not isolated. */
  readonly shared?: SharedArrayBuffer;
  /** Absent without JupyterLite's service worker. */
  readonly serviceWorker?: ServiceWorkerOptions;
}

export interface ServiceWorkerOptions {
  /** The address whose requests the service worker hands on to pages. */
  readonly url: string;
  /** Names the page's end. */
  readonly contextId: string;
}

/** What a worker that blocks asks. `press` is the last interrupt that it knows of: a later one is an answer. */
export type Question =
  | { readonly type: "look" }
  | { readonly type: "sleep"; readonly milliseconds: number; readonly press: number }
  | { readonly type: "input"; readonly id: string; readonly milliseconds: number; readonly press: number }
  | { readonly type: "give up"; readonly id: string }
  /** The next piece of an answer. */
  | { readonly type: "more" };

export interface Answer {
  /** The number of the latest interrupt. */
  readonly press: number;
  /** An `input_reply`, if that was asked for and has come. */
  readonly json?: string | undefined;
}

/** All that the worker needs to start; every address is absolute. */
export interface StartOptions {
  /** The directory of `pyodide.mjs`, ending in a slash. */
  readonly pyodideUrl: string;
  /** The wheel manifest: see `WheelManifest`. */
  readonly wheelsUrl: string;
  /** A second wheel manifest, with what the site ships besides. */
  readonly packagesUrl?: string;
  /** The snapshot manifest: see `SnapshotManifest`. Absent to boot without one. */
  readonly snapshotUrl?: string;
  readonly loadPyodideOptions: Readonly<Record<string, Json>>;
  /** Configuration of the Python kernel: a mapping as `start_kernel_callable_interface` takes it. */
  readonly settings: Readonly<Record<string, Json>>;
  /** Packages to install before the first cell: names, requirements, addresses or paths of wheels. */
  readonly packages: readonly string[];
  /** The versions of Python packages of which the page has a part, by normalised name. Absent where that is not known. */
  readonly frontEndPackages?: Readonly<Record<string, Json>>;
  /** The name under which the browser keeps what was typed, for later kernels. Absent to keep nothing. */
  readonly history?: string;
  /** Where relative paths in `packages` start. */
  readonly packagesBaseUrl: string;
  /** Python code to run before and after the kernel starts. */
  readonly startScript: string;
  readonly postStartScript: string;
  /** Absent where files cannot be mounted. */
  readonly drive?: DriveOptions;
  readonly listening: ListeningOptions;
}

/** What the worker needs to load Python, which it can do before it is known for which kernel. */
export type PythonOptions = Pick<
  StartOptions,
  "pyodideUrl" | "wheelsUrl" | "packagesUrl" | "snapshotUrl" | "loadPyodideOptions"
>;

/** The file beside the wheels that says what they are. */
export interface WheelManifest {
  /** The packages (with all that they require) without which the kernel does not start. */
  readonly core: readonly string[];
  /** The address of the `WheelIndex`, relative to the manifest. */
  readonly files: string;
  /** Requirements that the build has checked, each with the normalised name of the package that satisfies it. */
  readonly satisfied: Readonly<Record<string, string>>;
  /** By normalised name. */
  readonly wheels: Readonly<Record<string, WheelEntry>>;
}

export interface WheelEntry {
  /** The file's address, relative to the manifest. */
  readonly file: string;
  readonly version: string;
  readonly sha256: string;
  readonly size: number;
  /** Normalised names of packages in the site's manifests. */
  readonly requires: readonly string[];
  /** Absent if nothing of Pyodide's own index is required. */
  readonly pyodide?: {
    /** The modules and packages at the wheel's top level. */
    readonly imports: readonly string[];
    /** The packages of that index that it requires, also by way of others. */
    readonly packages: readonly string[];
  };
}

/** By wheel's file name, the files that it puts into site-packages. */
export type WheelIndex = Readonly<Record<string, readonly WheelMember[]>>;

/** Path; where its bytes begin in the wheel; how many there are; its size; the zip method, 0 (stored) or 8 (deflated). */
export type WheelMember = readonly [path: string, begin: number, packed: number, size: number, method: 0 | 8];

/** The file that describes a memory image of a started Python: see `worker/snapshot`. */
export interface SnapshotManifest {
  /** The version of this format. */
  readonly format: 1;
  /** The version of Pyodide. Its files are those that the image was made with, or it cannot be used. */
  readonly pyodide: string;
  /** The SHA-256 of the wheel manifests whose wheels' modules are in the image. */
  readonly wheels: readonly string[];
  /** Whether WebAssembly could switch stacks (JSPI) where the image was made: it works only where that is the same. */
  readonly jspi: boolean;
  /** The packages that were imported beside the core's. */
  readonly packages: readonly string[];
  /** Files of Pyodide's. */
  readonly files: Readonly<Record<string, { readonly size: number; readonly sha256: string }>>;
  readonly image: {
    /** The address, relative to this file. Its content is compressed with gzip. */
    readonly file: string;
    /** Bytes as they travel. */
    readonly size: number;
    readonly sha256: string;
    /** Bytes of WebAssembly memory that the image fills. */
    readonly memory: number;
    /** Up to this address the image is the difference (XOR) from the memory of a Pyodide that has not started. */
    readonly initialised: number;
    /** Where the C stack's pointer was: what is above it is in use. */
    readonly stack: number;
    /** What differs from run to run in such a memory: index and value of 32-bit words. */
    readonly words: readonly (readonly [index: number, value: number])[];
  };
  /** The files that the kernel had made in its home directory: by path below it, in base64. */
  readonly home: Readonly<Record<string, string>>;
  /** What Pyodide's own snapshots begin with: its build, and its references between Python and JavaScript; base64. */
  readonly head: string;
}

export type Stage = "download" | "python" | "install" | "kernel";

export interface Progress {
  readonly stage: Stage;
  /** What is being done, for a person. */
  readonly text: string;
  /** Bytes received so far, of all files. */
  readonly loaded: number;
  /** Bytes of all files, as far as their sizes are known. */
  readonly total: number;
}

export type LogLevel = "debug" | "info" | "warning" | "error";

export interface LogRecord {
  readonly level: LogLevel;
  readonly text: string;
}

/** Why a kernel ended or never started. */
export interface Failure {
  /** One line or a few: what was wrong, with what, and what to do. */
  readonly reason: string;
  /** A Python or JavaScript traceback, where there is one. */
  readonly traceback: string;
  /** The kernel did as it was told: nothing to worry about. */
  readonly expected?: boolean;
}

export type ToWorker =
  /** The first: the web lock that the worker holds for its life, absent where there are none. Answered with `alive`. */
  | { readonly type: "live"; readonly lifeLock?: string }
  /** May come before `start`, whose options then have the same. */
  | { readonly type: "prepare"; readonly options: PythonOptions }
  | { readonly type: "start"; readonly options: StartOptions }
  | { readonly type: "message"; readonly message: WireMessage }
  | { readonly type: "input_reply"; readonly message: WireMessage }
  | { readonly type: "drained"; readonly id: number }
  /** An `interrupt_request` follows: the number of this interrupt. */
  | { readonly type: "interrupt"; readonly press: number }
  | { readonly type: "stop" };

export type FromWorker =
  /** The worker runs. */
  | { readonly type: "alive"; readonly holdsLock: boolean }
  /** It starts: how it will hear from the page. */
  | { readonly type: "starting"; readonly way: Way }
  /** A worker that blocks waits for the answer in shared memory. */
  | { readonly type: "ask"; readonly question: Question }
  /** Something was interrupted, though no `interrupt_request` could be received: for all interrupts up to `press`. */
  | { readonly type: "interrupted"; readonly press: number }
  | { readonly type: "progress"; readonly progress: Progress }
  | { readonly type: "log"; readonly record: LogRecord }
  | { readonly type: "ready" }
  | { readonly type: "message"; readonly message: WireMessage }
  /** Answered with `drained` once everything posted before it was received. */
  | { readonly type: "drain"; readonly id: number }
  | { readonly type: "failed"; readonly failure: Failure }
  /** The Python kernel ended by itself, as after a `shutdown_request`. */
  | { readonly type: "stopped" };
