/**
 * `npm test [-- NAME ...]`: set up, then run every check, or those named.
 *
 * `npm test -- --list` tells their names. All run, also after one has failed; the exit code is not 0 if any failed. Those
 * that take long run only when named.
 */

import { existsSync } from "node:fs";
import { join } from "node:path";

import { python, setUp } from "./setup.mjs";
import { root, run } from "./steps.mjs";

const node = process.execPath;
const js = { cwd: join(root, "js") };
const binary = (path) => join(root, "node_modules", path);
const pytest = (folder) => [python, ["-m", "pytest", `tests/${folder}`]];

const CHECKS = {
  eslint: [node, [binary("eslint/bin/eslint.js"), "."], js],
  prettier: [node, [binary("prettier/bin/prettier.cjs"), "--check", "."], js],
  tsc: [node, ["scripts/types.mjs"], js],
  ruff: [python, ["-m", "ruff", "check", "."]],
  "ruff-format": [python, ["-m", "ruff", "format", "--check", "."]],
  mypy: [python, ["-m", "mypy"]],
  js: [node, ["scripts/unit.mjs"], js],
  unit: pytest("unit"),
  protocol: pytest("protocol"),
  desktop: pytest("desktop"),
  jupyterlab: pytest("jupyter_lab"),
  browser: pytest("browser"),
};
const LONG = {
  "browser-without-snapshot": [python, ["-m", "pytest", "tests/browser", "--without-snapshot"]],
};
const ALL = { ...CHECKS, ...LONG };

const names = process.argv.slice(2);
if (names.includes("--list")) {
  process.stdout.write(`${Object.keys(ALL).join("\n")}\n`);
  process.exit();
}
const unknown = names.filter((name) => !(name in ALL));
if (unknown.length > 0) {
  process.stderr.write(`No check ${unknown.join(", ")}: there are ${Object.keys(ALL).join(", ")}\n`);
  process.exit(2);
}

await setUp();

const results = [];
for (const name of names.length > 0 ? names : Object.keys(CHECKS)) {
  const [command, args, options] = ALL[name];
  const folder = args.find((argument) => argument.startsWith("tests/"));
  process.stdout.write(`\n===== ${name} =====\n`);
  if (folder !== undefined && !existsSync(join(options?.cwd ?? root, folder))) {
    results.push([name, "nothing to run", 0]);
    continue;
  }
  const begin = performance.now();
  const passed = await run(command, args, options).then(
    () => true,
    () => false,
  );
  results.push([name, passed ? "passed" : "FAILED", (performance.now() - begin) / 1000]);
}

process.stdout.write("\n===== summary =====\n");
for (const [name, result, seconds] of results) {
  process.stdout.write(`${name.padEnd(24)} ${result.padEnd(15)} ${seconds.toFixed(1)} s\n`);
}
const failed = results.filter(([, result]) => result === "FAILED").length;
process.stdout.write(`${results.length - failed} passed, ${failed} failed\n`);
process.exit(failed > 0 ? 1 : 0);
