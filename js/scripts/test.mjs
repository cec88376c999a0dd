/**
 * `npm test [-- NAME ...]`: set up, then run every check, or those named.
 *
 * `npm test -- --list` tells their names. All run, also after one has failed; the exit code is not 0 if any failed. Those
 * that take long run only when named. Several run two at a time, and what one prints comes when it has ended.
 */

import { availableParallelism } from "node:os";
import { join } from "node:path";

import { python, setUp } from "./setup.mjs";
import { root, run } from "./steps.mjs";

const node = process.execPath;
const js = { cwd: join(root, "js") };
const binary = (path) => join(root, "node_modules", path);
const pytest = (folder) => [python, ["-m", "pytest", `tests/${folder}`]];

/** Those that take longest come first, so that both lanes end at about the same time. */
const CHECKS = {
  browser: pytest("browser"),
  protocol: pytest("protocol"),
  desktop: pytest("desktop"),
  jupyterlab: pytest("jupyter_lab"),
  docs: pytest("docs"),
  unit: pytest("unit"),
  js: [node, ["scripts/unit.mjs"], js],
  eslint: [node, [binary("eslint/bin/eslint.js"), "."], js],
  tsc: [node, ["scripts/types.mjs"], js],
  mypy: [python, ["-m", "mypy"]],
  prettier: [node, [binary("prettier/bin/prettier.cjs"), "--check", "."], js],
  ruff: [python, ["-m", "ruff", "check", "."]],
  "ruff-format": [python, ["-m", "ruff", "format", "--check", "."]],
};
const LONG = {
  "browser-without-snapshot": [python, ["-m", "pytest", "tests/browser", "--without-snapshot"]],
  load: [
    python,
    ["-m", "pytest", "tests/desktop/test_load.py", "tests/desktop/test_faults.py", "tests/protocol/test_fuzz.py"],
    { env: { ...process.env, ASYNC_KERNEL_LOAD: "100", ASYNC_KERNEL_FUZZ_EXAMPLES: "5000" } },
  ],
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

const waiting = names.length > 0 ? names : Object.keys(CHECKS);
const lanes = Math.min(2, availableParallelism(), waiting.length);
const results = [];
await Promise.all(Array.from({ length: lanes }, runLane));

async function runLane() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    results.push([name, ...(await runCheck(name))]);
  }
}

/** Returns its result and seconds. */
async function runCheck(name) {
  const [command, args, options] = ALL[name];
  const isAlone = lanes === 1;
  process.stdout.write(isAlone ? `\n===== ${name} =====\n` : `${name} …\n`);
  const begin = performance.now();
  const [isPassed, output] = await run(command, args, { ...options, quiet: !isAlone }).then(
    (text) => [true, text],
    (error) => [false, error.message],
  );
  if (!isAlone) {
    process.stdout.write(`\n===== ${name} =====\n${output}\n`);
  }
  return [isPassed ? "passed" : "FAILED", (performance.now() - begin) / 1000];
}

process.stdout.write("\n===== summary =====\n");
for (const [name, result, seconds] of results) {
  process.stdout.write(`${name.padEnd(24)} ${result.padEnd(15)} ${seconds.toFixed(1)} s\n`);
}
const failed = results.filter(([, result]) => result === "FAILED").length;
process.stdout.write(`${results.length - failed} passed, ${failed} failed\n`);
process.exit(failed > 0 ? 1 : 0);
