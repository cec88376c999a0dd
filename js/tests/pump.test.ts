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
  pump.send("{}", [bytes, bytes]);
  assert.deepEqual(host.transferred, [bytes.buffer]);
});

const reply = (parent: string, value: string): WireMessage =>
  text(JSON.stringify({ parent_header: parent === "" ? {} : { msg_id: parent }, content: { value } }));

void test("a reply goes to its question, or to the oldest if it names none", async () => {
  const { pump } = setUp();
  const answers = ["a", "b", "c"].map((id) => pump.answer(id));
  const replies = [reply("b", "for b"), reply("", "for the oldest"), reply("the cell", "for the next")];
  replies.forEach((message) => {
    pump.deliverInput(message);
  });
  const [second, first, third] = replies.map(({ json }) => json);
  assert.deepEqual(await Promise.all(answers), [first, second, third]);
});

void test("a reply that comes after its question was given up is nobody's", async () => {
  const { pump, logged } = setUp();
  void pump.answer("given up");
  pump.giveUp("given up");
  const answer = pump.answer("next");
  pump.deliverInput(reply("given up", "late"));
  assert.match(logged.join(), /An answer to input\(\) came that no cell/);
  pump.deliverInput(reply("next", "in time"));
  assert.equal(await answer, reply("next", "in time").json);
});

void test("a reply that nobody waits for is dropped and logged", () => {
  const { core, pump, logged } = setUp();
  pump.attach(core);
  pump.deliverInput(reply("", "unasked"));
  assert.deepEqual(core.received, []);
  assert.match(logged.join(), /An answer to input\(\) came that no cell/);
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
