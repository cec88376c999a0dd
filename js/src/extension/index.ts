/** The JupyterLite plugin that offers the kernel. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ILoggerRegistry } from "@jupyterlab/logconsole";
import type { ServiceManager } from "@jupyterlab/services";
import { IServiceWorkerManager } from "@jupyterlite/apputils";
import { type IKernel, IKernelClient, IKernelSpecs } from "@jupyterlite/services";

import { detectCapabilities } from "../bridge/capabilities.js";
import { Anchor } from "./anchor.js";
import { bury } from "./burial.js";
import { debuggerPlugins } from "./debugger.js";
import { driveFor, siteUrl } from "./drive.js";
import { InterruptNotice, restartKernel, routeInterrupts } from "./interrupts.js";
import { KernelLog } from "./kernel_log.js";
import { LiteKernel } from "./lite_kernel.js";
import { type KernelSettings, readSettings } from "./settings.js";
import { StartToast } from "./start_toast.js";

const PLUGIN_ID = "async-kernel-lite:kernel";

/** The services of the page that kernels use. */
interface Surroundings {
  readonly app: JupyterFrontEnd;
  readonly services: ServiceManager.IManager;
  readonly serviceWorker: IServiceWorkerManager | null;
  readonly loggers: ILoggerRegistry | null;
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: PLUGIN_ID,
  description: "A concurrent Python kernel on Pyodide",
  autoStart: true,
  requires: [IKernelSpecs],
  optional: [IKernelClient, IServiceWorkerManager, ILoggerRegistry],
  activate: (
    app: JupyterFrontEnd,
    specs: IKernelSpecs,
    client: IKernelClient | null,
    serviceWorker: IServiceWorkerManager | null,
    loggers: ILoggerRegistry | null,
  ) => {
    const { settings, problems } = readSettings(PLUGIN_ID, __webpack_public_path__);
    problems.forEach((problem) => {
      console.warn(problem);
    });
    const surroundings = { app, services: app.serviceManager, serviceWorker, loggers };
    const kernels = new Map<string, LiteKernel>();
    if (client !== null) {
      routeInterrupts(client, kernels);
    }
    specs.register({
      spec: {
        name: settings.name,
        display_name: settings.display_name,
        language: settings.language,
        argv: [],
        metadata: { debugger: detectCapabilities().breakpoints },
        resources: { "logo-svg": settings.icon, "logo-32x32": settings.icon, "logo-64x64": settings.icon },
      },
      create: (options) => {
        const kernel = createKernel(options, settings, surroundings);
        kernels.set(kernel.id, kernel);
        kernel.disposed.connect(() => kernels.delete(kernel.id));
        return Promise.resolve(kernel);
      },
    });
  },
};

function createKernel(options: IKernel.IOptions, settings: KernelSettings, surroundings: Surroundings): LiteKernel {
  const { app, services, serviceWorker, loggers } = surroundings;
  const files = __webpack_public_path__;
  return new LiteKernel(options, {
    anchor: new Anchor(options.id, services.kernels.serverSettings),
    log: new KernelLog(options.id, services.sessions, loggers),
    toast: new StartToast(settings.display_name),
    notice: new InterruptNotice(settings.display_name, () => {
      restartKernel(app, options.id);
    }),
    options: {
      pyodideUrl: settings.pyodideUrl,
      workerUrl: `${files}worker.mjs`,
      wheels: `${files}wheels/manifest.json`,
      ...(settings.packagesUrl === "" ? {} : { packagesUrl: settings.packagesUrl }),
      loadPyodideOptions: settings.loadPyodideOptions,
      snapshotUrl: settings.snapshotUrl === "" ? null : settings.snapshotUrl,
      settings: settings.settings,
      packages: settings.packages,
      startScript: settings.startScript,
      postStartScript: settings.postStartScript,
      baseUrl: siteUrl(),
      drive: driveFor(options.location, serviceWorker),
    },
    bury: (kernel, failure) => bury(services, kernel, settings.display_name, failure),
  });
}

export default [plugin, ...debuggerPlugins()];
