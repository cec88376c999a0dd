/** `node venv.mjs MODULE|FILE.py [ARGUMENTS]`: set up, then run a Python module or program in the environment. */

import { python, setUp } from "./setup.mjs";
import { run } from "./steps.mjs";

const [program, ...args] = process.argv.slice(2);
await setUp();
await run(python, [...(program.endsWith(".py") ? [] : ["-m"]), program, ...args]).catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
