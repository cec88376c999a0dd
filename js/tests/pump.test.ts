/** The pump between the port and Python. */

import assert from "node:assert/strict";
import { test } from "node:test";

import type { WireMessage } from "../src/protocol.js";
import type { CoreHandlers } from "../src/worker/core.js";
import { Pump } from "../src/worker/pump.js";
import { FakeHost } from "./fakes.js";

class FakeCore implements CoreHandlers {
  readonly received: [string, unknown][] = [];

  handle_msg(json: string, buffers: unknown): void {
    this.received.push([json, buffers]);
  }

  stop(): void {
    this.received.push(["stop", undefined]);
  }
}

function setUp(): { host: FakeHost; core: FakeCore; pump: Pump; logged: string[] } {
  const host = new FakeHost();
  const logged: string[] = [];
  const pump = new Pump(host, (text) => logged.push(text));
  return { host, core: new FakeCore(), pump, logged };
}

const text = (json: string): WireMessage => ({ json, buffers: [] });

void test("messages that come before Python are kept, in order", () => {
  const { core, pump } = setUp();
  pump.deliver(text("1"));
  pump.deliver({ json: "2", buffers: [new Uint8Array([1])] });
  pump.attach(core);
  pump.deliver(text("3"));
  assert.deepEqual(core.received, [
    ["1", undefined],
    ["2", [new Uint8Array([1])]],
    ["3", undefined],
  ]);
});

void test("buffers are transferred, each once", () => {
  const { host, pump } = setUp();
  const bytes = new Uint8Array([1, 2]);
  void pump.send("{}", [bytes, bytes]);
  assert.deepEqual(host.transferred, [bytes.buffer]);
});

void test("the oldest request for input gets the next reply", async () => {
  const { pump } = setUp();
  const first = pump.send("{}", [], true);
  const second = pump.send("{}", [], true);
  pump.deliverInput(text("a"));
  pump.deliverInput(text("b"));
  assert.deepEqual(await Promise.all([first, second]), ["a", "b"]);
});

void test("a reply that nobody waits for is dropped and logged", () => {
  const { core, pump, logged } = setUp();
  pump.attach(core);
  pump.deliverInput(text("a"));
  assert.deepEqual(core.received, []);
  assert.match(logged.join(), /input_reply/);
});

void test("a drain ends with the page's answer to it", async () => {
  const { host, pump } = setUp();
  const drained: number[] = [];
  const both = [pump.drain().then(() => drained.push(0)), pump.drain().then(() => drained.push(1))];
  assert.deepEqual(host.posted, [
    { type: "drain", id: 0 },
    { type: "drain", id: 1 },
  ]);
  pump.drained(1);
  pump.drained(0);
  await Promise.all(both);
  assert.deepEqual(drained, [1, 0]);
});
