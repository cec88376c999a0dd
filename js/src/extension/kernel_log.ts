/** What a kernel logs, brought to the log consoles of the notebooks and consoles that use it. */

import type { ILoggerRegistry } from "@jupyterlab/logconsole";
import type { Session } from "@jupyterlab/services";

import type { LogRecord } from "../bridge/index.js";

export class KernelLog {
  readonly #kernelId: string;
  readonly #sessions: Session.IManager;
  readonly #registry: ILoggerRegistry | null;
  /** What came before it was known who uses the kernel. */
  #waiting: LogRecord[] | null = [];

  constructor(kernelId: string, sessions: Session.IManager, registry: ILoggerRegistry | null) {
    this.#kernelId = kernelId;
    this.#sessions = sessions;
    this.#registry = registry;
  }

  add(record: LogRecord): void {
    if (this.#waiting === null) {
      this.#write(record);
    } else {
      this.#waiting.push(record);
    }
  }

  /** The kernel has started or failed: by now its sessions have their paths. */
  flush(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    waiting.forEach((record) => {
      this.#write(record);
    });
  }

  #write({ level, text }: LogRecord): void {
    const paths = [...this.#sessions.running()]
      .filter((session) => session.kernel?.id === this.#kernelId)
      .map((session) => session.path);
    if (this.#registry === null || paths.length === 0) {
      TO_BROWSER[level](`async-kernel: ${text}`);
    }
    for (const path of paths) {
      this.#registry?.getLogger(path).log({ type: "text", level, data: text });
    }
  }
}

const TO_BROWSER: Readonly<Record<LogRecord["level"], (text: string) => void>> = {
  debug: (text) => {
    console.debug(text);
  },
  info: (text) => {
    console.info(text);
  },
  warning: (text) => {
    console.warn(text);
  },
  error: (text) => {
    console.error(text);
  },
};
