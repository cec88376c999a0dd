/** The worker's host in Node: worker_threads and files. */

import type { ToWorker } from "../protocol.js";
import type { Files, Host } from "./host.js";

export async function nodeHost(): Promise<Host> {
  const { parentPort } = await import("node:worker_threads");
  const { fileURLToPath } = await import("node:url");
  if (parentPort === null) {
    throw new Error("The worker entry runs in a worker only: call startKernel() of the bridge instead");
  }
  const port = parentPort;
  return {
    ...(await nodeFiles()),
    name: "node",
    post(message, transfer) {
      port.postMessage(message, transfer);
    },
    listen(receive) {
      port.on("message", (message: ToWorker) => {
        receive(message);
      });
    },
    // the thread's exit event tells its end: no lock is asked for
    hold: () => Promise.resolve(),
    pyodideIndex: (url) => (url.startsWith("file:") ? fileURLToPath(url) : url),
  };
}

/** Node's fetch knows no `file:` addresses. */
export async function nodeFiles(): Promise<Files> {
  const { fileURLToPath } = await import("node:url");
  const { readFileSync } = await import("node:fs");
  const { readFile } = await import("node:fs/promises");

  async function openFile(url: string): Promise<Response> {
    try {
      const bytes = await readFile(fileURLToPath(url));
      return new Response(bytes, { headers: { "content-length": String(bytes.byteLength) } });
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") {
        return new Response(null, { status: 404, statusText: "No such file" });
      }
      throw error;
    }
  }

  return {
    open: (url) => (url.startsWith("file:") ? openFile(url) : fetch(url)),
    readNow(url) {
      if (!url.startsWith("file:")) {
        throw new Error(`${url} cannot be read in Node while Python runs: only files can`);
      }
      return new Uint8Array(readFileSync(fileURLToPath(url)));
    },
  };
}
