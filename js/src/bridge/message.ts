/** The one place where a Jupyter message becomes what crosses to the worker, and back. */

import type { Json, WireMessage } from "../protocol.js";

export interface JupyterHeader {
  msg_id: string;
  msg_type: string;
  session: string;
  username?: string;
  date?: string;
  version?: string;
  subshell_id?: string | null;
}

/** A message as Jupyter's messaging specification has it. */
export interface JupyterMessage {
  channel: string;
  header: JupyterHeader;
  /** Empty where the message answers none. */
  parent_header: Partial<JupyterHeader>;
  metadata: Record<string, Json | undefined>;
  content: Record<string, Json | undefined>;
  buffers?: readonly (ArrayBuffer | ArrayBufferView)[];
}

/** A message that is JSON already, for those who relay texts: handed to Python as it is. */
export interface EncodedMessage {
  channel: string;
  json: string;
  buffers?: readonly (ArrayBuffer | ArrayBufferView)[];
}

export function encode(message: JupyterMessage | EncodedMessage): WireMessage {
  const buffers = (message.buffers ?? []).map(ownBytes);
  const json = "json" in message ? message.json : JSON.stringify({ ...message, buffers: undefined });
  return { json, buffers };
}

export function decode({ json, buffers }: WireMessage): JupyterMessage {
  return { ...(JSON.parse(json) as JupyterMessage), buffers };
}

/** A whole ArrayBuffer, which can be transferred: a part of one, or shared memory, is copied. */
function ownBytes(buffer: ArrayBuffer | ArrayBufferView): Uint8Array<ArrayBuffer> {
  if (buffer instanceof ArrayBuffer) {
    return new Uint8Array(buffer);
  }
  const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const whole = buffer.buffer instanceof ArrayBuffer && buffer.byteLength === buffer.buffer.byteLength;
  return whole ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}
