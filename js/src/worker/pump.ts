/** Messages between the port and Python, in order, each crossing once. */

import type { WireMessage } from "../protocol.js";
import { Questions } from "../questions.js";
import type { CoreHandlers } from "./core.js";
import type { Host } from "./host.js";

export class Pump {
  readonly #host: Host;
  readonly #log: (text: string) => void;
  #handlers: CoreHandlers | null = null;
  /** What came before Python was there. */
  #waiting: WireMessage[] = [];
  readonly #questions = new Questions();
  readonly #drains = new Map<number, () => void>();
  #drainCount = 0;

  constructor(host: Host, log: (text: string) => void) {
    this.#host = host;
    this.#log = log;
  }

  /** From now on Python receives; what waited comes first. */
  attach(handlers: CoreHandlers): void {
    this.#handlers = handlers;
    const waiting = this.#waiting;
    this.#waiting = [];
    waiting.forEach((message) => {
      this.deliver(message);
    });
  }

  deliver(message: WireMessage): void {
    if (this.#handlers === null) {
      this.#waiting.push(message);
    } else {
      this.#handlers.handle_msg(message.json, message.buffers.length === 0 ? undefined : message.buffers);
    }
  }

  deliverInput(message: WireMessage): void {
    if (!this.#questions.answer(message.json)) {
      this.#log("An answer to input() came that no cell is waiting for, or not any more. It is dropped.");
    }
  }

  readonly send = (json: string, buffers: Uint8Array<ArrayBuffer>[] = []): void => {
    const transfer = [...new Set(buffers.map((buffer) => buffer.buffer))];
    this.#host.post({ type: "message", message: { json, buffers } }, transfer);
  };

  /** The reply to the `input_request` of this message id. */
  readonly answer = (id: string): Promise<string> => this.#questions.ask(id);

  readonly giveUp = (id: string): void => {
    this.#questions.giveUp(id);
  };

  /** The page's answer comes behind everything that it had posted before. */
  readonly drain = (): Promise<void> =>
    new Promise((resolve) => {
      const id = this.#drainCount++;
      this.#drains.set(id, resolve);
      this.#host.post({ type: "drain", id }, []);
    });

  drained(id: number): void {
    this.#drains.get(id)?.();
    this.#drains.delete(id);
  }

  stop(): void {
    this.#handlers?.stop();
  }
}
