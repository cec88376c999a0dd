/** A worker that loads Python ahead of the kernel that will need it. */

import type { FromWorker, PythonOptions } from "../protocol.js";
import { type KernelOptions, resolvePython } from "./options.js";
import { type WorkerEvents, type WorkerHandle, spawnWorker } from "./spawn.js";

export class PreparedKernel {
  readonly #key: string;
  /** Undefined once it has been taken, or has ended. */
  #worker: Promise<WorkerHandle> | undefined;
  #events: WorkerEvents | undefined;
  /** What the worker said before anyone listened. */
  #early: ((events: WorkerEvents) => void)[] = [];

  constructor(options: KernelOptions) {
    const { workerUrl, python } = resolvePython(options);
    this.#key = keyOf(workerUrl, python);
    this.#worker = this.#start(workerUrl, python);
    this.#worker.catch(() => undefined); // a kernel that takes it tells it
  }

  /** The worker, for a kernel with these options. Undefined if it has others, or there is none any more. */
  async take(workerUrl: string, python: PythonOptions, events: WorkerEvents): Promise<WorkerHandle | undefined> {
    const worker = this.#worker;
    if (worker === undefined || keyOf(workerUrl, python) !== this.#key) {
      return undefined;
    }
    this.#worker = undefined;
    const handle = await worker;
    this.#events = events;
    this.#early.splice(0).forEach((tell) => {
      tell(events);
    });
    return handle;
  }

  /** End it, if no kernel has taken it. */
  dispose(): void {
    void this.#worker?.then((worker) => {
      worker.terminate();
    });
    this.#worker = undefined;
  }

  async #start(workerUrl: string, options: PythonOptions): Promise<WorkerHandle> {
    const tell = (what: (events: WorkerEvents) => void): void => {
      if (this.#events === undefined) {
        this.#early.push(what);
      } else {
        what(this.#events);
      }
    };
    const worker = await spawnWorker(workerUrl, {
      message: (message: FromWorker) => {
        tell((events) => {
          events.message(message);
        });
      },
      error: (text) => {
        tell((events) => {
          events.error(text);
        });
      },
      dead: (reason) => {
        this.#worker = undefined;
        tell((events) => {
          events.dead(reason);
        });
      },
    });
    worker.post({ type: "prepare", options }, []);
    return worker;
  }
}

function keyOf(
  workerUrl: string,
  { pyodideUrl, wheelsUrl, packagesUrl, snapshotUrl, loadPyodideOptions }: PythonOptions,
): string {
  return JSON.stringify([workerUrl, pyodideUrl, wheelsUrl, packagesUrl, snapshotUrl, loadPyodideOptions]);
}
