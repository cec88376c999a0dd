/** Steps of the set-up: each runs when what it reads has changed since it last ran. */

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");

const GENERATED = /(^|\/)(__pycache__|node_modules|\.venv|_version\.py|.*\.pyc)($|\/)/;

/** Run a command in the repository. Rejects with its name when it fails. */
export function run(command, args, { cwd = root, env = {}, quiet = false } = {}) {
  return new Promise((resolve, reject) => {
    const stdio = quiet ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"];
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio });
    let output = "";
    child.stdout?.on("data", (chunk) => (output += chunk));
    child.stderr?.on("data", (chunk) => (output += chunk));
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) {
        resolve(output);
      } else {
        reject(new Error(`${command} ${args.join(" ")} ended with ${code}\n${output}`));
      }
    });
  });
}

/**
 * Run `action` unless its inputs (paths in the repository; texts for anything else) and its script are those of the
 * stamp that its last run left at `stamp`, and all `outputs` are there.
 */
export async function step(name, { inputs, texts = [], stamp, outputs = [] }, action) {
  const hash = hashOf([...inputs, relative(root, fileURLToPath(import.meta.url))], texts);
  const file = join(root, stamp);
  const isFresh =
    existsSync(file) && readFileSync(file, "utf8") === hash && outputs.every((path) => existsSync(join(root, path)));
  if (isFresh) {
    return;
  }
  const begin = performance.now();
  process.stdout.write(`${name} …\n`);
  rmSync(file, { force: true });
  await action();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, hash);
  process.stdout.write(`${name}: ${((performance.now() - begin) / 1000).toFixed(1)} s\n`);
}

export function hashOf(paths, texts = []) {
  const hash = createHash("sha256");
  for (const path of paths.flatMap((start) => [...filesBelow(join(root, start))])) {
    hash
      .update(`${relative(root, path)}\0`)
      .update(readFileSync(path))
      .update("\0");
  }
  texts.forEach((text) => hash.update(text).update("\0"));
  return hash.digest("hex");
}

function* filesBelow(path) {
  if (!existsSync(path) || GENERATED.test(relative(root, path))) {
    return;
  }
  if (!statSync(path).isDirectory()) {
    yield path;
    return;
  }
  for (const name of readdirSync(path).sort()) {
    yield* filesBelow(join(path, name));
  }
}
