/** One kernel of JupyterLite: the bridge behind JupyterLite's interface. */

import type { KernelMessage } from "@jupyterlab/services";
import type { IKernel } from "@jupyterlite/services";
import { type ISignal, Signal } from "@lumino/signaling";

import { type Failure, type JupyterHeader, type JupyterMessage, Kernel, type KernelOptions } from "../bridge/index.js";
import type { Anchor } from "./anchor.js";
import type { InterruptNotice } from "./interrupts.js";
import type { KernelLog } from "./kernel_log.js";
import { Outbox } from "./outbox.js";
import type { StartToast } from "./start_toast.js";

/** What the plugin gives each kernel. */
export interface KernelParts {
  readonly anchor: Anchor;
  readonly log: KernelLog;
  readonly toast: StartToast;
  readonly notice: InterruptNotice;
  readonly options: KernelOptions;
  /** Tell the user, and let go of all that still refers to the kernel. */
  bury(kernel: LiteKernel, failure: Failure): Promise<void>;
}

/** Milliseconds to wait for a first client: a death before that would be told to nobody. */
const LONELY = 3000;
/** Milliseconds that a session needs to be set up, or to take what was sent to it. */
const SETTLE = 300;

export class LiteKernel implements IKernel {
  readonly id: string;
  readonly name: string;
  readonly location: string;
  /** Messages are taken at once, and kept until Python runs: JupyterLite would hand them over one by one. */
  readonly ready = Promise.resolve();
  readonly #parts: KernelParts;
  readonly #outbox: Outbox;
  readonly #kernel: Kernel;
  readonly #disposed = new Signal<this, void>(this);
  /** Execute requests without a reply yet, by message id. */
  readonly #open = new Map<string, JupyterHeader>();
  readonly #firstClient: Promise<void>;
  #clientCame: () => void = () => undefined;
  #isStarting = true;
  #isDisposed = false;

  constructor({ id, name, location, sendMessage }: IKernel.IOptions, parts: KernelParts) {
    this.id = id;
    this.name = name;
    this.location = location;
    this.#parts = parts;
    this.#outbox = new Outbox(sendMessage, parts.anchor);
    this.#firstClient = new Promise((resolve) => {
      this.#clientCame = resolve;
    });
    this.#kernel = new Kernel({
      ...parts.options,
      onMessage: (message) => {
        this.#relay(message);
      },
      onProgress: (progress) => {
        parts.toast.update(progress);
      },
      onLog: (record) => {
        parts.log.add(record);
      },
      onDead: (failure) => {
        void this.#die(failure);
      },
    });
    void this.#start();
  }

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  get disposed(): ISignal<this, void> {
    return this.#disposed;
  }

  /** Returns at once: JupyterLite holds a lock meanwhile. */
  handleMessage(received: KernelMessage.IMessage): Promise<void> {
    const message = received as unknown as JupyterMessage;
    this.#outbox.asked(message.header.session);
    this.#clientCame();
    if (message.header.msg_type === "execute_request") {
      this.#open.set(message.header.msg_id, message.header);
    }
    if (!this.#kernel.isDead) {
      this.#kernel.handleMessage(message);
    }
    return Promise.resolve();
  }

  interrupt(): void {
    this.#parts.notice.interrupt(this.#kernel).catch((error: unknown) => {
      if (!this.#isDisposed) {
        this.#parts.log.add({ level: "warning", text: `The interrupt was not answered: ${String(error)}` });
      }
    });
  }

  dispose(): void {
    if (this.#isDisposed) {
      return;
    }
    this.#isDisposed = true;
    this.#kernel.dispose();
    this.#parts.toast.close();
    this.#parts.notice.close();
    this.#parts.anchor.dispose();
    this.#disposed.emit();
    Signal.clearData(this);
  }

  async #start(): Promise<void> {
    const { anchor, toast, log } = this.#parts;
    void anchor.open.then(() => {
      if (this.#isStarting) {
        this.#outbox.speak("iopub", "status", { execution_state: "starting" });
      }
    });
    await this.#kernel.start();
    await this.#kernel.ready.then(
      () => {
        log.flush();
      },
      () => undefined, // told by onDead, or disposed of
    );
    this.#isStarting = false;
    toast.close();
  }

  #relay(message: JupyterMessage): void {
    this.#isStarting = false;
    const { msg_id: asked } = message.parent_header;
    if (message.header.msg_type === "execute_reply" && asked !== undefined) {
      this.#open.delete(asked);
    }
    this.#outbox.relay(message);
  }

  /** The kernel has ended by itself: its clients get an answer, and then nothing refers to it any more. */
  async #die(failure: Failure): Promise<void> {
    await Promise.race([this.#firstClient, pause(LONELY)]);
    await pause(SETTLE);
    if (this.#isDisposed) {
      return;
    }
    this.#parts.log.flush();
    this.#open.forEach((header) => {
      this.#refuse(header, failure.reason);
    });
    this.#outbox.speak("iopub", "status", { execution_state: "dead" });
    await pause(SETTLE);
    await this.#parts.bury(this, failure);
  }

  #refuse(asked: JupyterHeader, reason: string): void {
    const error = { ename: "KernelDied", evalue: reason, traceback: [`KernelDied: ${reason}`] };
    this.#outbox.speak("iopub", "error", error, asked);
    this.#outbox.speak("shell", "execute_reply", { status: "error", execution_count: 0, ...error }, asked);
    this.#outbox.speak("iopub", "status", { execution_state: "idle" }, asked);
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
