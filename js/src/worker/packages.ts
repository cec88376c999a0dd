/** The setting `packages`: what it names, from where it comes, put in before the first cell. */

import type { Downloads } from "./download.js";
import { StartError, lastLine } from "./errors.js";
import type { Pyodide } from "./pyodide.js";
import type { FetchedWheel, WheelStore } from "./wheels.js";

/** Where each package comes from. */
export interface PackagePlan {
  /** Normalised names of packages that the site ships. */
  readonly shipped: readonly string[];
  /** Absolute addresses of wheels. */
  readonly wheels: readonly string[];
  /** Requirements left to micropip. */
  readonly requirements: readonly string[];
}

export function planPackages(packages: readonly string[], store: WheelStore, baseUrl: string): PackagePlan {
  const shipped: string[] = [];
  const wheels: string[] = [];
  const requirements: string[] = [];
  for (const entry of packages.map((text) => text.trim())) {
    const name = store.named(entry);
    if (entry.endsWith(".whl")) {
      wheels.push(new URL(entry, baseUrl).href);
    } else if (name !== undefined) {
      shipped.push(name);
    } else {
      requirements.push(entry);
    }
  }
  return { shipped, wheels, requirements };
}

export async function fetchWheels(downloads: Downloads, urls: readonly string[]): Promise<FetchedWheel[]> {
  return Promise.all(
    urls.map(async (url) => ({ url, bytes: await downloads.bytes(url, `the wheel of the setting packages`) })),
  );
}

/** Let micropip install what the site does not ship: from Pyodide's index or PyPI. */
export async function installOthers(
  pyodide: Pyodide,
  store: WheelStore,
  requirements: readonly string[],
  starts: (requirement: string) => void,
): Promise<void> {
  if (requirements.length === 0) {
    return;
  }
  await store.fetch(["micropip"]);
  const micropip = pyodide.pyimport("micropip") as { install(requirement: string): Promise<void> };
  for (const requirement of requirements) {
    starts(requirement);
    try {
      await micropip.install(requirement);
    } catch (error) {
      throw new StartError(
        `Cannot install the package ${requirement} of the setting packages: ${lastLine(error)}. ` +
          "Ship its wheel with the site, correct its name or version, or check the connection; then restart the kernel.",
        error,
      );
    }
  }
}
