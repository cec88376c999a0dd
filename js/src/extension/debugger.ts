/** JupyterLab's debugger panel, for applications that lack it, as JupyterLite 0.8 does. */

import "@jupyterlab/debugger/style/base.css";

import type { JupyterFrontEndPlugin } from "@jupyterlab/application";
import plugins from "@jupyterlab/debugger-extension";

declare const __webpack_share_scopes__: Readonly<Record<string, object | undefined>>;

const THEIRS = "@jupyterlab/debugger-extension:";
/** A plugin's settings are looked for by its name, among those of this package. */
const OURS = "async-kernel-lite:debugger-";

/** The panel's plugins; none where the application shares a debugger of its own: then it has them already. */
export function debuggerPlugins(): JupyterFrontEndPlugin<unknown>[] {
  if ("@jupyterlab/debugger" in (__webpack_share_scopes__["default"] ?? {})) {
    return [];
  }
  const found = plugins as JupyterFrontEndPlugin<unknown>[];
  for (const plugin of found) {
    plugin.id = plugin.id.replace(THEIRS, OURS); // in place: they name themselves when they load their settings
  }
  return found;
}
