/** Failures as a person reads them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { StartError, failureOf, lastLine } from "../src/worker/errors.js";

const TRACEBACK = `Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 'a'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "<startScript>", line 2, in <module>
    import nope
    ^^^^^^^^^^^
ModuleNotFoundError: No module named 'nope'
The module 'nope' is not included. You can install it by calling:
  await micropip.install("nope")

`;

void test("of a Python traceback the line that names the error", () => {
  assert.equal(lastLine(new Error(TRACEBACK)), "ModuleNotFoundError: No module named 'nope'");
});

void test("of anything else the message, without its full stop", () => {
  assert.equal(lastLine(new TypeError("Failed to fetch.")), "Failed to fetch");
  assert.equal(
    lastLine({ name: "ExitStatus", message: "Program terminated with exit(1)", status: 1 }),
    "Program terminated with exit(1)",
  );
  assert.equal(lastLine("text"), "text");
});

void test("an expected failure is told as it is, with the cause's traceback", () => {
  const cause = Object.assign(new Error(TRACEBACK), { name: "PythonError" });
  assert.deepEqual(failureOf(new StartError("The code failed.", cause)), {
    reason: "The code failed.",
    traceback: TRACEBACK,
  });
});

void test("an unexpected failure says that the kernel could not start", () => {
  assert.match(failureOf(new Error("boom")).reason, /could not start: boom/);
});
