/** After a kernel's death: the reason shown, and the way free for a restart. */

import { Dialog, showDialog } from "@jupyterlab/apputils";
import type { ServiceManager } from "@jupyterlab/services";
import { Widget } from "@lumino/widgets";

import type { Failure } from "../bridge/index.js";
import type { LiteKernel } from "./lite_kernel.js";

/**
 * JupyterLab's connection to a dead kernel is of no more use, also for a restart. Without a session, a restart starts
 * the same kind of kernel anew.
 */
export async function bury(
  services: ServiceManager.IManager,
  kernel: LiteKernel,
  displayName: string,
  failure: Failure,
): Promise<void> {
  const paths = await endSessions(services, kernel.id);
  kernel.dispose();
  await services.kernels.refreshRunning();
  if (failure.expected !== true) {
    await showDialog({
      title: `${displayName} has stopped`,
      body: explanation(paths, failure),
      buttons: [Dialog.okButton()],
    });
  }
}

/** End what uses the kernel. Returns the paths of the documents. */
async function endSessions({ sessions }: ServiceManager.IManager, kernelId: string): Promise<string[]> {
  const paths: string[] = [];
  for (;;) {
    await sessions.refreshRunning();
    const session = [...sessions.running()].find(({ kernel }) => kernel?.id === kernelId);
    if (session === undefined) {
      return paths;
    }
    paths.push(session.path);
    await sessions.shutdown(session.id); // with it JupyterLite may end one more, so the list is asked for again
  }
}

function explanation(paths: string[], { reason, traceback }: Failure): Widget {
  const widget = new Widget();
  const add = (tag: "p" | "pre" | "summary", text: string, parent: HTMLElement = widget.node): void => {
    const element = document.createElement(tag);
    element.textContent = text;
    parent.append(element);
  };
  add("p", reason);
  if (traceback !== "") {
    const details = document.createElement("details");
    add("summary", "Traceback", details);
    add("pre", traceback, details);
    widget.node.append(details);
  }
  const where = paths.length === 0 ? "" : ` of ${paths.join(", ")}`;
  add("p", `“Restart Kernel” starts the kernel${where} again.`);
  return widget;
}
