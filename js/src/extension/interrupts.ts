/** The stop button. */

import type { IKernelClient } from "@jupyterlite/services";

import type { LiteKernel } from "./lite_kernel.js";

/** JupyterLite's own interrupt drops what waits in the page and never tells the kernel: for ours, ask the kernel. */
export function routeInterrupts(client: IKernelClient, kernels: ReadonlyMap<string, LiteKernel>): void {
  const others = client.interrupt.bind(client);
  client.interrupt = async (id): Promise<void> => {
    const kernel = kernels.get(id);
    if (kernel === undefined) {
      await others(id);
    } else {
      kernel.interrupt();
    }
  };
}
