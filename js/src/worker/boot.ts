/** From nothing to a running kernel: Pyodide, wheels, files, packages, scripts, the Python core. */

import type { PythonOptions, StartOptions } from "../protocol.js";
import { importCore, runScript, startCore } from "./core.js";
import { Downloads } from "./download.js";
import { findDrive, mountDrive } from "./drive/mount.js";
import { crash } from "./errors.js";
import { History } from "./history.js";
import type { Host } from "./host.js";
import type { Strategy } from "./listening/listening.js";
import { fetchWheels, installOthers, planPackages } from "./packages.js";
import { ProgressReport } from "./progress.js";
import type { Pump } from "./pump.js";
import { watchEnd } from "./pyodide.js";
import { PyodidePackages } from "./pyodide_packages.js";
import { type Python, startPython } from "./python.js";
import type { Log } from "./serve.js";
import { WheelStore, unpack } from "./wheels.js";

/** Python on its way, for whichever kernel. */
export interface Preparation {
  readonly progress: ProgressReport;
  readonly downloads: Downloads;
  readonly opening: Promise<WheelStore>;
  readonly starting: Promise<Python>;
}

export function prepare(host: Host, log: Log, options: PythonOptions): Preparation {
  const progress = new ProgressReport((state) => {
    host.post({ type: "progress", progress: state }, []);
  });
  const downloads = new Downloads(host, progress);
  progress.step("download", "Loading Python and its packages");
  const manifests = [options.wheelsUrl, ...(options.packagesUrl === undefined ? [] : [options.packagesUrl])];
  const opening = WheelStore.open(host, downloads, manifests, (text) => {
    log("warning", text);
  });
  const starting = startPython(host, downloads, options, log, opening);
  starting.catch(() => undefined); // `boot` tells it
  return { progress, downloads, opening, starting };
}

export async function boot(
  host: Host,
  pump: Pump,
  strategy: Strategy,
  log: Log,
  options: StartOptions,
  { progress, downloads, opening, starting }: Preparation,
): Promise<void> {
  const [python, { plan, wheels }, store, drive, history] = await Promise.all([
    starting,
    fetchPackages(downloads, options, opening),
    opening,
    findDrive(host, options.drive),
    openHistory(host, options, log),
  ]);
  const { pyodide } = python;

  watchEnd(pyodide, (error) => {
    host.post({ type: "failed", failure: crash(error) }, []);
  });

  unpack(pyodide, wheels);
  const packages = new PyodidePackages(pyodide, host, store);
  await installOthers(pyodide, store, plan.requirements, (requirement) => {
    progress.step("install", `Installing ${requirement}`);
  });

  progress.step("kernel", "Starting the kernel");
  const core = importCore(pyodide);
  // not before: Python looks for every module that it imports in the notebook's directory first
  if (typeof drive === "string") {
    log("warning", `Cells cannot open the files beside the notebook, nor import modules from there: ${drive}`);
  } else {
    mountDrive(pyodide, drive, log);
  }
  await runScript(pyodide, options.startScript, "startScript");
  const handlers = await startCore(core, {
    send: pump.send,
    drain: pump.drain,
    stopped: () => {
      host.post({ type: "stopped" }, []);
    },
    answer: pump.answer,
    giveUp: pump.giveUp,
    settings: options.settings,
    packages,
    history,
    frontEndPackages: options.frontEndPackages,
    listening: strategy.listening,
  });
  strategy.signals?.attach(pyodide);
  await runScript(pyodide, options.postStartScript, "postStartScript");
  pump.attach(handlers);
  void python.prefetch(plan.shipped);
}

async function openHistory(host: Host, { history }: StartOptions, log: Log): Promise<History | undefined> {
  if (history === undefined || host.name !== "browser") {
    return undefined;
  }
  return History.open(history, (text) => {
    log("warning", text);
  });
}

/** What the setting `packages` asks for, with the wheels that it names. */
async function fetchPackages(downloads: Downloads, options: StartOptions, opening: Promise<WheelStore>) {
  const plan = planPackages(options.packages, await opening, options.packagesBaseUrl);
  return { plan, wheels: await fetchWheels(downloads, plan.wheels) };
}
