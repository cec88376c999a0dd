/** The site's settings of this extension: `litePluginSettings` in jupyter-lite.json. */

import type { KernelOptions } from "../bridge/index.js";
import type { Json } from "../protocol.js";
import icon from "./icon.svg";
import { pageOption } from "./page_config.js";
import { siteUrl } from "./site.js";

export const EXTENSION = "async-kernel-lite";
/** The plugin whose settings these are. */
export const KERNEL_PLUGIN = `${EXTENSION}:kernel`;
export const PRELOAD_PLUGIN = `${EXTENSION}:preload`;

export interface KernelSettings {
  /** Where Pyodide's files are. */
  readonly pyodideUrl: string;
  readonly loadPyodideOptions: Record<string, Json>;
  /** Where the description of the memory snapshot is; empty to start without one. */
  readonly snapshotUrl: string;
  /** Where the manifest of the wheels is that the site ships besides; empty if there are none. */
  readonly packagesUrl: string;
  /** Whether Python is loaded with the page that will want this kernel, before it is started. */
  readonly preload: boolean;
  readonly name: string;
  readonly display_name: string;
  readonly language: string;
  /** Configuration of the Python kernel. */
  readonly settings: Record<string, Json>;
  /** The address of the launcher's picture. */
  readonly icon: string;
  readonly packages: string[];
  /** Whether the browser keeps what was typed, for the history of later kernels of the site. */
  readonly history: boolean;
  /** The versions of Python packages whose JupyterLab extension the site has; `jupyter lite build` sets it. */
  readonly frontEndPackages: Record<string, Json> | undefined;
  readonly startScript: string;
  readonly postStartScript: string;
}

type Kind = "boolean" | "string" | "object" | "strings";

const KINDS: Readonly<Record<keyof KernelSettings, Kind>> = {
  pyodideUrl: "string",
  loadPyodideOptions: "object",
  snapshotUrl: "string",
  packagesUrl: "string",
  preload: "boolean",
  name: "string",
  display_name: "string",
  language: "string",
  settings: "object",
  icon: "string",
  packages: "strings",
  history: "boolean",
  frontEndPackages: "object",
  startScript: "string",
  postStartScript: "string",
};

/** The settings of the plugin, with what was wrong in them. */
export function readSettings(): { settings: KernelSettings; problems: string[] } {
  const all = pageOption("litePluginSettings");
  const given = isObject(all) && isObject(all[KERNEL_PLUGIN]) ? all[KERNEL_PLUGIN] : {};
  const problems: string[] = [];
  const accepted: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const kind = key in KINDS ? KINDS[key as keyof KernelSettings] : undefined;
    if (kind === undefined) {
      problems.push(`${KERNEL_PLUGIN}: there is no setting ${key}; there are ${Object.keys(KINDS).join(", ")}`);
    } else if (!fits(value, kind)) {
      problems.push(`${KERNEL_PLUGIN}: the setting ${key} is ignored, since it must be ${NAMES[kind]}`);
    } else {
      accepted[key] = value;
    }
  }
  return { settings: { ...defaults(__webpack_public_path__), ...accepted }, problems };
}

const NAMES: Readonly<Record<Kind, string>> = {
  boolean: "true or false",
  string: "a text",
  object: "an object",
  strings: "a list of texts",
};

function defaults(filesUrl: string): KernelSettings {
  return {
    pyodideUrl: `${filesUrl}pyodide/`,
    loadPyodideOptions: {},
    snapshotUrl: `${filesUrl}snapshot/snapshot.json`,
    packagesUrl: "",
    preload: true,
    name: "async",
    display_name: "Python (async)",
    language: "python",
    settings: {},
    icon: `data:image/svg+xml,${encodeURIComponent(icon)}`,
    packages: [],
    history: true,
    frontEndPackages: undefined,
    startScript: "",
    postStartScript: "",
  };
}

/** Where the files are that a kernel starts from. */
export function filesOf(settings: KernelSettings): KernelOptions {
  const files = __webpack_public_path__;
  return {
    pyodideUrl: settings.pyodideUrl,
    workerUrl: `${files}worker.mjs`,
    wheels: `${files}wheels/manifest.json`,
    ...(settings.packagesUrl === "" ? {} : { packagesUrl: settings.packagesUrl }),
    loadPyodideOptions: settings.loadPyodideOptions,
    snapshotUrl: settings.snapshotUrl === "" ? null : settings.snapshotUrl,
    baseUrl: siteUrl(),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fits(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case "boolean":
      return typeof value === "boolean";
    case "string":
      return typeof value === "string";
    case "object":
      return isObject(value);
    case "strings":
      return Array.isArray(value) && value.every((entry) => typeof entry === "string");
  }
}
