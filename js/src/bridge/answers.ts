/** The page's end for a worker that blocks: what it asks is answered at once, when it is known, or at an interrupt. */

import type { Answer, ListeningOptions, Question } from "../protocol.js";
import { Questions } from "../questions.js";
import { SharedMemory } from "../shared_memory.js";

/** The channel on which JupyterLite's service worker hands requests on to pages. */
const CHANNEL = "/sw-api.v1";

/** What the service worker hands on. Its answer names both ids. */
interface Request {
  readonly browsingContextId: string;
  readonly requestId: string;
  readonly data: Question;
}

export class Answers {
  /** What the worker needs to ask. */
  readonly options: ListeningOptions;
  readonly #questions = new Questions();
  /** Replies to come, by the message id of the question. */
  readonly #replies = new Map<string, Promise<string>>();
  readonly #memory: SharedMemory | null;
  readonly #channel: BroadcastChannel | null = null;
  #press = 0;
  #wake: () => void = () => undefined;
  /** What is left of an answer that shared memory was too small for. */
  #rest: Uint8Array = new Uint8Array();

  /**
   * @param contextId names this end to the service worker
   * @param shared whether memory can be shared with the worker
   * @param url the address whose requests JupyterLite's service worker hands on, where there is one
   */
  constructor(contextId: string, shared: boolean, url: string | undefined) {
    this.#memory = shared ? new SharedMemory() : null;
    if (url !== undefined) {
      this.#channel = new BroadcastChannel(CHANNEL);
      this.#channel.onmessage = ({ data }: MessageEvent<Partial<Request>>): void => {
        if (data.browsingContextId === contextId && data.data !== undefined && data.requestId !== undefined) {
          void this.#answerRequest(data as Request);
        }
      };
    }
    this.options = {
      ...(this.#memory === null ? {} : { shared: this.#memory.buffer }),
      ...(url === undefined ? {} : { serviceWorker: { url, contextId } }),
    };
  }

  /** The stop button was pressed. Returns the number of the interrupt. */
  interrupt(): number {
    this.#press += 1;
    if (this.#memory !== null) {
      this.#memory.press = this.#press;
    }
    this.#wake();
    return this.#press;
  }

  /** The kernel asks the user: its worker, which is about to block, will ask for the reply. */
  expect(id: string): void {
    this.#replies.set(id, this.#questions.ask(id));
  }

  /** Take an `input_reply`, as JSON. False if nobody waits for it. */
  reply(json: string): boolean {
    return this.#questions.answer(json);
  }

  /** Answer a question that came as a message: the worker waits for shared memory. */
  async answerShared(question: Question): Promise<void> {
    if (this.#memory === null) {
      return;
    }
    if (question.type !== "more") {
      this.#rest = new TextEncoder().encode(JSON.stringify(await this.#answer(question)));
    }
    this.#rest = this.#memory.give(this.#rest);
  }

  close(): void {
    this.#channel?.close();
  }

  async #answerRequest({ browsingContextId, requestId, data }: Request): Promise<void> {
    const response = await this.#answer(data);
    this.#channel?.postMessage({ browsingContextId, requestId, response });
  }

  async #answer(question: Question): Promise<Answer> {
    switch (question.type) {
      case "sleep":
        await this.#interruptOr(question);
        break;
      case "input":
        return { json: await this.#interruptOr(question, this.#replies.get(question.id)), press: this.#press };
      case "give up":
        this.#questions.giveUp(question.id);
        this.#replies.delete(question.id);
        break;
      case "look":
      case "more":
        break;
    }
    return { press: this.#press };
  }

  /** Undefined when an interrupt that the worker does not know of has come, or the time is over. */
  async #interruptOr(
    { press, milliseconds }: { press: number; milliseconds: number },
    awaited = new Promise<string>(() => undefined),
  ): Promise<string | undefined> {
    if (this.#press > press) {
      return undefined;
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const woken = new Promise<undefined>((resolve) => {
      this.#wake = (): void => {
        resolve(undefined);
      };
      timer = setTimeout(this.#wake, milliseconds);
    });
    try {
      return await Promise.race([awaited, woken]);
    } finally {
      clearTimeout(timer);
    }
  }
}
