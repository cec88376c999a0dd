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
import { driveFor } from "./drive.js";
import { InterruptNotice, restartKernel, routeInterrupts } from "./interrupts.js";
import { KernelLog } from "./kernel_log.js";
import { LiteKernel } from "./lite_kernel.js";
import { IPreload, preloadPlugin } from "./preload.js";
import { sendPromptly } from "./prompt_socket.js";
import { KERNEL_PLUGIN, type KernelSettings, filesOf, readSettings } from "./settings.js";
import { siteUrl } from "./site.js";
import { StartToast } from "./start_toast.js";

/** The services of the page that kernels use. */
interface Surroundings {
  readonly app: JupyterFrontEnd;
  readonly services: ServiceManager.IManager;
  readonly serviceWorker: IServiceWorkerManager | null;
  readonly loggers: ILoggerRegistry | null;
  readonly preload: IPreload | null;
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: KERNEL_PLUGIN,
  description: "A concurrent Python kernel on Pyodide",
  autoStart: true,
  requires: [IKernelSpecs],
  optional: [IKernelClient, IServiceWorkerManager, ILoggerRegistry, IPreload],
  activate: (
    app: JupyterFrontEnd,
    specs: IKernelSpecs,
    client: IKernelClient | null,
    serviceWorker: IServiceWorkerManager | null,
    loggers: ILoggerRegistry | null,
    preload: IPreload | null,
  ) => {
    const { settings, problems } = readSettings();
    problems.forEach((problem) => {
      console.warn(problem);
    });
    const kernels = new Map<string, LiteKernel>();
    if (client !== null) {
      routeInterrupts(client, kernels);
    }
    sendPromptly(app.serviceManager.kernels.serverSettings, (id) => kernels.has(id));
    const surroundings = { app, services: app.serviceManager, serviceWorker, loggers, preload };
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
  const { app, services, serviceWorker, loggers, preload } = surroundings;
  return new LiteKernel(options, {
    anchor: new Anchor(options.id, services.kernels.serverSettings),
    log: new KernelLog(options.id, services.sessions, loggers),
    toast: new StartToast(settings.display_name),
    notice: new InterruptNotice(settings.display_name, () => {
      restartKernel(app, options.id);
    }),
    options: {
      ...filesOf(settings),
      settings: settings.settings,
      packages: settings.packages,
      ...(settings.history ? { history: siteUrl() } : {}),
      ...(settings.frontEndPackages === undefined ? {} : { frontEndPackages: settings.frontEndPackages }),
      startScript: settings.startScript,
      postStartScript: settings.postStartScript,
      drive: driveFor(options.location, serviceWorker),
      ...(preload === null ? {} : { prepared: preload.kernel }),
    },
    bury: (kernel, failure) => bury(services, kernel, settings.display_name, failure),
  });
}

export default [preloadPlugin, plugin, ...debuggerPlugins()];
