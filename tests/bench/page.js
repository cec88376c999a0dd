/**
 * What the benchmark does in a page of JupyterLite, through JupyterLab's connection to a kernel, as `bench`.
 *
 * Times are in milliseconds.
 */

const services = () => window.jupyterapp.serviceManager;

/** A kernel of its own for each figure that starts one; the figures of messages share `bench.kernel`. */
window.bench = {
  kernel: undefined,

  async start(name) {
    bench.kernel = await services().kernels.startNew({ name });
    await firstResult(bench.kernel);
  },

  async timeOfStart(name) {
    const time = await milliseconds(() => bench.start(name));
    await bench.kernel.shutdown();
    return time;
  },

  async timeOfRestart(name) {
    await bench.start(name);
    const time = await milliseconds(async () => {
      await bench.kernel.restart();
      await firstResult(bench.kernel);
    });
    await bench.kernel.shutdown();
    return time;
  },

  /** The figures of `bench.kernel` that a kernel has which only answers. */
  async basic() {
    await execute("pass");
    return {
      execute: await median(200, () => milliseconds(() => execute("pass"))),
      kernel_info: await median(200, () => milliseconds(info)),
      pipelined: await milliseconds(() => Promise.all(Array.from({ length: 1000 }, () => execute("pass")))),
    };
  },

  /** Its other figures. */
  async messages() {
    await execute(ECHO);
    const comm = bench.kernel.createComm("echo");
    await comm.open().done;
    const found = {
      complete: await median(10, () => milliseconds(complete)),
      lines: await milliseconds(() => counting("for i in range(20_000): print('line', i)", linesOf, 20_000)),
      displays: await milliseconds(() => counting(`${DISPLAY}for i in range(2_000): display(i)`, displaysOf, 2_000)),
      comm: await median(30, () => milliseconds(() => exchange(comm))),
      "large comm": await median(3, () => milliseconds(() => exchange(comm, [new ArrayBuffer(10_000_000)]))),
    };
    for (const [name, code] of Object.entries(BESIDE)) {
      found[`${name} info`] = await median(5, () => beside(code, info));
      found[`${name} complete`] = await median(3, () => beside(code, complete));
    }
    found.interrupt = await median(3, interrupt);
    return found;
  },

  async fillDrive() {
    const content = btoa("0".repeat(30e6));
    for (let number = 0; number < 10; number++) {
      await services().contents.save(`large${number}.bin`, { type: "file", format: "base64", content });
    }
  },

  /**
   * Offer a kernel `floor`, a worker that only answers, and have messages sent to it without delay, as to ours.
   * JupyterLite gives its register of kernels to extensions only.
   */
  addFloor() {
    const source = URL.createObjectURL(new Blob([`onmessage = ${answer}`]));
    const { _kernelAPIClient: client, serverSettings } = services().kernels;
    client._kernelspecs.register({
      spec: { name: "floor", display_name: "floor", language: "none", argv: [], resources: {} },
      create: async ({ id, name, location, sendMessage }) => {
        const worker = new Worker(source);
        worker.onmessage = ({ data }) => sendMessage(data);
        return {
          ...{ id, name, location, isDisposed: false, ready: Promise.resolve() },
          disposed: { connect() {}, disconnect() {} },
          handleMessage: async (message) => worker.postMessage(message),
          dispose: () => worker.terminate(),
        };
      },
    });
    serverSettings.WebSocket = class extends serverSettings.WebSocket {
      send(data) {
        return this.dispatchEvent({ type: "server::message" }, data) || super.send(data);
      }
    };
  },
};

const ECHO = `
def _opened(comm, msg):
    @comm.on_msg
    def _echo(msg):
        comm.send({}, buffers=msg["buffers"])
import comm as _comm
_comm.get_comm_manager().register_target("echo", _opened)`;
const DISPLAY = "from IPython.display import display\n";
const BESIDE = {
  awaits: "import asyncio\nawait asyncio.sleep(1)",
  computes: "import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass",
};
/** It ends by itself, since not every kernel can stop it. */
const LOOP = "import time\nend = time.monotonic() + 3\nprint('begins')\nwhile time.monotonic() < end: pass";

async function milliseconds(action) {
  const begin = performance.now();
  await action();
  return performance.now() - begin;
}

async function median(repeats, measure) {
  const times = [];
  for (let i = 0; i < repeats; i++) times.push(await measure());
  return times.sort((a, b) => a - b)[Math.floor(repeats / 2)];
}

const execute = (code) => bench.kernel.requestExecute({ code }).done;
const info = () => bench.kernel.requestKernelInfo();
const complete = () => bench.kernel.requestComplete({ code: "import os; os.pa", cursor_pos: 16 });

function firstResult(kernel) {
  const future = kernel.requestExecute({ code: "40 + 2" });
  const shown = new Promise((resolve) => {
    future.onIOPub = ({ header }) => header.msg_type === "execute_result" && resolve();
  });
  return Promise.race([shown, future.done]);
}

/** Its time while a cell runs. */
async function beside(code, action) {
  const future = bench.kernel.requestExecute({ code });
  await new Promise((resolve) => (future.onIOPub = resolve));
  const time = await milliseconds(action);
  await future.done;
  return time;
}

/** Infinite if the loop goes on. */
async function interrupt() {
  const future = bench.kernel.requestExecute({ code: LOOP });
  await new Promise((resolve) => {
    future.onIOPub = ({ header }) => header.msg_type === "stream" && resolve();
  });
  let reply;
  const time = await milliseconds(async () => {
    await bench.kernel.interrupt();
    reply = await future.done;
  });
  return reply.content.status === "error" ? time : Infinity;
}

const linesOf = ({ content }) => (content.text ?? "").split("\n").length - 1;
const displaysOf = ({ header }) => (header.msg_type === "display_data" ? 1 : 0);

async function counting(code, count, whole) {
  let counted = 0;
  const future = bench.kernel.requestExecute({ code });
  future.onIOPub = (message) => (counted += count(message));
  await future.done;
  if (counted !== whole) throw new Error(`${bench.kernel.name}: ${counted} of ${whole}`);
}

function exchange(comm, buffers) {
  return new Promise((resolve) => {
    comm.onMsg = resolve;
    comm.send({}, undefined, buffers);
  });
}

/** What the floor's worker does with a message. */
function answer({ data: request }) {
  const post = (msg_type, content, channel = "iopub") => {
    const header = { ...request.header, msg_id: crypto.randomUUID(), msg_type, date: new Date().toISOString() };
    postMessage({ header, parent_header: request.header, metadata: {}, content, buffers: [], channel });
  };
  const contents = {
    kernel_info_request: {
      ...{ status: "ok", protocol_version: "5.3", implementation: "floor", implementation_version: "0", banner: "" },
      language_info: { name: "none", version: "0", mimetype: "text/plain", file_extension: ".txt" },
    },
    execute_request: { status: "ok", execution_count: 1, payload: [], user_expressions: {} },
  };
  const { msg_type } = request.header;
  post("status", { execution_state: "busy" });
  if (msg_type in contents) post(msg_type.replace("_request", "_reply"), contents[msg_type], request.channel);
  post("status", { execution_state: "idle" });
}
