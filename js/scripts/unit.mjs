/** Run the unit tests of the TypeScript: bundled one by one, then given to Node's test runner. */

import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { run } from "./steps.mjs";

const js = fileURLToPath(new URL("..", import.meta.url));
const outdir = join(js, "dist/tests");
const tests = readdirSync(join(js, "tests")).filter((name) => name.endsWith(".test.ts"));

rmSync(outdir, { recursive: true, force: true });
await build({
  absWorkingDir: js,
  entryPoints: tests.map((name) => `tests/${name}`),
  outdir,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  outExtension: { ".js": ".mjs" },
  logLevel: "warning",
});
const files = tests.map((name) => join(outdir, name.replace(/\.ts$/, ".mjs")));
await run(process.execPath, ["--test", "--test-reporter=spec", ...files]).catch(() => {
  process.exitCode = 1;
});
