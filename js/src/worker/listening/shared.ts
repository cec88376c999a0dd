/** Memory shared with the page, on isolated pages and in Node. */

import type { Answer } from "../../protocol.js";
import { SharedMemory } from "../../shared_memory.js";
import type { Host } from "../host.js";
import { Blocking } from "./blocking.js";
import type { Strategy } from "./listening.js";

export function sharedMemory(host: Host, buffer: SharedArrayBuffer, told: (press: number) => void): Strategy {
  const memory = new SharedMemory(buffer);
  return new Blocking(
    "shared memory",
    (question) => {
      host.post({ type: "ask", question }, []);
      const json = memory.take(() => {
        host.post({ type: "ask", question: { type: "more" } }, []);
      });
      return JSON.parse(json) as Answer;
    },
    () => memory.press,
    told,
  );
}
