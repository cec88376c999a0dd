/** What Python's evaluation loop looks at while it computes: whether to run its signal handler. */

import type { Pyodide } from "./pyodide.js";

/** Python's number for the signal; not SIGINT, whose handler raises wherever Python happens to be. */
const SIGUSR1 = 10;
/**
 * Python looks after this many steps (backward jumps and calls) at the most, and fewer where they are slow: a look costs
 * half a microsecond, and a loop whose steps turn slow of a sudden is heard from only after so many of them.
 */
const MOST_STEPS = 1000;
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
export class Signals {
  readonly #isDue: (now: number) => boolean;
  #module: Module | null = null;
  #last = 0;
  #quietUntil = 0;
  #steps = 0;

  /** @param isDue whether Python's handler of SIGUSR1 is to be called, between two of its steps */
  constructor(isDue: (now: number) => boolean) {
    this.#isDue = isDue;
  }

  /** Begin: Python has a handler. */
  attach(pyodide: Pyodide): void {
    this.#module = (pyodide as unknown as { _module: Module })._module;
    pyodide.setInterruptBuffer(this as unknown as Int32Array);
  }

  /** Look at the next step, and less often only as steps prove to be fast. */
  readonly attend = (): void => {
    this.#setSteps(0);
  };

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
    const aim = Math.round(((this.#steps + 1) * AIM) / Math.max(elapsed, 0.001));
    this.#setSteps(Math.min(MOST_STEPS, 2 * this.#steps + 1, aim));
  }

  #setSteps(steps: number): void {
    const clock = this.#module?.__Py_emscripten_signal_clock;
    if (clock !== undefined && this.#module !== null) {
      this.#steps = steps;
      this.#module.HEAP32[clock >> 2] = steps;
    }
  }
}
