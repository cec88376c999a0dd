/** The wheels that the site ships: found in their manifest, fetched, checked and unpacked. */

import type { WheelEntry, WheelManifest } from "../protocol.js";
import type { Downloads } from "./download.js";
import { StartError, lastLine } from "./errors.js";
import type { Pyodide } from "./pyodide.js";

export interface FetchedWheel {
  readonly url: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export class WheelStore {
  readonly #downloads: Downloads;
  readonly #manifest: WheelManifest;
  readonly #manifestUrl: string;
  readonly #taken = new Set<string>();

  constructor(downloads: Downloads, manifest: WheelManifest, manifestUrl: string) {
    this.#downloads = downloads;
    this.#manifest = manifest;
    this.#manifestUrl = manifestUrl;
  }

  static async open(downloads: Downloads, url: string, warn: (text: string) => void): Promise<WheelStore> {
    const manifest = await downloads.json(url, "the list of wheels");
    if (!isManifest(manifest)) {
      throw new StartError(`${url} is not a list of wheels: build the site again, then restart the kernel.`);
    }
    if (!("subtle" in crypto)) {
      warn("This page is not a secure context (https or localhost): wheels are used without checking their SHA-256.");
    }
    return new WheelStore(downloads, manifest, url);
  }

  get core(): readonly string[] {
    return this.#manifest.core;
  }

  version(name: string): string | undefined {
    return this.#manifest.wheels[name]?.version;
  }

  /** Fetch these packages and all that they require, but none twice. */
  async fetch(names: readonly string[]): Promise<FetchedWheel[]> {
    const wanted: WheelEntry[] = [];
    const visit = (name: string): void => {
      if (this.#taken.has(name)) {
        return;
      }
      const wheel = this.#manifest.wheels[name];
      if (wheel === undefined) {
        throw new StartError(`${this.#manifestUrl} has no wheel of ${name}: build the site again.`);
      }
      this.#taken.add(name);
      wanted.push(wheel);
      wheel.requires.forEach(visit);
    };
    names.forEach(visit);
    return Promise.all(wanted.map((wheel) => this.#fetchOne(wheel)));
  }

  async #fetchOne(wheel: WheelEntry): Promise<FetchedWheel> {
    const url = new URL(wheel.file, this.#manifestUrl).href;
    const bytes = await this.#downloads.bytes(url, `the wheel ${wheel.file}`, wheel.size);
    await check(bytes, wheel, url);
    return { url, bytes };
  }
}

async function check(bytes: Uint8Array<ArrayBuffer>, wheel: WheelEntry, url: string): Promise<void> {
  if (!("subtle" in crypto)) {
    return;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== wheel.sha256) {
    throw new StartError(
      `${url} is not the wheel that the site was built with: it has ${String(bytes.byteLength)} bytes and SHA-256 ` +
        `${found}, and should have ${String(wheel.size)} bytes and ${wheel.sha256}. It is damaged or an old copy: ` +
        "publish the site again or clear the browser's cache, then restart the kernel.",
    );
  }
}

export function unpack(pyodide: Pyodide, wheels: readonly FetchedWheel[]): void {
  const extractDir = pyodide.runPython("import sysconfig; sysconfig.get_path('purelib')") as string;
  for (const { url, bytes } of wheels) {
    try {
      pyodide.unpackArchive(bytes, "wheel", { extractDir });
    } catch (error) {
      throw new StartError(
        `Cannot unpack the wheel ${url} (${lastLine(error)}): replace it by a good copy, then restart the kernel.`,
        error,
      );
    }
  }
  pyodide.runPython("import importlib; importlib.invalidate_caches()");
}

function isManifest(value: unknown): value is WheelManifest {
  return (
    typeof value === "object" && value !== null && "core" in value && Array.isArray(value.core) && "wheels" in value
  );
}
