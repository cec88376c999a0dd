/** JupyterLite's service worker: it hands a synchronous request of the worker on to the page, which answers it. */

import type { Answer, Question, ServiceWorkerOptions } from "../../protocol.js";
import { Blocking } from "./blocking.js";
import type { Strategy } from "./listening.js";

/** Between two looks of a computing cell there are so many milliseconds, and so many times what a look takes. */
const INTERVAL = 250;
const SHARE = 20;

export function serviceWorker({ url, contextId }: ServiceWorkerOptions, told: (press: number) => void): Strategy {
  const ask = (question: Question): Answer => {
    const request = new XMLHttpRequest();
    request.open("POST", url, false);
    request.setRequestHeader("Content-Type", "application/json");
    request.send(JSON.stringify({ browsingContextId: contextId, data: question }));
    if (request.status !== 200) {
      throw new Error(`The site's service worker does not answer at ${url} (status ${String(request.status)}).`);
    }
    return JSON.parse(request.responseText) as Answer;
  };
  let next = 0;
  let press = 0;
  const look = (now: number): number => {
    if (now >= next) {
      ({ press } = ask({ type: "look" }));
      const then = performance.now();
      next = then + Math.max(INTERVAL, SHARE * (then - now));
    }
    return press;
  };
  return new Blocking("service worker", ask, look, told);
}
