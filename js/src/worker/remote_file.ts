/** A file of the site that may be fetched ahead, and else is waited for in place when it is needed. */

import type { Files } from "./host.js";

export class RemoteFile {
  readonly url: string;
  readonly size: number;
  readonly #files: Files;
  #bytes: Uint8Array<ArrayBuffer> | undefined;

  constructor(files: Files, url: string, size: number) {
    this.#files = files;
    this.url = url;
    this.size = size;
  }

  /** Keep the bytes, fetched by somebody else. */
  keep(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes ??= bytes;
  }

  /** Fetch it for later. What fails is tried again when the file is needed. */
  async prefetch(): Promise<void> {
    if (this.#bytes === undefined) {
      const response = await this.#files.open(this.url).catch(() => undefined);
      const bytes = response?.ok === true ? await response.arrayBuffer().catch(() => undefined) : undefined;
      if (bytes?.byteLength === this.size) {
        this.keep(new Uint8Array(bytes));
      }
    }
  }

  /** Throws, with the reason, if it cannot be had. */
  now(): Uint8Array<ArrayBuffer> {
    if (this.#bytes === undefined) {
      const bytes = this.#files.readNow(this.url);
      if (bytes.byteLength !== this.size) {
        const sizes = `it has ${String(bytes.byteLength)} bytes, not ${String(this.size)}`;
        throw new Error(`${this.url} is not the file that the site was built with: ${sizes}`);
      }
      this.#bytes = bytes;
    }
    return this.#bytes;
  }
}
