/** Fetching files with their bytes counted, and with errors that name the file and the way out. */

import { StartError, lastLine } from "./errors.js";
import type { Version } from "./file_cache.js";
import type { Files } from "./host.js";
import type { ProgressReport } from "./progress.js";

const ADVICE = "Check that the whole site is published and can be reached, then restart the kernel.";

/** What is known of a file beforehand. */
export interface FileFacts {
  /** In bytes, as they are read. */
  readonly size?: number | undefined;
  /** By which it may be kept. */
  readonly version?: Version | undefined;
}

export class Downloads {
  readonly #files: Files;
  readonly progress: ProgressReport;

  constructor(files: Files, progress: ProgressReport) {
    this.#files = files;
    this.progress = progress;
  }

  /** The response for `url`, its body counted as it is read. */
  async open(url: string, what: string, { size, version }: FileFacts = {}): Promise<Response> {
    const response = await this.#request(url, what, version);
    const progress = this.progress;
    progress.expect(size ?? plainLength(response) ?? 0);
    if (response.body === null) {
      throw new StartError(`Cannot load ${what}: ${url} is empty. ${ADVICE}`);
    }
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller): void {
          progress.received(chunk.byteLength);
          controller.enqueue(chunk);
        },
      }),
    );
    return new Response(counted, { headers: response.headers });
  }

  async bytes(url: string, what: string, facts?: FileFacts): Promise<Uint8Array<ArrayBuffer>> {
    const response = await this.open(url, what, facts);
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      throw new StartError(`Cannot load ${what}: ${url} broke off (${lastLine(error)}). ${ADVICE}`, error);
    }
  }

  async json(url: string, what: string): Promise<unknown> {
    return parseJson(await this.bytes(url, what), url, what);
  }

  /** Import a module of the site. The browser does not say why an import fails, so the file is asked for again. */
  async module(url: string, what: string): Promise<unknown> {
    try {
      return await import(/* webpackIgnore: true */ url);
    } catch (error) {
      const response = await this.#request(url, what);
      const type = response.headers.get("content-type") ?? "no type";
      throw new StartError(
        `Cannot load ${what}: ${url} is there (${type}) but is no JavaScript module (${lastLine(error)}). ${ADVICE}`,
        error,
      );
    }
  }

  async #request(url: string, what: string, version?: Version): Promise<Response> {
    let response: Response;
    try {
      response = await this.#files.open(url, version);
    } catch (error) {
      throw new StartError(`Cannot load ${what}: ${url} cannot be reached (${lastLine(error)}). ${ADVICE}`, error);
    }
    if (!response.ok) {
      const status = `${String(response.status)} ${response.statusText}`.trim();
      throw new StartError(`Cannot load ${what}: ${url} answered ${status}. ${ADVICE}`);
    }
    return response;
  }
}

export function parseJson(bytes: Uint8Array, url: string, what: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new StartError(`Cannot use ${what}: ${url} is not JSON (${lastLine(error)}). ${ADVICE}`, error);
  }
}

/** The length of the body as it will be read: unknown where it travels compressed. */
function plainLength(response: Response): number | undefined {
  const length = response.headers.get("content-length");
  return length === null || response.headers.has("content-encoding") ? undefined : Number(length);
}
