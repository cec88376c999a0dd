/** JSPI: a stack waits for a promise in place, and the event loop goes on. */

import { Signals } from "../signals.js";
import type { Strategy } from "./listening.js";

export function stackSwitching(): Strategy {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  let due = 0;
  port1.onmessage = (): void => {
    waiting.shift()?.();
  };
  if ("unref" in port1) {
    (port1 as unknown as { unref(): void }).unref(); // in Node a port keeps the thread alive
  }
  const signals = new Signals((now) => now >= due);
  return {
    way: "stack switching",
    signals,
    pressed: () => undefined, // the interrupt_request itself is heard
    listening: {
      way: "stack switching",
      turn: () =>
        new Promise((resolve) => {
          waiting.push(resolve);
          port2.postMessage(null);
        }),
      rest(milliseconds) {
        due = performance.now() + milliseconds;
      },
      attend: signals.attend,
    },
  };
}
