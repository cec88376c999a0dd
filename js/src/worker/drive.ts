/** The files beside the notebook: JupyterLite's drive, mounted through the site's service worker. */

import { ContentsAPI, DriveFS } from "@jupyterlite/services/lib/contents/drivefs";
import type { IEmscriptenFSNode, IStats } from "@jupyterlite/services/lib/contents/emscripten";
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

interface SiteDriveOptions extends DriveFS.IOptions {
  readonly browsingContextId: string;
  /** What Python sees as an OSError, by the name of its errno. */
  readonly osError: (name: string) => Error;
}

/** Mount the drive and go to the notebook's directory. Where the page does not answer, say so and go without. */
export async function mountDrive(host: Host, pyodide: Pyodide, options: DriveOptions, log: Log): Promise<void> {
  const failure = await probe(host, options);
  if (failure !== undefined) {
    log("warning", `The files beside the notebook are not mounted: ${failure}`);
    return;
  }
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
    log("warning", `The notebook's directory ${directory} is not in the drive: the kernel starts in ${MOUNT_POINT}.`);
  }
}

class SiteDriveFS extends DriveFS {
  constructor(options: SiteDriveOptions) {
    super(options);
    const { FS, PATH, API, node_ops: operations } = this;
    const attributes = operations.getattr.bind(operations);
    operations.getattr = (value): IStats => {
      const stats = attributes(value);
      // JupyterLite knows no time of a folder's last change, and Python's import relies on it
      return FS.isDir(stats.mode ?? 0) ? { ...stats, mtime: new Date() } : stats;
    };
    operations.rmdir = (parent, name): void => {
      const path = PATH.join2(this.realPath(parent as IEmscriptenFSNode), name);
      if (API.readdir(path).some((entry) => entry !== "." && entry !== "..")) {
        throw options.osError("ENOTEMPTY"); // JupyterLite would delete all that is in it
      }
      API.rmdir(path);
    };
  }

  override createAPI(options: SiteDriveOptions): ContentsAPI {
    return new SiteContentsAPI(options);
  }
}

/** Milliseconds for which answers about what is there are kept: an import asks for the same directory again and again. */
const FRESH = 50;
const LOOKS: ReadonlySet<TDriveMethod> = new Set<TDriveMethod>(["getattr", "getmode", "lookup", "readdir"]);
/** Of these JupyterLite's page gives no answer when the file is gone, and the wait would be long. */
const NEED_A_FILE: ReadonlySet<TDriveMethod> = new Set<TDriveMethod>([
  "getattr",
  "getmode",
  "readdir",
  "rename",
  "rmdir",
]);

/** Asks the page, through its service worker, and waits for the answer, which the worker's thread may do. */
class SiteContentsAPI extends ContentsAPI {
  readonly #options: SiteDriveOptions;
  readonly #answers = new Map<string, string>();
  #staleAt = 0;

  constructor(options: SiteDriveOptions) {
    super(options);
    this.#options = options;
  }

  override request<T extends TDriveMethod>(data: TDriveRequest<T>): TDriveResponse<T> {
    if (NEED_A_FILE.has(data.method) && !this.request({ method: "lookup", path: data.path }).ok) {
      throw this.#options.osError("ENOENT");
    }
    const isLook = LOOKS.has(data.method);
    if (!isLook || performance.now() > this.#staleAt) {
      this.#answers.clear();
      this.#staleAt = performance.now() + FRESH;
    }
    const key = `${data.method} ${data.path}`;
    const answer = this.#answers.get(key) ?? this.#ask(data);
    if (isLook) {
      this.#answers.set(key, answer);
    }
    return JSON.parse(answer) as TDriveResponse<T>;
  }

  #ask(data: TDriveRequest<TDriveMethod>): string {
    const { baseUrl, browsingContextId, osError } = this.#options;
    const request = new XMLHttpRequest();
    request.open("POST", endpoint(baseUrl), false);
    request.timeout = TIMEOUT;
    try {
      request.send(envelope(data, browsingContextId));
    } catch {
      // JupyterLite's page does not answer what it cannot do
      throw osError("EIO");
    }
    if (request.status !== 200) {
      throw osError("EIO");
    }
    return request.responseText;
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
