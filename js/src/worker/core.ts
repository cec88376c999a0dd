/** The seam with Python: `async_kernel._browser.start`, and code to run around it. */

import type { Json } from "../protocol.js";
import { StartError, lastLine } from "./errors.js";
import type { History } from "./history.js";
import type { Listening } from "./listening/listening.js";
import type { Pyodide } from "./pyodide.js";
import type { PyodidePackages } from "./pyodide_packages.js";

/** What Python calls. */
export interface CoreCallbacks {
  /** A message out. */
  send(json: string, buffers: Uint8Array<ArrayBuffer>[] | undefined): void;
  /** The `input_reply` to the `input_request` of this message id, where the event loop goes on meanwhile. */
  answer(id: string): Promise<string>;
  /** Nobody waits for that any more. */
  giveUp(id: string): void;
  /** Called once, when the kernel has ended. */
  stopped(): void;
  /** Resolves when everything the page had sent before was delivered. */
  drain(): Promise<void>;
  readonly settings: Readonly<Record<string, Json>>;
  /** What Python may load besides what the site ships. */
  readonly packages: PyodidePackages;
  /** Undefined where nothing is kept. */
  readonly history: History | undefined;
  /** See `StartOptions`. */
  readonly frontEndPackages: Readonly<Record<string, Json>> | undefined;
  /** How Python hears from the page while it is busy. */
  readonly listening: Listening;
}

/** What JavaScript calls. */
export interface CoreHandlers {
  handle_msg(json: string, buffers: readonly Uint8Array<ArrayBuffer>[] | undefined): void;
  stop(): void;
}

/** The Python module `async_kernel._browser`. */
export interface BrowserModule {
  readonly start: { callKwargs(callbacks: CoreCallbacks): Promise<CoreHandlers> };
}

/** Import the core, with the many modules that it needs. */
export function importCore(pyodide: Pyodide): BrowserModule {
  try {
    return pyodide.pyimport("async_kernel._browser") as BrowserModule;
  } catch (error) {
    throw startError(error);
  }
}

export async function startCore(module: BrowserModule, callbacks: CoreCallbacks): Promise<CoreHandlers> {
  try {
    return await module.start.callKwargs(callbacks);
  } catch (error) {
    throw startError(error);
  }
}

function startError(error: unknown): StartError {
  return new StartError(
    `The Python kernel does not start: ${lastLine(error)}. ` +
      "The traceback is in the log console: correct what it names (settings, packages, scripts), then restart.",
    error,
  );
}

/** Run the site's own Python code; `setting` is the setting that it comes from. */
export async function runScript(pyodide: Pyodide, code: string, setting: string): Promise<void> {
  if (code.trim() === "") {
    return;
  }
  try {
    await pyodide.runPythonAsync(code, { filename: `<${setting}>` });
  } catch (error) {
    throw new StartError(
      `The code in the setting ${setting} failed: ${lastLine(error)}. Correct it, then restart the kernel.`,
      error,
    );
  }
}
