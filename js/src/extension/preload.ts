/** Python loaded with the page, before anyone asks for a kernel, where one will be wanted. */

import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { IKernelSpecs } from "@jupyterlite/services";
import { Token } from "@lumino/coreutils";

import type { PreparedKernel } from "../bridge/prepared.js";
import { early } from "./early.js";
import { PRELOAD_PLUGIN, readSettings } from "./settings.js";
import { isWanted } from "./wanted.js";

export interface IPreload {
  /** Undefined where nothing is loaded ahead. */
  readonly kernel: PreparedKernel | undefined;
}

export const IPreload = new Token<IPreload>("async-kernel-lite:IPreload", "Python on its way, for the first kernel.");

/** A plugin of its own, so that a site can do without. */
export const preloadPlugin: JupyterFrontEndPlugin<IPreload> = {
  id: PRELOAD_PLUGIN,
  description: "Loads Python with the page",
  autoStart: true,
  provides: IPreload,
  requires: [IKernelSpecs],
  activate: (_, specs: IKernelSpecs) => {
    if (isWanted(readSettings().settings, Object.keys(specs.specs?.kernelspecs ?? {}))) {
      return { kernel: early };
    }
    early?.dispose();
    return { kernel: undefined };
  },
};
