/** The start's progress, shown to the user unless it is over before one would read it. */

import { Notification } from "@jupyterlab/apputils";

import type { Progress } from "../bridge/index.js";

/** Milliseconds before it shows, and that it stays at least: it must not flash. */
const DELAY = 1000;
const STAY = 700;

export class StartToast {
  readonly #name: string;
  readonly #timer: ReturnType<typeof setTimeout>;
  #text: string;
  #done = 0;
  #id: string | null = null;
  #shownAt = 0;

  constructor(name: string) {
    this.#name = name;
    this.#text = `Starting ${name}`;
    this.#timer = setTimeout(() => {
      this.#show();
    }, DELAY);
  }

  update({ stage, text, loaded, total }: Progress): void {
    const amount = stage === "download" && total > 0 ? `, ${megabytes(loaded)} of ${megabytes(total)} MB` : "";
    this.#text = `Starting ${this.#name}: ${text}${amount}`;
    this.#done = total === 0 ? 0 : Math.min(loaded / total, 1);
    if (this.#id !== null) {
      Notification.update({ id: this.#id, message: this.#text, progress: this.#done });
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    const id = this.#id;
    if (id !== null) {
      this.#id = null;
      const left = Math.max(0, this.#shownAt + STAY - performance.now());
      setTimeout(() => {
        Notification.dismiss(id);
      }, left);
    }
  }

  #show(): void {
    this.#shownAt = performance.now();
    this.#id = Notification.emit(this.#text, "in-progress", { autoClose: false, progress: this.#done });
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
