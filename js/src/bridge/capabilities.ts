/** What this browser and the page's headers allow, and what a kernel makes of it: the one place in the page that knows. */

import type { Way } from "../protocol.js";

export interface Capabilities {
  /** WebAssembly stack switching: Python can wait in place. */
  readonly jspi: boolean;
  /** Memory shared with the worker: the page is cross-origin isolated. */
  readonly sharedArrayBuffer: boolean;
  /** A service worker is in charge of this page. */
  readonly serviceWorker: boolean;
  /** A worker that ends by itself is noticed at once. */
  readonly liveness: boolean;
  /** How a cell that computes is interrupted. Where it is "none" the stop button reaches only cells that await. */
  readonly interrupt: Way;
  /** How `input` waits for its answer. Where it is "none" it raises StdinNotImplementedError. */
  readonly input: Way;
  /** Whether messages are answered while a cell computes, sleeps or waits for input. */
  readonly messages: boolean;
  /** Whether the debugger can stop a cell. */
  readonly breakpoints: boolean;
}

/**
 * What a kernel can do here.
 *
 * @param way what the kernel's worker has chosen; before it has told, what it will choose as far as the page can see
 */
export function detectCapabilities(way?: Way): Capabilities {
  const inNode = isNode();
  const jspi = way === undefined ? canSwitchStacks() : way === "stack switching";
  const sharedArrayBuffer = inNode || crossOriginIsolated;
  const serviceWorker = !inNode && "serviceWorker" in navigator && navigator.serviceWorker.controller !== null;
  const chosen =
    way ?? (jspi ? "stack switching" : sharedArrayBuffer ? "shared memory" : serviceWorker ? "service worker" : "none");
  return {
    jspi,
    sharedArrayBuffer,
    serviceWorker,
    liveness: inNode || "locks" in navigator,
    interrupt: chosen,
    input: chosen,
    messages: chosen === "stack switching",
    breakpoints: chosen === "stack switching",
  };
}

/** What a way gives, in a line for the log. */
export const WAYS: Readonly<Record<Way, string>> = {
  "stack switching":
    "While a cell computes, sleeps or waits for input, the stop button, completions and widgets work. " +
    "(This browser can switch stacks, JSPI.)",
  "shared memory":
    "While a cell computes, the stop button and input work; completions and widgets wait until the cell has ended or " +
    "awaits. A current Chrome or Edge need not wait. (This browser cannot switch stacks, JSPI; the page is isolated.)",
  "service worker":
    "While a cell computes, the stop button and input work; completions and widgets wait until the cell has ended or " +
    "awaits. A current Chrome or Edge need not wait. (This browser cannot switch stacks, JSPI, and the page is not " +
    "isolated: the kernel is reached by way of the service worker.)",
  none:
    "The stop button cannot reach a cell that computes, and input raises an error. Try a window that is not private, " +
    "or a current Chrome or Edge. (This browser cannot switch stacks, JSPI, the page is not isolated by COOP and COEP " +
    "headers, and there is no service worker.)",
};

/** JSPI: whether the browser lets WebAssembly wait for a promise. */
export function canSwitchStacks(): boolean {
  return "Suspending" in WebAssembly;
}

export function isNode(): boolean {
  return typeof process === "object" && typeof process.versions.node === "string" && typeof document === "undefined";
}
