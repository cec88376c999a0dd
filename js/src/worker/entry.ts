/** The worker's one entry, for browsers and Node. */

import { browserHost } from "./host.js";
import { nodeHost } from "./node_host.js";
import { serve } from "./serve.js";
import { UNPACKER, runUnpacker } from "./unpacker.js";

if (typeof WorkerGlobalScope === "undefined") {
  void nodeHost().then(serve);
} else if (globalThis.name === UNPACKER) {
  runUnpacker();
} else {
  serve(browserHost()); // at once: what is posted before a listener exists would be lost
}
