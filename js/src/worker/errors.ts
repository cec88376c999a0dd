/** Failures of the start, worded for the person who sees them. */

import type { Failure } from "../protocol.js";

/** Says what was wrong, with what, and what to do: shown as it is. */
export class StartError extends Error {
  override readonly name = "StartError";
  /** A Python traceback, where the cause is Python's. */
  readonly traceback: string;

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.traceback = cause === undefined ? "" : stackOf(cause);
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof StartError) {
    return { reason: error.message, traceback: error.traceback };
  }
  return { reason: `The kernel could not start: ${lastLine(error)}`, traceback: stackOf(error) };
}

/** Python has ended under the running kernel. */
export function crash(error: unknown): Failure {
  const reason =
    "Python itself ended or crashed, as after os._exit(), endless recursion in C code or a bug of Pyodide: " +
    `${lastLine(error)}. Restart the kernel.`;
  return { reason, traceback: stackOf(error) };
}

/** The line that names the error: Pyodide puts whole Python tracebacks into `message`. */
export function lastLine(error: unknown): string {
  const lines = messageOf(error).trim().split("\n");
  const traceback = lines.findLastIndex((line) => line.startsWith("Traceback "));
  // behind the frames, which are indented, and before what Pyodide adds to advise
  const named = traceback < 0 ? undefined : lines.slice(traceback + 1).find((line) => /^\S/.test(line));
  return (named ?? lines.at(-1) ?? "").replace(/\.$/, "");
}

/** Emscripten throws objects that are no errors. */
function messageOf(error: unknown): string {
  const hasMessage = typeof error === "object" && error !== null && "message" in error;
  return String(hasMessage ? error.message : error);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return messageOf(error);
  }
  // a Python error's traceback is its message; its JavaScript stack is WebAssembly frames
  return error.name === "PythonError" ? error.message : (error.stack ?? error.message);
}
