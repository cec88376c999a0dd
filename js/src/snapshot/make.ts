/**
 * Make the snapshot that kernels start from: run when a site is built, in a Node that has JSPI.
 *
 * make_snapshot.mjs --pyodide DIR --wheels DIR [--wheels DIR] --out DIR [--package NAME ...]
 *
 * --pyodide  Pyodide's files, those that the site ships
 * --wheels   the wheels that the site ships, with their manifest: the kernel's, and the site's own
 * --out      is filled anew
 * --package  also in the snapshot, imported: the name of a package among the wheels, all of whose modules are Python
 */

import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

import { gzipSync } from "fflate";

import type { SnapshotManifest } from "../protocol.js";
import { canSwitchStacks } from "../worker/capabilities.js";
import { Downloads } from "../worker/download.js";
import { nodeFiles } from "../worker/node_host.js";
import { ProgressReport } from "../worker/progress.js";
import { LIBRARY, type LoadOptions, type LoadPyodide, type Pyodide, WASM } from "../worker/pyodide.js";
import { WheelStore, mountWheels } from "../worker/wheels.js";
import { homeOf } from "../worker/resume.js";
import { ENVIRONMENT, enterWorld } from "./determinism.js";
import { type FreshMemory, type Memory, PAGE, type Stack, difference, zeroFreeMemory } from "./memory.js";

type CreateModule = NonNullable<LoadOptions["createPyodideModule"]>;

/** The module of Pyodide. */
interface Loader {
  readonly loadPyodide: LoadPyodide;
  readonly version: string;
}

/** The Python module `async_kernel._browser._snapshot`. */
interface SnapshotModule {
  warm_up(distributions: string): Promise<void>;
  destroy(): void;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      pyodide: { type: "string" },
      wheels: { type: "string", multiple: true, default: [] },
      out: { type: "string" },
      package: { type: "string", multiple: true, default: [] },
    },
  });
  const { pyodide: directory, wheels, out } = values;
  if (directory === undefined || wheels.length === 0 || out === undefined) {
    throw new Error("--pyodide, --wheels and --out are needed");
  }
  const loader = (await import(pathToFileURL(resolve(directory, "pyodide.mjs")).href)) as Loader;
  const fresh = await freshMemories(loader, directory);
  enterWorld(0);
  const store = await openStore(wheels);
  const pyodide = await started(loader, directory, store, values.package);
  const { head, memory, stack } = imageOf(pyodide);
  const { image, initialised, words } = difference(memory, stack, fresh);

  const packed = gzipSync(new Uint8Array(image.buffer), { level: 9, mtime: 0 });
  const sha256 = digestOf(packed);
  const file = `memory-${sha256.slice(0, 16)}.bin`;
  const manifest: SnapshotManifest = {
    format: 1,
    pyodide: loader.version,
    wheels: store.digests,
    jspi: canSwitchStacks(),
    packages: values.package,
    files: await filesOf(directory),
    image: {
      file,
      size: packed.byteLength,
      sha256,
      memory: memory.byteLength,
      initialised,
      stack: stack.pointer,
      words,
    },
    home: Object.fromEntries(filesBelow(pyodide, homeOf(pyodide))),
    head: Buffer.from(head).toString("base64"),
  };
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await writeFile(join(out, file), packed);
  await writeFile(join(out, "snapshot.json"), `${JSON.stringify(manifest)}\n`);
}

async function openStore(wheels: readonly string[]): Promise<WheelStore> {
  const files = await nodeFiles();
  const downloads = new Downloads(files, new ProgressReport(() => undefined));
  const urls = wheels.map((directory) => pathToFileURL(resolve(directory, "manifest.json")).href);
  return WheelStore.open(files, downloads, urls, (text) => {
    process.stderr.write(`${text}\n`);
  });
}

/** Python as a new kernel finds it. */
async function started(
  { loadPyodide }: Loader,
  directory: string,
  store: WheelStore,
  packages: readonly string[],
): Promise<Pyodide> {
  const pyodide = await loadPyodide({ ...fixed(directory), _makeSnapshot: true });
  mountWheels(pyodide, store, await store.index(), (_, text) => process.stderr.write(`${text}\n`));
  const module = pyodide.pyimport("async_kernel._browser._snapshot") as SnapshotModule;
  await module.warm_up(packages.join(" "));
  module.destroy();
  await settled();
  pyodide.runPython("import gc; gc.collect()");
  await settled();
  return pyodide;
}

/** Callbacks that are on their way hold objects of Python's: let them run. */
async function settled(): Promise<void> {
  const TURNS = 10;
  for (let turn = 0; turn < TURNS; turn++) {
    await new Promise((resolve) => setTimeout(resolve));
  }
}

function fixed(directory: string): LoadOptions {
  return { indexURL: resolve(directory), env: { ...ENVIRONMENT }, _sysExecutable: ENVIRONMENT._ };
}

function imageOf(pyodide: Pyodide): { head: Uint8Array; memory: Uint32Array<ArrayBuffer>; stack: Stack } {
  const memory = (pyodide as unknown as { _module: Memory })._module;
  zeroFreeMemory(memory);
  const whole = pyodide.makeMemorySnapshot();
  const [, begin = 0] = new Uint32Array(whole.buffer, 0, 2);
  const used = Math.ceil(memory._sbrk(0) / PAGE) * PAGE;
  return {
    head: whole.slice(0, begin),
    memory: new Uint32Array(whole.slice(begin, begin + used).buffer),
    stack: { pointer: memory.stackSave(), end: memory._emscripten_stack_get_end() },
  };
}

/** Several, which differ wherever the clock, randomness, the environment and the program's name make a difference. */
async function freshMemories(loader: Loader, directory: string): Promise<FreshMemory[]> {
  const [name, variable] = [60, 10_000];
  const memories: FreshMemory[] = [];
  for (const [letter, times] of [
    ["a", 0],
    ["b", 1],
    ["c", 2],
  ] as const) {
    enterWorld(times + 1);
    const env = { LANG: letter.repeat(name * times), VARIABLE: letter.repeat(variable * times) };
    memories.push(
      await freshMemory(loader, directory, { env, _sysExecutable: `${"/".repeat(times)}${letter.repeat(name)}` }),
    );
  }
  return memories;
}

async function freshMemory(
  { loadPyodide }: Loader,
  directory: string,
  options: Pick<LoadOptions, "env" | "_sysExecutable">,
): Promise<FreshMemory> {
  const core = (await import(pathToFileURL(resolve(directory, "pyodide.asm.mjs")).href)) as { default: CreateModule };
  const enough = new Error("it is not to start");
  let fresh: FreshMemory | undefined;
  const loading = loadPyodide({
    indexURL: resolve(directory),
    ...options,
    _loadSnapshot: new Uint8Array(PAGE), // or it would start by itself
    createPyodideModule: async (settings) => {
      const module = await core.default(settings);
      fresh = { words: module.HEAPU32.slice(), heapBegin: (module as unknown as Memory).stackSave() };
      throw enough;
    },
  });
  await loading.catch((error: unknown) => {
    if (error !== enough) {
      throw error;
    }
  });
  if (fresh === undefined) {
    throw new Error("Pyodide did not take the module that it was given");
  }
  return fresh;
}

/** Paths below a directory, with contents in base64. */
function* filesBelow(pyodide: Pyodide, directory: string, below = ""): Generator<[string, string]> {
  const { FS } = pyodide;
  for (const name of FS.readdir(directory)
    .filter((entry) => !/^\.{1,2}$/.test(entry))
    .sort()) {
    const path = `${directory}/${name}`;
    if (FS.isDir(FS.stat(path).mode)) {
      yield* filesBelow(pyodide, path, `${below}${name}/`);
    } else {
      yield [`${below}${name}`, Buffer.from(FS.readFile(path)).toString("base64")];
    }
  }
}

async function filesOf(directory: string): Promise<SnapshotManifest["files"]> {
  const describe = async (name: string): Promise<[string, { size: number; sha256: string }]> => {
    const bytes = await readFile(join(directory, name));
    return [name, { size: bytes.byteLength, sha256: digestOf(bytes) }];
  };
  return Object.fromEntries(await Promise.all([WASM, LIBRARY].map(describe)));
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

try {
  await main();
} catch (error) {
  // not by Node, which shows the line of source: Pyodide's are a megabyte
  process.stderr.write(`The snapshot cannot be made: ${String(error instanceof Error ? error.stack : error)}\n`);
  process.exitCode = 1;
}
