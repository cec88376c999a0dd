/** `npm start`: set up what is missing, then serve the demo site. Takes the options of serve.mjs. */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

import { setUp } from "./setup.mjs";

await setUp();
const server = fileURLToPath(new URL("serve.mjs", import.meta.url));
const child = spawn(process.execPath, [server, ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("exit", (code) => process.exit(code ?? 0));
