/**
 * A kernel on real Pyodide in a Node worker thread, for tests in another process: frames on stdin and stdout.
 *
 * Usage: node node_kernel.mjs [OPTIONS], where OPTIONS is JSON with any of startKernel's plain options.
 *
 * A frame is, with all numbers as unsigned 32-bit little-endian:
 *   the number of parts n >= 1, then n lengths in bytes, then the n parts.
 * Part 0 is JSON that says what the frame is. To the harness:
 *   {"type": "message", "channel": C}   part 1: the message's text, handed on as it is; further parts: its buffers
 *   {"type": "interrupt"}               answered by {"type": "interrupted"}
 *   {"type": "restart"}                 answered by {"type": "ready"}
 * From the harness:
 *   {"type": "message"}                 part 1: the message's JSON (its channel inside); further parts: its buffers
 *   {"type": "ready"}                   the kernel has started
 *   {"type": "dead", "reason", "traceback"}
 *   {"type": "log", "level", "text"} and {"type": "progress", "stage", "text", "loaded", "total"}
 *   {"type": "error", "text"}           a frame could not be obeyed
 * The process ends when stdin closes. stderr is for what should never happen.
 */

import { startKernel } from "../../js/dist/bridge.mjs";

const root = new URL("../../", import.meta.url);

function sendFrame(head, ...parts) {
  const all = [Buffer.from(JSON.stringify(head)), ...parts];
  const prefix = Buffer.alloc(4 + 4 * all.length);
  prefix.writeUInt32LE(all.length, 0);
  all.forEach((part, index) => prefix.writeUInt32LE(part.byteLength, 4 + 4 * index));
  process.stdout.write(Buffer.concat([prefix, ...all]));
}

/** Yields the parts of each frame, whatever the chunks of the stream. */
async function* framesOf(stream) {
  let pending = Buffer.alloc(0);
  for await (const chunk of stream) {
    pending = Buffer.concat([pending, chunk]);
    for (let frame = cutFrame(pending); frame !== undefined; frame = cutFrame(pending)) {
      pending = pending.subarray(frame.size);
      yield frame.parts;
    }
  }
}

function cutFrame(bytes) {
  const count = bytes.length >= 4 ? bytes.readUInt32LE(0) : 0;
  let offset = 4 + 4 * count;
  if (count === 0 || bytes.length < offset) {
    return undefined;
  }
  const lengths = Array.from({ length: count }, (_, index) => bytes.readUInt32LE(4 + 4 * index));
  if (bytes.length < offset + lengths.reduce((sum, length) => sum + length, 0)) {
    return undefined;
  }
  const parts = lengths.map((length) => bytes.subarray(offset, (offset += length)));
  return { parts, size: offset };
}

function obey(kernel, head, [text, ...buffers]) {
  switch (head.type) {
    case "message": {
      const copies = buffers.map((buffer) => new Uint8Array(buffer));
      kernel.handleMessage({ channel: head.channel, json: text.toString(), buffers: copies });
      return;
    }
    case "interrupt":
      return kernel.interrupt().then(() => sendFrame({ type: "interrupted" }));
    case "restart":
      return kernel.restart().then(() => sendFrame({ type: "ready" }));
    default:
      throw new Error(`Unknown frame type ${head.type}`);
  }
}

const kernel = await startKernel({
  pyodideUrl: new URL("node_modules/pyodide/", root).href,
  wheels: new URL("js/dist/wheels/manifest.json", root).href,
  snapshotUrl: new URL("js/dist/snapshot/snapshot.json", root).href,
  ...JSON.parse(process.argv[2] ?? "{}"),
  onMessage: ({ buffers, ...message }) =>
    sendFrame({ type: "message" }, Buffer.from(JSON.stringify(message)), ...buffers),
  onProgress: (progress) => sendFrame({ type: "progress", ...progress }),
  onLog: (record) => sendFrame({ type: "log", ...record }),
  onDead: (failure) => sendFrame({ type: "dead", ...failure }),
});
kernel.ready.then(
  () => sendFrame({ type: "ready" }),
  () => undefined, // told by onDead
);

const reportError = (error) => sendFrame({ type: "error", text: String(error) });
for await (const [head, ...parts] of framesOf(process.stdin)) {
  try {
    obey(kernel, JSON.parse(head), parts)?.catch(reportError);
  } catch (error) {
    reportError(error);
  }
}
kernel.dispose();
process.exit(0);
