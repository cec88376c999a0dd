/**
 * Python on its way while the page still loads JupyterLab.
 *
 * This module runs as soon as the extension's entry is there, and can use nothing of JupyterLab's. At a first visit the
 * worker begins before the service worker is in charge, which then claims it with the page. Chromium refuses a worker
 * that was claimed some synchronous requests to other sites, by which Python waits without JSPI: there it begins later.
 */

import { canSwitchStacks } from "../bridge/capabilities.js";
import { PreparedKernel } from "../bridge/prepared.js";
import { isJupyterLite, pageOption } from "./page_config.js";
import { EXTENSION, KERNEL_PLUGIN, PRELOAD_PLUGIN, filesOf, readSettings } from "./settings.js";
import { isWanted } from "./wanted.js";

function load(): PreparedKernel | undefined {
  try {
    const { settings } = readSettings();
    return canSwitchStacks() && isJupyterLite() && isEnabled() && isWanted(settings)
      ? new PreparedKernel(filesOf(settings))
      : undefined;
  } catch {
    return undefined; // the kernel's start tells what is wrong
  }
}

/** The page loads this file also if the site has disabled what is in it. */
function isEnabled(): boolean {
  const disabled = pageOption("disabledExtensions");
  const ours = [EXTENSION, KERNEL_PLUGIN, PRELOAD_PLUGIN];
  return !(Array.isArray(disabled) && ours.some((id) => disabled.includes(id)));
}

/** Undefined if the page will not want it, as far as can be said so early, or has to wait. */
export const early = load();
