/** The files beside the notebook: JupyterLite's drive, mounted through the site's service worker. */

import type { DriveOptions } from "../../protocol.js";
import { lastLine } from "../errors.js";
import type { Host } from "../host.js";
import type { Pyodide } from "../pyodide.js";
import type { Log } from "../serve.js";
import { driveEndpoint, envelope } from "./contents.js";
import { SiteDriveFS, type SiteDriveOptions } from "./file_system.js";

const MOUNT_POINT = "/drive";
/** Milliseconds for the page to show that it is there. */
const PROBE_TIMEOUT = 5_000;

/** A file that is not there: JupyterLite has its answer at once, while it would read what it finds. */
const UNLIKELY = ".async-kernel";

type FileSystemType = Parameters<Pyodide["FS"]["mount"]>[0];

/** Mount the drive and go to the notebook's directory. */
export function mountDrive(pyodide: Pyodide, options: DriveOptions, log: Log): void {
  const { FS } = pyodide;
  const { PATH, ERRNO_CODES } = pyodide as Pick<SiteDriveOptions, "PATH"> & { ERRNO_CODES: Record<string, number> };
  const driveFS = FS as unknown as SiteDriveOptions["FS"]; // two descriptions of one object
  const osError = (name: string): Error => new FS.ErrnoError(ERRNO_CODES[name] ?? 0);
  const drive = new SiteDriveFS({ FS: driveFS, PATH, ERRNO_CODES, ...options, mountpoint: MOUNT_POINT, osError });
  FS.mkdir(MOUNT_POINT);
  FS.mount(drive as unknown as FileSystemType, {}, MOUNT_POINT);
  const directory = PATH.join(MOUNT_POINT, options.directory);
  try {
    FS.chdir(directory);
  } catch {
    FS.chdir(MOUNT_POINT);
    log(
      "warning",
      `The notebook's folder was not found (${directory}): cells look for files in ${MOUNT_POINT}, the top folder.`,
    );
  }
}

/** The drive if the page answers for it, which is asked once, without blocking; or why there is none. */
export async function findDrive(host: Host, options: DriveOptions | undefined): Promise<DriveOptions | string> {
  if (options === undefined || host.name === "node") {
    return "there is no service worker.";
  }
  const { baseUrl, browsingContextId, driveName } = options;
  const path = driveName === "" ? UNLIKELY : `${driveName}:${UNLIKELY}`;
  const body = envelope({ method: "lookup", path }, browsingContextId);
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT);
    const response = await fetch(driveEndpoint(baseUrl), { method: "POST", body, signal });
    return response.ok ? options : `the service worker is not in charge of this page (${String(response.status)}).`;
  } catch (error) {
    return `the page gave no answer (${lastLine(error)}).`;
  }
}
