/** Check the types of page, worker and tests: three worlds with different globals. */

import { run } from "./steps.mjs";

const compiler = "node_modules/typescript/bin/tsc";
const projects = ["page", "worker", "tests"].map((name) => `js/tsconfig.${name}.json`);
const results = await Promise.allSettled(projects.map((path) => run(process.execPath, [compiler, "-p", path])));
process.exitCode = results.some(({ status }) => status === "rejected") ? 1 : 0;
