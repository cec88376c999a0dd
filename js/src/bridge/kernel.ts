/** A kernel as its host sees it: messages in, messages out, and a life that can end and begin again. */

import type { Failure, FromWorker, LogLevel, StartOptions } from "../protocol.js";
import { Answers } from "./answers.js";
import { type Capabilities, WAYS, detectCapabilities } from "./capabilities.js";
import { type EncodedMessage, type JupyterMessage, decode, encode } from "./message.js";
import { type KernelOptions, resolveOptions } from "./options.js";
import { type WorkerEvents, type WorkerHandle, spawnWorker, uniqueId } from "./spawn.js";

/** The kernel has ended, did not start, or was disposed of. */
export class KernelDeadError extends Error {
  override readonly name = "KernelDeadError";
  readonly traceback: string;

  constructor({ reason, traceback }: Failure) {
    super(reason);
    this.traceback = traceback;
  }
}

type State = "starting" | "ready" | "dead" | "disposed";

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

export class Kernel {
  readonly #options: KernelOptions;
  readonly #session = uniqueId();
  #capabilities: Capabilities = detectCapabilities();
  /** Those that are waited for, by message id, with their number once the worker knows of them. */
  readonly #interrupts = new Map<string, Deferred & { press: number }>();
  #worker: WorkerHandle | null = null;
  /** For what the worker asks while it blocks. */
  #answers: Answers | null = null;
  #state: State = "starting";
  #ready: Deferred = deferred();
  #failure: Failure = { reason: "The kernel has not started.", traceback: "" };
  /** Messages that came before there was a worker to post them to. */
  #early: (JupyterMessage | EncodedMessage)[] = [];

  constructor(options: KernelOptions) {
    this.#options = options;
  }

  /** Fulfilled when the kernel has started; rejected with the reason when it cannot. A restart makes it new. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** What works here. Certain once the kernel is ready: the worker has the last word. */
  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  get isDead(): boolean {
    return this.#state === "dead" || this.#state === "disposed";
  }

  /**
   * Deliver a message, on any channel. Returns at once; messages keep their order, also those that come before the
   * kernel is ready. Buffers are transferred: the caller loses them.
   */
  handleMessage(message: JupyterMessage | EncodedMessage): void {
    if (this.isDead) {
      throw new KernelDeadError(this.#failure);
    }
    if (this.#worker === null) {
      this.#early.push(message);
      return;
    }
    const wire = encode(message);
    if (message.channel === "stdin" && this.#answers?.reply(wire.json) === true) {
      return;
    }
    if (message.channel === "control" && isInterrupt(message)) {
      const press = this.#answers?.interrupt() ?? 0;
      const interrupt = "json" in message ? undefined : this.#interrupts.get(message.header.msg_id);
      if (interrupt !== undefined) {
        interrupt.press = press;
      }
      this.#worker.post({ type: "interrupt", press }, []);
    }
    const transfer = [...new Set(wire.buffers.map((buffer) => buffer.buffer))];
    const type = message.channel === "stdin" ? "input_reply" : "message";
    this.#worker.post({ type, message: wire }, transfer);
  }

  /** Ask the kernel to interrupt what it runs. Fulfilled when it has been interrupted, or has answered. */
  interrupt(): Promise<void> {
    const reply = deferred();
    const id = uniqueId();
    this.#interrupts.set(id, { ...reply, press: Infinity });
    try {
      this.handleMessage({
        channel: "control",
        header: {
          msg_id: id,
          msg_type: "interrupt_request",
          session: this.#session,
          username: "",
          date: new Date().toISOString(),
          version: "5.4",
        },
        parent_header: {},
        metadata: {},
        content: {},
      });
    } catch (error) {
      this.#interrupts.delete(id);
      throw error;
    }
    return reply.promise;
  }

  /** End the worker, however busy, and start a new one. Fulfilled when that is ready. */
  async restart(): Promise<void> {
    if (this.#state === "disposed") {
      throw new KernelDeadError(this.#failure);
    }
    this.#end({ reason: "The kernel was restarted.", traceback: "" });
    this.#early = [];
    this.#ready = deferred();
    this.#state = "starting";
    await this.start();
    await this.ready;
  }

  /** End the kernel for good. */
  dispose(): void {
    if (this.#state !== "disposed") {
      this.#end({ reason: "The kernel was shut down.", traceback: "" });
      this.#state = "disposed";
    }
  }

  /** Start the worker: `startKernel` and `restart` do. */
  async start(): Promise<void> {
    const ready = this.#ready;
    const isCurrent = (): boolean => this.#ready === ready && !this.isDead;
    const { workerUrl, start } = await resolveOptions(this.#options);
    const answers = new Answers(uniqueId(), this.#capabilities.sharedArrayBuffer, askUrl(start));
    const events: WorkerEvents = {
      message: (message) => {
        if (isCurrent()) {
          this.#receive(message);
        }
      },
      dead: (reason) => {
        if (isCurrent()) {
          this.#die({ reason, traceback: "" });
        }
      },
      error: (text) => {
        this.#log("error", `An error in the kernel's worker: ${text}`);
      },
    };
    const prepared = await this.#options.prepared;
    const worker = (await prepared?.take(workerUrl, start, events)) ?? (await spawnWorker(workerUrl, events));
    if (!isCurrent()) {
      worker.terminate(); // disposed of or restarted meanwhile
      answers.close();
      return;
    }
    if (!this.capabilities.liveness) {
      this.#log(
        "warning",
        "This page does not notice when the kernel ends by itself: restart it if a cell stays at [*] for no reason. " +
          "(The browser has no web locks here.)",
      );
    }
    this.#worker = worker;
    this.#answers = answers;
    worker.post({ type: "start", options: { ...start, listening: answers.options } }, []);
    this.#early.splice(0).forEach((message) => {
      this.handleMessage(message);
    });
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "alive":
        break;
      case "starting":
        this.#capabilities = detectCapabilities(message.way);
        this.#log(this.#capabilities.messages ? "info" : "warning", WAYS[message.way]);
        break;
      case "ask":
        void this.#answers?.answerShared(message.question);
        break;
      case "interrupted":
        this.#interrupts.forEach((interrupt) => {
          if (interrupt.press <= message.press) {
            interrupt.resolve();
          }
        });
        break;
      case "progress":
        this.#options.onProgress?.(message.progress);
        break;
      case "log":
        this.#options.onLog?.(message.record);
        break;
      case "ready":
        this.#state = "ready";
        this.#ready.resolve();
        break;
      case "message":
        this.#relay(decode(message.message));
        break;
      case "drain":
        this.#worker?.post({ type: "drained", id: message.id }, []);
        break;
      case "failed":
        this.#die(message.failure);
        break;
      case "stopped":
        this.#die({ reason: "The kernel has shut down.", traceback: "", expected: true });
        break;
    }
  }

  #relay(message: JupyterMessage): void {
    const { msg_id: parent } = message.parent_header;
    if (message.header.msg_type === "input_request" && !this.#capabilities.messages) {
      this.#answers?.expect(message.header.msg_id);
    }
    const interrupt = parent === undefined ? undefined : this.#interrupts.get(parent);
    if (interrupt !== undefined && parent !== undefined && message.channel === "control") {
      this.#interrupts.delete(parent);
      interrupt.resolve();
    } else {
      this.#options.onMessage?.(message);
    }
  }

  #die(failure: Failure): void {
    this.#end(failure);
    const level = failure.expected === true ? "info" : "error";
    this.#log(level, failure.traceback === "" ? failure.reason : `${failure.reason}\n${failure.traceback}`);
    this.#options.onDead?.(failure);
  }

  /** No worker, and nobody left waiting for it. */
  #end(failure: Failure): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#answers?.close();
    this.#answers = null;
    this.#state = "dead";
    this.#failure = failure;
    const error = new KernelDeadError(failure);
    this.#ready.reject(error);
    this.#interrupts.forEach((interrupt) => {
      interrupt.reject(error);
    });
    this.#interrupts.clear();
  }

  #log(level: LogLevel, text: string): void {
    this.#options.onLog?.({ level, text });
  }
}

/** The address whose requests JupyterLite's service worker hands on to the page. */
function askUrl({ drive }: Pick<StartOptions, "drive">): string | undefined {
  return drive === undefined ? undefined : new URL("api/stdin/async-kernel", drive.baseUrl).href;
}

function isInterrupt(message: JupyterMessage | EncodedMessage): boolean {
  if (!("json" in message)) {
    return message.header.msg_type === "interrupt_request";
  }
  try {
    const { header } = JSON.parse(message.json) as Partial<JupyterMessage>;
    return header?.msg_type === "interrupt_request";
  } catch {
    return false; // the kernel refuses it
  }
}

function deferred(): Deferred {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => undefined); // a rejection that nobody waits for is told by onDead
  return { promise, resolve, reject };
}
