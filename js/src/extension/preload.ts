/** Python loaded with the page, before anyone asks for a kernel, where one will be wanted. */

import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { PageConfig } from "@jupyterlab/coreutils";
import { IServiceWorkerManager } from "@jupyterlite/apputils";
import { IKernelSpecs } from "@jupyterlite/services";
import { Token } from "@lumino/coreutils";

import { type PreparedKernel, prepareKernel } from "../bridge/index.js";
import { inCharge } from "./drive.js";
import { filesOf, readSettings } from "./settings.js";

/** The apps that run nothing themselves: the list of files, and the text editor. */
const WITHOUT_KERNELS: readonly string[] = ["/tree", "/edit"];

export interface IPreload {
  /** Undefined where nothing is loaded ahead. */
  readonly kernel: Promise<PreparedKernel | undefined>;
}

export const IPreload = new Token<IPreload>("async-kernel-lite:IPreload", "Python on its way, for the first kernel.");

/** A plugin of its own: the kernel's waits for more of JupyterLab. */
export const preloadPlugin: JupyterFrontEndPlugin<IPreload> = {
  id: "async-kernel-lite:preload",
  description: "Loads Python with the page",
  autoStart: true,
  provides: IPreload,
  requires: [IKernelSpecs],
  optional: [IServiceWorkerManager],
  activate: (_, specs: IKernelSpecs, serviceWorker: IServiceWorkerManager | null) => {
    const { settings } = readSettings();
    const load = async (): Promise<PreparedKernel | undefined> => {
      if (!settings.preload || !isWanted(settings.name, specs)) {
        return undefined;
      }
      await inCharge(serviceWorker); // or the worker could not reach it later
      return prepareKernel(filesOf(settings));
    };
    return { kernel: load() };
  },
};

/** The page's address names the kernel, or names none and it is the site's default; and the visitor spares no data. */
function isWanted(name: string, specs: IKernelSpecs): boolean {
  const { connection } = navigator as { connection?: { readonly saveData?: boolean } }; // not in every browser
  const configured = new URLSearchParams(location.search).get("kernel") ?? PageConfig.getOption("defaultKernelName");
  const [first] = [name, ...Object.keys(specs.specs?.kernelspecs ?? {})].sort(); // JupyterLite's default
  const wanted = configured === "" ? first : configured;
  return wanted === name && connection?.saveData !== true && !WITHOUT_KERNELS.includes(PageConfig.getOption("appUrl"));
}
