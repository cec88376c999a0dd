/** What the start is doing, and how much of it is done. */

import type { Progress, Stage } from "../protocol.js";

/** At most so often, in milliseconds: a person reads no faster. */
const INTERVAL = 100;

export class ProgressReport {
  readonly #send: (progress: Progress) => void;
  #stage: Stage = "download";
  #text = "Loading Pyodide";
  #loaded = 0;
  #total = 0;
  #sentAt = Number.NEGATIVE_INFINITY;

  constructor(send: (progress: Progress) => void) {
    this.#send = send;
  }

  /** A new step begins: told at once. */
  step(stage: Stage, text: string): void {
    this.#stage = stage;
    this.#text = text;
    this.#tell();
  }

  /** More bytes are to come. */
  expect(bytes: number): void {
    this.#total += bytes;
  }

  received(bytes: number): void {
    this.#loaded += bytes;
    if (performance.now() - this.#sentAt >= INTERVAL) {
      this.#tell();
    }
  }

  #tell(): void {
    this.#sentAt = performance.now();
    const total = Math.max(this.#total, this.#loaded);
    this.#send({ stage: this.#stage, text: this.#text, loaded: this.#loaded, total });
  }
}
