/** Bundle the worker and the bridge: one ES module each, for browsers and Node. */

import { build } from "esbuild";
import { fileURLToPath } from "node:url";

const js = fileURLToPath(new URL("..", import.meta.url));

export async function bundle() {
  const common = {
    absWorkingDir: js,
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["node:*"],
    legalComments: "none",
    sourcemap: "linked",
    logLevel: "warning",
  };
  await Promise.all([
    build({ ...common, entryPoints: { worker: "src/worker/entry.ts" }, outdir: "dist", outExtension: { ".js": ".mjs" }, minify: true }),
    build({ ...common, entryPoints: { bridge: "src/bridge/index.ts" }, outdir: "dist", outExtension: { ".js": ".mjs" } }),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle();
}
