/** The worker's one entry, for browsers and Node. */

import { browserHost } from "./host.js";
import { isLoader, runLoader } from "./large_files.js";
import { nodeHost } from "./node_host.js";
import { serve } from "./serve.js";

if (typeof WorkerGlobalScope === "undefined") {
  void nodeHost().then(serve);
} else if (isLoader()) {
  runLoader();
} else {
  serve(browserHost()); // at once: what is posted before a listener exists would be lost
}
