/**
 * What clients send to a kernel of ours, without delay.
 *
 * JupyterLite's sockets are objects of the page (mock-socket's), which hold each message to a kernel back for 4 ms: more
 * than the kernel takes to answer it. Answers come at once.
 */

import type { ServerConnection } from "@jupyterlab/services";

type Data = Parameters<WebSocket["send"]>[0];

/** Mock-socket's own event, which the kernel's end of a socket listens to. */
const RECEIVED = "server::message";

/**
 * Let the sockets that are opened from now on send at once to some kernels.
 *
 * @param settings the settings that sockets are opened with
 * @param isOurs whether the kernel is one of them
 */
export function sendPromptly(settings: ServerConnection.ISettings, isOurs: (kernelId: string) => boolean): void {
  const Socket = settings.WebSocket;
  class PromptSocket extends Socket {
    readonly #kernelId = /\/api\/kernels\/([^/]+)\/channels/.exec(this.url)?.[1] ?? "";

    override send(data: Data): void {
      const isOpen = this.readyState === Socket.OPEN && isOurs(decodeURIComponent(this.#kernelId));
      if (!(isOpen && this.#hand(data))) {
        super.send(data);
      }
    }

    /** Returns whether anyone took it. */
    #hand(data: Data): boolean {
      const dispatch = this.dispatchEvent.bind(this) as unknown as (event: { type: string }, data: Data) => boolean;
      return dispatch({ type: RECEIVED }, data);
    }
  }
  Object.assign(settings, { WebSocket: PromptSocket });
}
