/** What this worker can do while Python is busy: the one place in it that knows. */

import type { ListeningOptions } from "../protocol.js";
import type { Host } from "./host.js";
import type { Strategy } from "./listening/listening.js";
import { noListening } from "./listening/none.js";
import { serviceWorker } from "./listening/service_worker.js";
import { sharedMemory } from "./listening/shared.js";
import { stackSwitching } from "./listening/switching.js";

/** Whether WebAssembly can switch stacks (JSPI). */
export function canSwitchStacks(): boolean {
  return "Suspending" in WebAssembly;
}

/** The best way that there is for Python to hear from the page. */
export function chooseStrategy(host: Host, { shared, serviceWorker: site }: ListeningOptions): Strategy {
  const told = (press: number): void => {
    host.post({ type: "interrupted", press }, []);
  };
  if (canSwitchStacks()) {
    return stackSwitching();
  }
  if (shared !== undefined) {
    return sharedMemory(host, shared, told);
  }
  if (site !== undefined) {
    return serviceWorker(site, told);
  }
  return noListening();
}
