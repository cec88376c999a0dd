/** The files beside the notebook: JupyterLite's drive, mounted through the site's service worker. */

import { ContentsAPI, DriveFS } from "@jupyterlite/services/lib/contents/drivefs";
import type { TDriveMethod, TDriveRequest, TDriveResponse } from "@jupyterlite/services/lib/contents/drivefs";

import type { DriveOptions } from "../protocol.js";
import { lastLine } from "./errors.js";
import type { Host } from "./host.js";
import type { Pyodide } from "./pyodide.js";
import type { Log } from "./serve.js";

const MOUNT_POINT = "/drive";
/** Milliseconds after which a request of Python's is an input/output error: the page then gave no answer. */
const TIMEOUT = 30_000;
const PROBE_TIMEOUT = 5_000;

type FileSystemType = Parameters<Pyodide["FS"]["mount"]>[0];
type DriveFSOptions = DriveFS.IOptions & { readonly browsingContextId: string };

/** Mount the drive and go to the notebook's directory. Where the page does not answer, say so and go without. */
export async function mountDrive(host: Host, pyodide: Pyodide, options: DriveOptions, log: Log): Promise<void> {
  const failure = await probe(host, options);
  if (failure !== undefined) {
    log("warning", `The files beside the notebook are not mounted: ${failure}`);
    return;
  }
  const { FS, PATH, ERRNO_CODES } = pyodide as unknown as Pick<DriveFSOptions, "FS" | "PATH" | "ERRNO_CODES">;
  const drive = new SiteDriveFS({ FS, PATH, ERRNO_CODES, ...options, mountpoint: MOUNT_POINT });
  pyodide.FS.mkdir(MOUNT_POINT);
  pyodide.FS.mount(drive as unknown as FileSystemType, {}, MOUNT_POINT);
  const directory = PATH.join(MOUNT_POINT, options.directory);
  try {
    pyodide.FS.chdir(directory);
  } catch {
    pyodide.FS.chdir(MOUNT_POINT);
    log("warning", `The notebook's directory ${directory} is not in the drive: the kernel starts in ${MOUNT_POINT}.`);
  }
}

class SiteDriveFS extends DriveFS {
  override createAPI(options: DriveFSOptions): ContentsAPI {
    return new SiteContentsAPI(options);
  }
}

/** Asks the page, through its service worker, and waits for the answer, which the worker's thread may do. */
class SiteContentsAPI extends ContentsAPI {
  readonly #options: DriveFSOptions;

  constructor(options: DriveFSOptions) {
    super(options);
    this.#options = options;
  }

  override request<T extends TDriveMethod>(data: TDriveRequest<T>): TDriveResponse<T> {
    const { baseUrl, browsingContextId } = this.#options;
    const request = new XMLHttpRequest();
    request.open("POST", endpoint(baseUrl), false);
    request.timeout = TIMEOUT;
    try {
      request.send(envelope(data, browsingContextId));
    } catch {
      // JupyterLite's page does not answer what it cannot do
      throw new this.FS.ErrnoError(this.ERRNO_CODES.EIO);
    }
    if (request.status !== 200) {
      throw new this.FS.ErrnoError(this.ERRNO_CODES.EIO);
    }
    return JSON.parse(request.responseText) as TDriveResponse<T>;
  }
}

/** Ask once without blocking: what is wrong, or nothing. */
async function probe(host: Host, { baseUrl, browsingContextId, driveName }: DriveOptions): Promise<string | undefined> {
  if (host.name === "node") {
    return "there is no service worker in Node.";
  }
  const body = envelope({ method: "lookup", path: driveName === "" ? "" : `${driveName}:` }, browsingContextId);
  try {
    const signal = AbortSignal.timeout(PROBE_TIMEOUT);
    const response = await fetch(endpoint(baseUrl), { method: "POST", body, signal });
    return response.ok ? undefined : `the service worker is not in charge of this page (${String(response.status)}).`;
  } catch (error) {
    return `the page gave no answer (${lastLine(error)}).`;
  }
}

function endpoint(baseUrl: string): string {
  return new URL("api/drive", baseUrl).href;
}

function envelope(data: TDriveRequest<TDriveMethod>, browsingContextId: string): string {
  const requestId = crypto.randomUUID();
  return JSON.stringify({ data: { ...data, requestId }, browsingContextId, requestId });
}
