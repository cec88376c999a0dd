/** The stop button. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { type ISessionContext, Notification } from "@jupyterlab/apputils";
import type { IKernelClient } from "@jupyterlite/services";
import type { Widget } from "@lumino/widgets";

import type { Kernel, Way } from "../bridge/index.js";
import type { LiteKernel } from "./lite_kernel.js";

/** Milliseconds that an interrupt may take before the user is told. */
const PATIENCE = 1500;

const UNINTERRUPTIBLE =
  "It is in a long call of compiled code or JavaScript, which cannot be interrupted: it stops when the call returns.";
const REASONS: Readonly<Record<Way, string>> = {
  "stack switching": UNINTERRUPTIBLE,
  "shared memory": UNINTERRUPTIBLE,
  "service worker": UNINTERRUPTIBLE,
  none:
    "This browser cannot switch stacks (JSPI), the site sends no headers that isolate the page (COOP and COEP), and " +
    "there is no service worker, as in private windows: a cell that computes cannot hear the stop button.",
};

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

/** Tells the user of an interrupt that does not arrive, and offers a restart. */
export class InterruptNotice {
  readonly #name: string;
  readonly #restart: () => void;
  #id: string | null = null;

  /**
   * @param name the kernel's, as users know it
   * @param restart restarts it
   */
  constructor(name: string, restart: () => void) {
    this.#name = name;
    this.#restart = restart;
  }

  /** Interrupt a kernel, once it has started. */
  async interrupt(kernel: Kernel): Promise<void> {
    const interrupted = kernel.interrupt();
    await kernel.ready;
    const timer = setTimeout(() => {
      this.#show(kernel.capabilities.interrupt);
    }, PATIENCE);
    try {
      await interrupted;
    } finally {
      clearTimeout(timer);
      this.close();
    }
  }

  close(): void {
    if (this.#id !== null) {
      Notification.dismiss(this.#id);
      this.#id = null;
    }
  }

  #show(way: Way): void {
    this.#id ??= Notification.warning(`${this.#name} does not hear the stop button. ${REASONS[way]}`, {
      autoClose: false,
      actions: [{ label: "Restart Kernel", displayType: "warn", callback: this.#restart }],
    });
  }
}

/** Restart a kernel as the menu of one of its documents does. */
export function restartKernel(app: JupyterFrontEnd, kernelId: string): void {
  for (const widget of app.shell.widgets("main")) {
    const { sessionContext } = widget as Widget & { sessionContext?: ISessionContext };
    if (sessionContext?.session?.kernel?.id === kernelId) {
      void sessionContext.restartKernel();
      return;
    }
  }
}
