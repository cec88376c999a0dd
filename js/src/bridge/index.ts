/**
 * Start and drive a Python kernel from a page or from Node, without Jupyter.
 *
 * const kernel = await startKernel({ pyodideUrl: "/pyodide/", onMessage: (message) => { … } });
 * kernel.handleMessage({ channel: "shell", header: { … }, parent_header: {}, metadata: {}, content: { … } });
 */

import { Kernel } from "./kernel.js";
import type { KernelOptions } from "./options.js";

/** Start a kernel. Messages may be sent at once; `kernel.ready` tells when it answers them. */
export async function startKernel(options: KernelOptions): Promise<Kernel> {
  const kernel = new Kernel(options);
  await kernel.start();
  return kernel;
}

export type { DriveOptions, Failure, Json, LogLevel, LogRecord, Progress, Stage, Way } from "../protocol.js";
export type { Capabilities } from "./capabilities.js";
export { detectCapabilities } from "./capabilities.js";
export { Kernel, KernelDeadError } from "./kernel.js";
export type { EncodedMessage, JupyterHeader, JupyterMessage } from "./message.js";
export type { KernelOptions } from "./options.js";
