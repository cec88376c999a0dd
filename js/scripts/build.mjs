/** `npm run build`: build and check all that a release publishes, the wheels, the sdist and the npm package, in `dist`. */

import { copyFileSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { python, setUp } from "./setup.mjs";
import { root, run } from "./steps.mjs";

const dist = join(root, "dist");
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

await setUp();
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
await run(python, ["-m", "build", "--no-isolation", "--outdir", dist, root], { quiet: true });
for (const name of readdirSync(join(root, "js/dist/release"))) {
  copyFileSync(join(root, "js/dist/release", name), join(dist, name));
}
const published = readdirSync(dist).map((name) => join(dist, name));
await run(python, ["-m", "twine", "check", "--strict", ...published]);
await run(npm, ["pack", "--silent", "--pack-destination", dist]);
