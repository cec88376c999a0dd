/** Python loaded with the page, before anyone asks for a kernel, where one will be wanted. */

import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { IServiceWorkerManager } from "@jupyterlite/apputils";
import { IKernelSpecs } from "@jupyterlite/services";
import { Token } from "@lumino/coreutils";

import { PreparedKernel } from "../bridge/prepared.js";
import { inCharge } from "./drive.js";
import { early } from "./early.js";
import { PRELOAD_PLUGIN, filesOf, readSettings } from "./settings.js";
import { isWanted } from "./wanted.js";

export interface IPreload {
  /** Undefined where nothing is loaded ahead. */
  readonly kernel: Promise<PreparedKernel | undefined>;
}

export const IPreload = new Token<IPreload>("async-kernel-lite:IPreload", "Python on its way, for the first kernel.");

/** A plugin of its own, so that a site can do without. */
export const preloadPlugin: JupyterFrontEndPlugin<IPreload> = {
  id: PRELOAD_PLUGIN,
  description: "Loads Python with the page",
  autoStart: true,
  provides: IPreload,
  requires: [IKernelSpecs],
  optional: [IServiceWorkerManager],
  activate: (_, specs: IKernelSpecs, serviceWorker: IServiceWorkerManager | null) => {
    const { settings } = readSettings();
    const load = async (): Promise<PreparedKernel | undefined> => {
      if (!isWanted(settings, Object.keys(specs.specs?.kernelspecs ?? {}))) {
        early?.dispose();
        return undefined;
      }
      if (early === undefined) {
        await inCharge(serviceWorker);
      }
      return early ?? new PreparedKernel(filesOf(settings));
    };
    return { kernel: load() };
  },
};
