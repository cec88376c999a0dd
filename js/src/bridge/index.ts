/**
 * Start and drive a Python kernel from a page or from Node, without Jupyter.
 *
 * const kernel = await startKernel({ pyodideUrl: "/pyodide/", onMessage: (message) => { … } });
 * kernel.handleMessage({ channel: "shell", header: { … }, parent_header: {}, metadata: {}, content: { … } });
 */

import { Kernel } from "./kernel.js";
import type { KernelOptions } from "./options.js";
import { PreparedKernel } from "./prepared.js";

/** Start a kernel. Messages may be sent at once; `kernel.ready` tells when it answers them. */
export async function startKernel(options: KernelOptions): Promise<Kernel> {
  const kernel = new Kernel(options);
  await kernel.start();
  return kernel;
}

/**
 * Load Python ahead of a kernel that may be wanted soon: `startKernel({ ...options, prepared })` then goes on from there.
 * It takes what the kernel's options say of files, and nothing else.
 */
export function prepareKernel(options: KernelOptions): PreparedKernel {
  return new PreparedKernel(options);
}

export type { DriveOptions, Failure, Json, LogLevel, LogRecord, Progress, Stage, Way } from "../protocol.js";
export type { Capabilities } from "./capabilities.js";
export { detectCapabilities } from "./capabilities.js";
export { Kernel, KernelDeadError } from "./kernel.js";
export type { EncodedMessage, JupyterHeader, JupyterMessage } from "./message.js";
export type { KernelOptions } from "./options.js";
export type { PreparedKernel } from "./prepared.js";
