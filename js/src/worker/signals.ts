/** What Python's evaluation loop looks at while it computes: whether to run its signal handler. */

import type { Pyodide } from "./pyodide.js";

/** Python's number for the signal; not SIGINT, whose handler raises wherever Python happens to be. */
const SIGUSR1 = 10;
/** Python looks after this many steps (backward jumps and calls) at the most: fewer where they are slow. */
const MOST_STEPS = 50;
/** Milliseconds between two looks. */
const AIM = 1;

/** Milliseconds after a signal without another: the handler is Python, which looks too. */
const QUIET = 5;

/** Emscripten's module, as far as needed here. */
interface Module {
  readonly HEAP32: Int32Array;
  /** The address of the counter of steps until the next look. */
  readonly __Py_emscripten_signal_clock?: number;
}

/** Stands in for the one-number array that Pyodide takes as its interrupt buffer. */
class SignalBuffer {
  readonly #module: Module;
  readonly #isDue: (now: number) => boolean;
  #last = 0;
  #quietUntil = 0;
  #steps = MOST_STEPS;

  constructor(module: Module, isDue: (now: number) => boolean) {
    this.#module = module;
    this.#isDue = isDue;
  }

  /** Read by Python: a signal's number, or 0. */
  get 0(): number {
    const now = performance.now();
    this.#pace(now - this.#last);
    this.#last = now;
    if (now < this.#quietUntil || !this.#isDue(now)) {
      return 0;
    }
    this.#quietUntil = now + QUIET;
    return SIGUSR1;
  }

  set 0(_: number) {
    // Python takes note of what it has read; the next read computes anew
  }

  /** A loop of slow steps would look too rarely, one of fast steps too often. */
  #pace(elapsed: number): void {
    const clock = this.#module.__Py_emscripten_signal_clock;
    if (clock !== undefined) {
      this.#steps = Math.min(MOST_STEPS, Math.round(((this.#steps + 1) * AIM) / Math.max(elapsed, 0.001)));
      this.#module.HEAP32[clock >> 2] = this.#steps;
    }
  }
}

/** Have Python's handler of SIGUSR1 called, between two of its steps, whenever that is due. */
export function listenForSignals(pyodide: Pyodide, isDue: (now: number) => boolean): void {
  const module = (pyodide as unknown as { _module: Module })._module;
  pyodide.setInterruptBuffer(new SignalBuffer(module, isDue) as unknown as Int32Array);
}
