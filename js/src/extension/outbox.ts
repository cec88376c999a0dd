/** Messages from the kernel to JupyterLite's clients: each to the right one, none dropped. */

import type { KernelMessage } from "@jupyterlab/services";
import type { IKernel } from "@jupyterlite/services";
import { UUID } from "@lumino/coreutils";

import type { JupyterHeader, JupyterMessage } from "../bridge/index.js";
import type { Anchor } from "./anchor.js";

export class Outbox {
  readonly #send: IKernel.SendMessage;
  readonly #anchor: Anchor;
  /** The kernel's own session: what clients expect in the header of all that it sends. */
  #session = UUID.uuid4();
  /** The client that asked last. */
  #client = "";

  constructor(send: IKernel.SendMessage, anchor: Anchor) {
    this.#send = send;
    this.#anchor = anchor;
  }

  asked(client: string): void {
    this.#client = client;
  }

  relay(message: JupyterMessage): void {
    this.#session = message.header.session;
    const asker = message.parent_header.session ?? this.#client;
    const client = message.channel === "iopub" && this.#anchor.isOpen ? this.#anchor.session : asker;
    this.#send(addressed(message, client));
  }

  /** A message that the kernel itself cannot send: it has not started, or is gone. */
  speak(channel: "iopub" | "shell", type: string, content: JupyterMessage["content"], parent?: JupyterHeader): void {
    this.relay({
      channel,
      header: {
        msg_id: UUID.uuid4(),
        msg_type: type,
        session: this.#session,
        username: "",
        date: new Date().toISOString(),
        version: "5.4",
      },
      parent_header: parent ?? {},
      metadata: {},
      content,
      buffers: [],
    });
  }
}

/**
 * JupyterLite reads from `header.session` which client a message is for. Clients expect the kernel's session there, the
 * same on all channels, or they drop what is still in their queue. So the object names the client, and its JSON, which
 * is what clients get, the kernel.
 */
function addressed(message: JupyterMessage, client: string): KernelMessage.IMessage {
  const { header } = message;
  const address = { ...header, session: client, toJSON: (): JupyterHeader => header };
  return { ...message, header: address } as unknown as KernelMessage.IMessage;
}
