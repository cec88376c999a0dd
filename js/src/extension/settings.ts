/** The site's settings of this extension: `litePluginSettings` in jupyter-lite.json. */

import { PageConfig } from "@jupyterlab/coreutils";

import type { Json } from "../protocol.js";
import icon from "./icon.svg";

export interface KernelSettings {
  /** Where Pyodide's files are. */
  readonly pyodideUrl: string;
  readonly loadPyodideOptions: Record<string, Json>;
  /** Where the description of the memory snapshot is; empty to start without one. */
  readonly snapshotUrl: string;
  /** Where the manifest of the wheels is that the site ships besides; empty if there are none. */
  readonly packagesUrl: string;
  readonly name: string;
  readonly display_name: string;
  readonly language: string;
  /** Configuration of the Python kernel. */
  readonly settings: Record<string, Json>;
  /** The address of the launcher's picture. */
  readonly icon: string;
  readonly packages: string[];
  readonly startScript: string;
  readonly postStartScript: string;
}

type Kind = "string" | "object" | "strings";

const KINDS: Readonly<Record<keyof KernelSettings, Kind>> = {
  pyodideUrl: "string",
  loadPyodideOptions: "object",
  snapshotUrl: "string",
  packagesUrl: "string",
  name: "string",
  display_name: "string",
  language: "string",
  settings: "object",
  icon: "string",
  packages: "strings",
  startScript: "string",
  postStartScript: "string",
};

/** The settings of the plugin, with what was wrong in them. */
export function readSettings(pluginId: string, filesUrl: string): { settings: KernelSettings; problems: string[] } {
  const all: unknown = JSON.parse(PageConfig.getOption("litePluginSettings") || "{}");
  const given = isObject(all) && isObject(all[pluginId]) ? all[pluginId] : {};
  const problems: string[] = [];
  const accepted: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const kind = key in KINDS ? KINDS[key as keyof KernelSettings] : undefined;
    if (kind === undefined) {
      problems.push(`${pluginId}: there is no setting ${key}; there are ${Object.keys(KINDS).join(", ")}`);
    } else if (!fits(value, kind)) {
      problems.push(`${pluginId}: the setting ${key} is ignored, since it must be ${NAMES[kind]}`);
    } else {
      accepted[key] = value;
    }
  }
  return { settings: { ...defaults(filesUrl), ...accepted }, problems };
}

const NAMES: Readonly<Record<Kind, string>> = {
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
    name: "async",
    display_name: "Python (async)",
    language: "python",
    settings: {},
    icon: `data:image/svg+xml,${encodeURIComponent(icon)}`,
    packages: [],
    startScript: "",
    postStartScript: "",
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fits(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case "string":
      return typeof value === "string";
    case "object":
      return isObject(value);
    case "strings":
      return Array.isArray(value) && value.every((entry) => typeof entry === "string");
  }
}
