/** The stop button. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import { Dialog, type ISessionContext } from "@jupyterlab/apputils";
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
  #dialog: Dialog<unknown> | null = null;

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
    this.#dialog?.dispose();
    this.#dialog = null;
  }

  #show(way: Way): void {
    if (this.#dialog !== null) {
      return;
    }
    const dialog = new Dialog({
      title: `${this.#name} does not hear the stop button`,
      body: `${REASONS[way]} A restart ends it, and all that the kernel holds in memory.`,
      buttons: [Dialog.cancelButton({ label: "Wait" }), Dialog.warnButton({ label: "Restart Kernel" })],
    });
    this.#dialog = dialog;
    dialog.launch().then(
      ({ button }) => {
        this.#dialog = null;
        if (button.accept) {
          this.#restart();
        }
      },
      () => undefined, // closed, since the interrupt was heard
    );
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
