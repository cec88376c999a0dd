/** How the worker reaches the files beside the notebook, where it can. */

import type { IServiceWorkerManager } from "@jupyterlite/apputils";

import type { DriveOptions } from "../bridge/index.js";
import { siteUrl } from "./site.js";

/** Milliseconds to wait for a service worker that is being registered. */
const PATIENCE = 5000;

/** Undefined where no service worker answers this page. */
export async function driveFor(
  location: string,
  manager: IServiceWorkerManager | null,
): Promise<DriveOptions | undefined> {
  if (manager === null || !(await inCharge(manager))) {
    return undefined;
  }
  const colon = location.indexOf(":");
  return {
    baseUrl: siteUrl(),
    browsingContextId: manager.browsingContextId,
    driveName: location.slice(0, Math.max(colon, 0)),
    directory: location.slice(colon + 1),
  };
}

/** Whether the service worker takes requests of the page and of its workers, which it claims at a first visit. */
export async function inCharge(manager: IServiceWorkerManager | null): Promise<boolean> {
  if (manager === null || !("serviceWorker" in navigator)) {
    return false;
  }
  const late = new Promise<boolean>((resolve) => {
    setTimeout(() => {
      resolve(false);
    }, PATIENCE);
  });
  return Promise.race([manager.ready.then(controlled, () => false), late]);
}

async function controlled(): Promise<boolean> {
  const { serviceWorker } = navigator;
  if (serviceWorker.controller === null) {
    await new Promise((resolve) => {
      serviceWorker.addEventListener("controllerchange", resolve, { once: true });
    });
  }
  return true;
}
