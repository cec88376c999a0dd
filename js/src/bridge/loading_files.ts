/** Python's large files on their way, before a worker can be started that will need them. */

import { startLoader, tellLoader } from "../loader.js";
import { type KernelOptions, resolvePython } from "./options.js";

export class LoadingFiles {
  readonly #worker: Worker;
  /** Undefined once it has been taken, or if nothing will come. */
  #port: MessagePort | undefined;

  constructor(options: KernelOptions) {
    const { workerUrl, python } = resolvePython(options);
    const { port1, port2 } = new MessageChannel();
    this.#port = port2;
    this.#worker = startLoader(workerUrl);
    tellLoader(this.#worker, { options: python, port: port1 });
    this.#worker.onerror = (): void => {
      this.#port = undefined; // the kernel's worker, which loads them itself then, will tell why
    };
  }

  /** Where they arrive, for the worker of a kernel with the same options. */
  take(): MessagePort | undefined {
    const port = this.#port;
    this.#port = undefined;
    return port;
  }

  /** Give them up, if no kernel has taken them. */
  dispose(): void {
    if (this.take() !== undefined) {
      this.#worker.terminate();
    }
  }
}
