/** A worker and its life: one contract, in browsers and in Node. */

import type { FromWorker, ToWorker } from "../protocol.js";
import { isNode } from "./capabilities.js";

export interface WorkerEvents {
  message(message: FromWorker): void;
  /** The worker has ended, or can no longer be relied on. Called once, and never after `terminate`. */
  dead(reason: string): void;
  /** An error that the worker survived. */
  error(text: string): void;
}

export interface WorkerHandle {
  post(message: ToWorker, transfer: ArrayBuffer[]): void;
  terminate(): void;
}

export async function spawnWorker(url: string, events: WorkerEvents): Promise<WorkerHandle> {
  return isNode() ? spawnThread(url, events) : spawnWebWorker(url, events);
}

function spawnWebWorker(url: string, events: WorkerEvents): WorkerHandle {
  const worker = new Worker(url, { type: "module", name: "async-kernel" });
  const lifeLock = "locks" in navigator ? `async-kernel-lite:${uniqueId()}` : undefined;
  const ended = new AbortController();
  let alive = false;

  const end = (): void => {
    ended.abort();
    worker.terminate();
  };
  const die = (reason: string): void => {
    if (!ended.signal.aborted) {
      end();
      events.dead(reason);
    }
  };

  worker.onmessage = ({ data }: MessageEvent<FromWorker>): void => {
    if (ended.signal.aborted) {
      return;
    }
    if (data.type === "alive") {
      alive = true;
      if (data.holdsLock && lifeLock !== undefined) {
        watchLock(lifeLock, ended.signal, events, die);
      }
    }
    events.message(data);
  };
  worker.onerror = (event: Event): void => {
    const text = event instanceof ErrorEvent ? event.message : "";
    if (alive) {
      events.error(text);
    } else {
      die(`The worker script ${url} cannot be run: ${text === "" ? "it is missing or no JavaScript" : text}.`);
    }
  };
  worker.onmessageerror = (): void => {
    die("A message from the worker could not be read.");
  };

  const handle: WorkerHandle = {
    post(message, transfer) {
      worker.postMessage(message, transfer);
    },
    terminate: end,
  };
  handle.post({ type: "live", ...(lifeLock === undefined ? {} : { lifeLock }) }, []);
  return handle;
}

/** The worker holds the lock for its life, however busy it is: whoever gets it knows that the worker is gone. */
function watchLock(lock: string, signal: AbortSignal, events: WorkerEvents, die: (reason: string) => void): void {
  navigator.locks
    .request(lock, { signal }, () => {
      die("The kernel's worker ended without a word: it closed itself, or the browser ended it for want of memory.");
    })
    .catch((error: unknown) => {
      if (!signal.aborted) {
        events.error(`the worker's life cannot be watched: ${String(error)}`);
      }
    });
}

async function spawnThread(url: string, events: WorkerEvents): Promise<WorkerHandle> {
  const { Worker: Thread } = await import(/* webpackIgnore: true */ "node:worker_threads");
  const thread = new Thread(new URL(url));
  let ended = false;
  const die = (reason: string): void => {
    if (!ended) {
      ended = true;
      void thread.terminate();
      events.dead(reason);
    }
  };
  thread.on("message", (message: FromWorker) => {
    if (!ended) {
      events.message(message);
    }
  });
  thread.on("error", (error: unknown) => {
    const text = error instanceof Error ? error.message.slice(0, 2000) : String(error);
    die(`The kernel's worker thread failed: ${text}`);
  });
  thread.on("messageerror", () => {
    die("A message from the worker thread could not be read.");
  });
  thread.on("exit", (code) => {
    die(`The kernel's worker thread ended with exit code ${String(code)}.`);
  });
  return {
    post(message, transfer) {
      thread.postMessage(message, transfer);
    },
    terminate() {
      ended = true;
      void thread.terminate();
    },
  };
}

/** `crypto.randomUUID` is for secure contexts only. */
export function uniqueId(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(16).padStart(8, "0")).join("");
}
