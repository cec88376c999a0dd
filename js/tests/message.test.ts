/** What crosses to the worker. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { type JupyterMessage, decode, encode } from "../src/bridge/message.js";

function message(buffers: JupyterMessage["buffers"] = []): JupyterMessage {
  return {
    channel: "shell",
    header: { msg_id: "1", msg_type: "execute_request", session: "s" },
    parent_header: {},
    metadata: {},
    content: { code: "'𝄞'" },
    buffers,
  };
}

void test("a message is one JSON text, without its buffers", () => {
  const { json, buffers } = encode(message([new Uint8Array([1, 2])]));
  assert.deepEqual({ ...(JSON.parse(json) as object), buffers: [] }, message());
  assert.ok(!json.includes("buffers"));
  assert.deepEqual(buffers, [new Uint8Array([1, 2])]);
});

void test("a whole ArrayBuffer is passed on as it is", () => {
  const whole = new Uint8Array([1, 2, 3]).buffer;
  assert.equal(encode(message([whole])).buffers[0]?.buffer, whole);
  assert.equal(encode(message([new DataView(whole)])).buffers[0]?.buffer, whole);
});

void test("a part of an ArrayBuffer is copied, so that its owner keeps the rest", () => {
  const bytes = new Uint8Array([1, 2, 3, 4]);
  const [part] = encode(message([bytes.subarray(1, 3)])).buffers;
  assert.deepEqual(part, new Uint8Array([2, 3]));
  assert.notEqual(part.buffer, bytes.buffer);
});

void test("shared memory is copied, since it cannot be transferred", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(2)).fill(7);
  const [copy] = encode(message([shared])).buffers;
  assert.deepEqual(copy, new Uint8Array([7, 7]));
  assert.ok(copy.buffer instanceof ArrayBuffer);
});

void test("a text that is JSON already is not touched", () => {
  assert.equal(encode({ channel: "shell", json: "{not json" }).json, "{not json");
});

void test("decoding is the inverse of encoding", () => {
  const sent = message([new Uint8Array([5])]);
  assert.deepEqual(decode(encode(sent)), sent);
});
