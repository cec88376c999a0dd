/** Requests to the page that holds the files, each waited for. */

import { BLOCK_SIZE, ContentsAPI, type DriveFS } from "@jupyterlite/services/lib/contents/drivefs";
import type { TDriveMethod, TDriveRequest, TDriveResponse } from "@jupyterlite/services/lib/contents/drivefs";
import { DIR_MODE } from "@jupyterlite/services/lib/contents/emscripten";

/** Milliseconds after which a request of Python's is an input/output error: the page then gave no answer. */
const TIMEOUT = 30_000;
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

/**
 * What is known of the drive itself. JupyterLite would read all files for each answer, contents included: seconds, where
 * some are large.
 */
const ROOT: { readonly [Method in TDriveMethod]?: TDriveResponse<Method> } = {
  lookup: { ok: true, mode: DIR_MODE },
  getmode: DIR_MODE,
  getattr: {
    dev: 1,
    nlink: 1,
    uid: 0,
    gid: 0,
    rdev: 0,
    size: 0,
    blksize: BLOCK_SIZE,
    blocks: 0,
    atime: new Date(0),
    mtime: new Date(0),
    ctime: new Date(0),
    timestamp: 0,
  },
};

export interface ContentsOptions extends ContentsAPI.IOptions {
  readonly baseUrl: string;
  readonly browsingContextId: string;
  /** What Python sees as an OSError, by the name of its errno. */
  readonly osError: (name: string) => Error;
}

export class SiteContents extends ContentsAPI {
  readonly #options: ContentsOptions;
  readonly #answers = new Map<string, string>();
  #staleAt = 0;

  constructor(options: ContentsOptions) {
    super(options);
    this.#options = options;
  }

  override request<T extends TDriveMethod>(data: TDriveRequest<T>): TDriveResponse<T> {
    const root = isRoot(data.path) ? ROOT[data.method] : undefined;
    if (root !== undefined) {
      return root;
    }
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

  override put(path: string, file: DriveFS.IFile): null {
    return super.put(path, { ...file, format: fittingFormat(file) });
  }

  /** JupyterLite decodes paths as those of addresses. */
  override normalizePath(path: string): string {
    return super.normalizePath(path).replaceAll("%", "%25");
  }

  #ask(data: TDriveRequest<TDriveMethod>): string {
    const { baseUrl, browsingContextId, osError } = this.#options;
    const request = new XMLHttpRequest();
    request.open("POST", driveEndpoint(baseUrl), false);
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

/** With or without the drive's name. */
function isRoot(path: string): boolean {
  return path === "" || path === "/" || path.endsWith(":");
}

export function driveEndpoint(baseUrl: string): string {
  return new URL("api/drive", baseUrl).href;
}

export function envelope(data: TDriveRequest<TDriveMethod>, browsingContextId: string): string {
  const requestId = crypto.randomUUID();
  return JSON.stringify({ data: { ...data, requestId }, browsingContextId, requestId });
}

/** The file's own format where the bytes fit it, or they would not come back as they were. */
export function fittingFormat({ data, format }: DriveFS.IFile): DriveFS.IFile["format"] {
  if (format === "base64") {
    return format;
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
    if (format === "json") {
      JSON.parse(text);
    }
    return text.startsWith("\uFEFF") ? "base64" : format;
  } catch {
    return "base64"; // no text, or no JSON
  }
}
