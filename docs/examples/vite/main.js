import { startKernel } from "async-kernel-lite";

const output = document.getElementById("output");
const session = crypto.randomUUID();

const kernel = await startKernel({
  baseUrl: new URL("./async-kernel/", document.baseURI).href,
  workerUrl: "worker.mjs",
  wheels: "wheels/manifest.json",
  snapshotUrl: "snapshot/snapshot.json",
  pyodideUrl: "../pyodide/",
  onMessage: ({ header, content }) => {
    if (header.msg_type === "stream") {
      output.textContent += content.text;
    }
  },
  onDead: ({ reason }) => (output.textContent = reason),
});
await kernel.ready;
output.textContent = "";
kernel.handleMessage({
  channel: "shell",
  header: {
    msg_id: crypto.randomUUID(),
    msg_type: "execute_request",
    session,
    username: "",
    date: new Date().toISOString(),
    version: "5.5",
  },
  parent_header: {},
  metadata: {},
  content: { code: "import sys\nprint('Python', sys.version.split()[0], 'in', sys.platform)", silent: false },
});
