/** The wheels that the site ships: found in their manifest, fetched, checked, and their files put into site-packages. */

import { inflateSync } from "fflate";

import type { WheelEntry, WheelIndex, WheelManifest, WheelMember } from "../protocol.js";
import { digest } from "./digest.js";
import { type Downloads, parseJson } from "./download.js";
import { StartError, lastLine } from "./errors.js";
import type { Files } from "./host.js";
import { type LazyFile, LazyFiles } from "./lazy_file.js";
import type { Pyodide } from "./pyodide.js";
import { RemoteFile } from "./remote_file.js";
import type { Log } from "./serve.js";

export interface FetchedWheel {
  readonly url: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A manifest, as it was found. */
interface FoundManifest {
  readonly url: string;
  readonly manifest: WheelManifest;
  /** Its SHA-256, or "" where that cannot be known. */
  readonly digest: string;
}

/** A wheel, and where the manifest is that lists it. */
interface StoredWheel extends WheelEntry {
  readonly manifestUrl: string;
}

export class WheelStore {
  readonly #site: Files;
  readonly #downloads: Downloads;
  readonly #manifests: readonly FoundManifest[];
  /** By normalised name. */
  readonly #wheels: ReadonlyMap<string, StoredWheel>;
  readonly #taken = new Set<string>();
  /** By file name. */
  readonly #files = new Map<string, RemoteFile>();

  private constructor(site: Files, downloads: Downloads, manifests: readonly FoundManifest[]) {
    this.#site = site;
    this.#downloads = downloads;
    this.#manifests = manifests;
    this.#wheels = new Map(
      manifests.flatMap(({ manifest, url }) =>
        Object.entries(manifest.wheels).map(([name, entry]) => [name, { ...entry, manifestUrl: url }] as const),
      ),
    );
  }

  /** The first manifest is the one that has the kernel. */
  static async open(
    site: Files,
    downloads: Downloads,
    urls: readonly string[],
    warn: (text: string) => void,
  ): Promise<WheelStore> {
    const manifests = await Promise.all(urls.map((url) => openManifest(downloads, url)));
    if (!("subtle" in crypto)) {
      warn("This page is not a secure context (https or localhost): wheels are used without checking their SHA-256.");
    }
    return new WheelStore(site, downloads, manifests);
  }

  get core(): readonly string[] {
    return this.#manifests[0]?.manifest.core ?? [];
  }

  /** The SHA-256 of each manifest, or "" where they cannot be known. */
  get digests(): readonly string[] {
    return this.#manifests.map((found) => found.digest);
  }

  /** The normalised names of all packages here. */
  get names(): readonly string[] {
    return [...this.#wheels.keys()];
  }

  /** What a module here requires of Pyodide's own index. */
  requiredOfPyodide(module: string): readonly string[] {
    const needs = [...this.#wheels.values()].map(({ pyodide }) => pyodide);
    return needs.flatMap((need) => (need?.imports.includes(module) === true ? need.packages : []));
  }

  /** The normalised name of the package here that a requirement asks for, if there is one that is sure to do. */
  named(requirement: string): string | undefined {
    const name = normalised(requirement);
    const checked = this.#manifests.map(({ manifest }) => manifest.satisfied[requirement]);
    return this.#wheels.has(name) ? name : checked.find((found) => found !== undefined);
  }

  /** Fetch these packages and all that they require, so that their files can be read without waiting; none twice. */
  async fetch(names: readonly string[]): Promise<void> {
    const wanted = this.#withRequired(names).filter((wheel) => !this.#taken.has(wheel));
    wanted.forEach((wheel) => this.#taken.add(wheel));
    await Promise.all(wanted.map((wheel) => this.#fetchOne(wheel)));
  }

  /** Fetch these packages themselves, one after another; what fails is tried again when it is read. */
  async prefetch(names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.#file(name).prefetch();
    }
  }

  #withRequired(names: readonly string[], found = new Set<string>()): string[] {
    for (const name of names.filter((other) => !found.has(other))) {
      found.add(name);
      this.#withRequired(this.#entry(name).requires, found);
    }
    return [...found];
  }

  #entry(name: string): StoredWheel {
    const wheel = this.#wheels.get(name);
    if (wheel === undefined) {
      const urls = this.#manifests.map(({ url }) => url).join(", ");
      throw new StartError(`The site has no wheel of ${name} (${urls}): build it again.`);
    }
    return wheel;
  }

  #file(name: string): RemoteFile {
    const { file, size, manifestUrl } = this.#entry(name);
    let remote = this.#files.get(file);
    if (remote === undefined) {
      remote = new RemoteFile(this.#site, new URL(file, manifestUrl).href, size);
      this.#files.set(file, remote);
    }
    return remote;
  }

  async index(): Promise<WheelIndex> {
    const indexes = await Promise.all(
      this.#manifests.map(({ url, manifest }) =>
        this.#downloads.json(new URL(manifest.files, url).href, "the list of the wheels' files"),
      ),
    );
    return Object.assign({}, ...indexes) as WheelIndex;
  }

  /** The files of all wheels, as they stand in site-packages. Wheels that are not here are fetched when one is read. */
  *files(index: WheelIndex): Generator<LazyFile> {
    for (const [name, wheel] of this.#wheels) {
      const file = this.#file(name);
      for (const member of index[wheel.file] ?? []) {
        const [path, , , size] = member;
        yield { path, size, read: () => extract(file.now(), member) };
      }
    }
  }

  async #fetchOne(name: string): Promise<void> {
    const [wheel, file] = [this.#entry(name), this.#file(name)];
    const bytes = await this.#downloads.bytes(file.url, `the wheel ${wheel.file}`, { size: wheel.size });
    await check(bytes, wheel, file.url);
    file.keep(bytes);
  }
}

async function openManifest(downloads: Downloads, url: string): Promise<FoundManifest> {
  const bytes = await downloads.bytes(url, "the list of wheels");
  const manifest = parseJson(bytes, url, "the list of wheels");
  if (!isManifest(manifest)) {
    throw new StartError(`${url} is not a list of wheels: build the site again, then restart the kernel.`);
  }
  return { url, manifest, digest: await digest(bytes) };
}

function extract(wheel: Uint8Array, [path, begin, packed, size, method]: WheelMember): Uint8Array {
  const bytes = wheel.subarray(begin, begin + packed);
  const content = method === 0 ? bytes.slice() : inflateSync(bytes, { out: new Uint8Array(size) });
  if (content.byteLength !== size) {
    throw new Error(`${path} is damaged in its wheel`);
  }
  return content;
}

async function check(bytes: Uint8Array<ArrayBuffer>, wheel: WheelEntry, url: string): Promise<void> {
  const found = await digest(bytes);
  if (found !== "" && found !== wheel.sha256) {
    throw new StartError(
      `${url} is not the wheel that the site was built with: it has ${String(bytes.byteLength)} bytes and SHA-256 ` +
        `${found}, and should have ${String(wheel.size)} bytes and ${wheel.sha256}. It is damaged or an old copy: ` +
        "publish the site again or clear the browser's cache, then restart the kernel.",
    );
  }
}

/** Put the site's wheels into Python, which may have looked for modules before. */
export function mountWheels(pyodide: Pyodide, store: WheelStore, index: WheelIndex, log: Log): void {
  new LazyFiles(pyodide, log).create(sitePackages(pyodide), store.files(index));
  pyodide.runPython("import importlib; importlib.invalidate_caches()");
}

/** Unpack wheels of the site's own choice. */
export function unpack(pyodide: Pyodide, wheels: readonly FetchedWheel[]): void {
  if (wheels.length === 0) {
    return;
  }
  const extractDir = sitePackages(pyodide);
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

export function sitePackages(pyodide: Pyodide): string {
  return pyodide.runPython("import sysconfig; sysconfig.get_path('purelib')") as string;
}

/** A bare name as wheels' manifests write it. Anything more (a version, an extra) is no bare name and stays as it is. */
function normalised(name: string): string {
  return name.toLowerCase().replaceAll(/[-_.]+/g, "-");
}

function isManifest(value: unknown): value is WheelManifest {
  return (
    typeof value === "object" &&
    value !== null &&
    "core" in value &&
    Array.isArray(value.core) &&
    "satisfied" in value &&
    "wheels" in value
  );
}
