/** The packages of Pyodide's own index, those of its lock file. */

import { lastLine } from "./errors.js";
import type { Host } from "./host.js";
import type { Pyodide } from "./pyodide.js";
import type { WheelStore } from "./wheels.js";

/** From where packages are, for Pyodide, that the site ships: they are there and not to be loaded. */
const SITE = "the site";

interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly file_name: string;
}

/** What this needs of Pyodide's insides: there is no public way. */
interface Api {
  readonly lockfile_packages: Readonly<Record<string, LockedPackage>>;
  readonly _import_name_to_package_name: ReadonlyMap<string, string>;
  readonly packageManager: { installBaseUrl: string };
  readonly config: { readonly cdnUrl: string };
}

/** For Python, which gets it as a plain object. */
interface Loaded {
  readonly loaded: readonly string[];
  readonly errors: readonly string[];
}

export class PyodidePackages {
  readonly #pyodide: Pyodide;
  readonly #api: Api;
  readonly #host: Host;
  readonly #store: WheelStore;
  #finding: Promise<void> | undefined;

  constructor(pyodide: Pyodide, host: Host, store: WheelStore) {
    this.#pyodide = pyodide;
    this.#api = (pyodide as unknown as { _api: Api })._api;
    this.#host = host;
    this.#store = store;
    const load = pyodide.loadPackage.bind(pyodide);
    // for micropip and for users, too
    pyodide.loadPackage = async (names, options): ReturnType<typeof load> => {
      const wanted = typeof names === "string" ? [names] : [...(names as Iterable<string>)];
      await this.#findIndex(wanted);
      const errors: string[] = [];
      const errorCallback = (text: string): void => {
        errors.push(text);
        options?.errorCallback?.(text);
      };
      const loaded = await load(wanted, { ...options, errorCallback });
      this.#check(wanted, errors);
      return loaded;
    };
  }

  /** The packages that a module of the site requires. */
  forShipped(module: string): string[] {
    return [...this.#store.requiredOfPyodide(module)];
  }

  /** The package that has a module. */
  forModule(module: string): string | undefined {
    return this.#api._import_name_to_package_name.get(module);
  }

  async load(names: readonly string[]): Promise<Loaded> {
    const before = new Set(this.#loaded());
    const errors: string[] = [];
    const quiet = { messageCallback: (): void => undefined, errorCallback: (): void => undefined };
    await this.#pyodide.loadPackage([...names], quiet).catch((error: unknown) => {
      errors.push(lastLine(error));
    });
    const added = this.#loaded().filter((name) => !before.has(name));
    const locked = added.map((name) => this.#api.lockfile_packages[name]).filter((found) => found !== undefined);
    return { loaded: locked.map(({ name, version }) => `${name} ${version}`).sort(), errors };
  }

  /** The names of what has been loaded besides the site's. */
  #loaded(): string[] {
    const { loadedPackages } = this.#pyodide;
    return Object.keys(loadedPackages).filter((name) => loadedPackages[name] !== SITE);
  }

  /** Pyodide says what it cannot load, and goes on. */
  #check(wanted: readonly string[], errors: readonly string[]): void {
    const { lockfile_packages: locked, packageManager } = this.#api;
    const missing = wanted.filter((name) => name in locked && !(name in this.#pyodide.loadedPackages));
    if (missing.length > 0) {
      const { host } = new URL(packageManager.installBaseUrl);
      throw new Error(`Cannot load ${missing.join(", ")} from ${host}: ${errors.join(" ")}`);
    }
  }

  /**
   * Have packages loaded from where they are: beside Pyodide, as in its full distribution, or else where Pyodide's
   * makers publish them.
   */
  async #findIndex(names: readonly string[]): Promise<void> {
    for (const name of this.#store.names) {
      this.#pyodide.loadedPackages[name] ??= SITE;
    }
    const wanted = names.map((name) => this.#api.lockfile_packages[name]).find((found) => found !== undefined);
    if (this.#host.name === "browser" && wanted !== undefined) {
      this.#finding ??= this.#find(wanted.file_name);
      await this.#finding;
    }
  }

  async #find(file: string): Promise<void> {
    const { packageManager, config } = this.#api;
    const response = await fetch(new URL(file, packageManager.installBaseUrl), { method: "HEAD" }).catch(
      () => undefined,
    );
    const isThere = response?.ok === true && response.headers.get("content-type")?.startsWith("text/html") !== true;
    if (!isThere) {
      packageManager.installBaseUrl = config.cdnUrl;
    }
  }
}
