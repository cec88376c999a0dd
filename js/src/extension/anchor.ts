/**
 * A client of our own on each kernel, which listens to nothing.
 *
 * JupyterLite hands an iopub message to all clients of a kernel, but only if the message names one that is still
 * connected; and it does not say which are. Whoever started a background task may be gone while others read on. This
 * client stays as long as the kernel.
 */

import { URLExt } from "@jupyterlab/coreutils";
import type { ServerConnection } from "@jupyterlab/services";
import { UUID } from "@lumino/coreutils";

const PROTOCOL = "v1.kernel.websocket.jupyter.org";
/** JupyterLite opens the kernel's server just after the kernel was made. */
const ATTEMPTS = 20;
const PAUSE = 50;

export class Anchor {
  /** Resolves when messages may name this client. */
  readonly open: Promise<void>;
  readonly session = UUID.uuid4();
  readonly #settings: ServerConnection.ISettings;
  readonly #url: string;
  #socket: WebSocket | null = null;
  #isOpen = false;
  #isDisposed = false;
  #opened: () => void = () => undefined;

  constructor(kernelId: string, settings: ServerConnection.ISettings) {
    this.#settings = settings;
    const channels = URLExt.join(settings.wsUrl, "api/kernels", encodeURIComponent(kernelId), "channels");
    this.#url = `${channels}?session_id=${this.session}`;
    this.open = new Promise((resolve) => {
      this.#opened = resolve;
    });
    this.#connectSoon(ATTEMPTS);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  dispose(): void {
    this.#isDisposed = true;
    this.#isOpen = false;
    this.#socket?.close();
  }

  #connectSoon(attempts: number): void {
    setTimeout(() => {
      if (!this.#isDisposed) {
        this.#connect(attempts);
      }
    }, PAUSE);
  }

  #connect(attempts: number): void {
    const socket = new this.#settings.WebSocket(this.#url, [PROTOCOL]);
    socket.binaryType = "arraybuffer";
    socket.onopen = (): void => {
      this.#isOpen = true;
      this.#opened();
    };
    socket.onclose = (): void => {
      this.#isOpen = false;
      if (attempts > 1) {
        this.#connectSoon(attempts - 1);
      }
    };
    this.#socket = socket;
  }
}
