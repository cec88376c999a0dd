/** JupyterLab's debugger panel, for applications that lack it, as JupyterLite 0.8 does. */

import "@jupyterlab/debugger/style/base.css";

import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import { PageConfig } from "@jupyterlab/coreutils";
import plugins from "@jupyterlab/debugger-extension";

import { detectCapabilities } from "../bridge/capabilities.js";

declare const __webpack_share_scopes__: Readonly<Record<string, object | undefined>>;

const THEIRS = "@jupyterlab/debugger-extension:";
/** A plugin's settings are looked for by its name, among those of this package. */
const OURS = "async-kernel-lite:debugger-";

/** The panel's plugins; none where the application, which shares all that it is made of, has them. */
export function debuggerPlugins(): JupyterFrontEndPlugin<unknown>[] {
  if ("@jupyterlab/debugger-extension" in (__webpack_share_scopes__["default"] ?? {})) {
    return [];
  }
  if (detectCapabilities().breakpoints) {
    PageConfig.setOption("alwaysShowDebuggerExtension", "true"); // its list of kernels is older than ours
  }
  const found = plugins as JupyterFrontEndPlugin<unknown>[];
  for (const plugin of found) {
    plugin.id = plugin.id.replace(THEIRS, OURS); // in place: they name themselves when they load their settings
  }
  return found;
}
