/** The few things that differ between a browser's worker and a Node worker thread. */

import type { FromWorker, ToWorker } from "../protocol.js";
import { type Version, cached } from "./file_cache.js";

/** The site's files. */
export interface Files {
  /** The response for an absolute address; in Node for `file:` addresses too. With a version it may be kept. */
  open(url: string, version?: Version): Promise<Response>;
  /** The bytes at an absolute address, waited for in place. Throws if they cannot be had. */
  readNow(url: string): Uint8Array<ArrayBuffer>;
}

export interface Host extends Files {
  readonly name: "browser" | "node";
  post(message: FromWorker, transfer: ArrayBuffer[]): void;
  /** Messages that came before are kept and delivered first. */
  listen(receive: (message: ToWorker) => void): void;
  /** Hold the web lock of this name until the worker is gone. Resolves once it is held. */
  hold(lock: string): Promise<void>;
  /** What Pyodide takes as `indexURL` for the address of its directory. */
  pyodideIndex(url: string): string;
}

/** What this needs of `DedicatedWorkerGlobalScope`. */
declare const self: DedicatedWorkerGlobalScope;

export function browserHost(): Host {
  const open = fetch.bind(globalThis); // kept, since Pyodide's start wraps the global one
  return {
    name: "browser",
    post(message, transfer) {
      self.postMessage(message, transfer);
    },
    listen(receive) {
      self.onmessage = (event: MessageEvent<ToWorker>): void => {
        receive(event.data);
      };
    },
    open: (url, version) => (version === undefined ? open(url) : cached(url, version, open)),
    readNow(url) {
      const request = new XMLHttpRequest();
      request.open("GET", url, false);
      request.responseType = "arraybuffer";
      request.send();
      if (request.status !== 200) {
        throw new Error(`${url} answered ${String(request.status)} ${request.statusText}`.trim());
      }
      return new Uint8Array(request.response as ArrayBuffer);
    },
    hold: (lock) =>
      new Promise((held, failed) => {
        const forever = new Promise<never>(() => undefined);
        navigator.locks
          .request(lock, () => {
            held();
            return forever;
          })
          .catch(failed);
      }),
    pyodideIndex: (url) => url,
  };
}
