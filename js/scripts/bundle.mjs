/** Bundle the TypeScript: the worker, the bridge, the extension's code and what of it runs early, and the bridge's types. */

import { fileURLToPath } from "node:url";

import { build } from "esbuild";

import { run } from "./steps.mjs";

const js = fileURLToPath(new URL("..", import.meta.url));

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

export async function bundle() {
  await Promise.all([
    build({ ...common, entryPoints: ["src/worker/entry.ts"], outfile: "dist/worker.mjs", minify: true }),
    build({ ...common, entryPoints: ["src/snapshot/make.ts"], outfile: "dist/make_snapshot.mjs" }),
    build({ ...common, entryPoints: ["src/bridge/index.ts"], outfile: "dist/bridge.mjs" }),
    // JupyterLab's packages are the site's: @jupyter/builder links them
    build({
      ...common,
      entryPoints: ["src/extension/index.ts", "src/extension/early.ts"],
      outdir: "dist/extension",
      splitting: true,
      chunkNames: "[name]",
      packages: "external",
      loader: { ".svg": "text" },
      // it passes every address: the bridge's place is no use as a default, and must not be the build machine's
      define: { "import.meta.url": '""' },
    }),
    run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "js/tsconfig.types.json"]),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle();
}
