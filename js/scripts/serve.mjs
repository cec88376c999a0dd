/**
 * Serve a folder as a static site, on this machine only.
 *
 * node js/scripts/serve.mjs [--dir DIR] [--port PORT] [--prefix /some/path/] [--isolated] [--overlay DIR] [--log FILE]
 *                             [--line MBIT,MS]
 *
 * --dir       the folder; the built demo site unless told otherwise
 * --port      0, the default, is any free port
 * --prefix    the path below which the site appears
 * --isolated  send the headers (COOP, COEP) that make pages cross-origin isolated
 * --overlay   a folder whose files are served instead of the site's; NAME.missing there makes NAME a 404. It is looked
 *             at on each request, so that a test can break a site and mend it again
 * --log       a file that gets a line for each answer: its status, the bytes of its body, the path below the prefix
 * --line      behave as a host at the end of a line of so many Mbit/s and milliseconds, which compresses what hosts do
 *
 * Prints one line, `Serving on http://127.0.0.1:PORT/prefix/`, when it listens. Ends when its stdin is closed, if that
 * is a pipe, or with a signal.
 */

import { appendFileSync, createReadStream, fstatSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { Line } from "./line.mjs";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".ipynb": "application/json",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".md": "text/markdown; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".woff": "font/woff",
  ".woff2": "font/woff2",
  ".zip": "application/zip",
};

/** What hosts do not compress, since it is already. */
const PACKED = new Set([".bin", ".ico", ".png", ".whl", ".woff", ".woff2", ".zip"]);

const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

const builtSite = fileURLToPath(new URL("../../lite-site/_output", import.meta.url));

/** Start a server. Resolves with its address once it listens. */
export async function serve({ dir = builtSite, port = 0, prefix = "/", isolated = false, overlay, log, line } = {}) {
  const base = `/${prefix}/`.replaceAll(/\/+/g, "/");
  const slow = line === undefined ? undefined : new Line(line);
  const folders = overlay === undefined ? [dir] : [overlay, dir];
  const server = createServer((request, response) => {
    if (log !== undefined) {
      response.on("finish", () => {
        const bytes = response.statusCode === 200 ? (response.getHeader("Content-Length") ?? 0) : 0;
        appendFileSync(log, `${response.statusCode} ${bytes} ${request.url.slice(base.length)}\n`);
      });
    }
    answer(request, response, { base, folders, isolated, overlay, slow }).catch((error) => {
      process.stderr.write(`${request.url}: ${error}\n`);
      response.destroy();
    });
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${server.address().port}${base}` };
}

async function answer(request, response, { base, folders, isolated, overlay, slow }) {
  const headers = { "Cache-Control": "no-cache", ...(isolated ? ISOLATION : {}) };
  const { pathname } = new URL(request.url, "http://localhost");
  const refuse = (status, text) => response.writeHead(status, { ...headers, "Content-Type": "text/plain" }).end(text);
  if (request.method !== "GET" && request.method !== "HEAD") {
    refuse(405, "A static site answers GET and HEAD only\n");
    return;
  }
  const inside = pathname.startsWith(base) ? normalize(decodeURIComponent(pathname.slice(base.length))) : undefined;
  if (inside === undefined || inside.startsWith(`..${sep}`) || inside.includes("\0")) {
    refuse(404, `Nothing here: the site is at ${base}\n`);
    return;
  }
  const isMissing = overlay !== undefined && (await fileAt(join(overlay, `${inside}.missing`))) !== undefined;
  const found = isMissing ? undefined : await firstFile(folders, inside);
  if (found?.redirect === true && !pathname.endsWith("/")) {
    response.writeHead(301, { ...headers, Location: `${pathname}/` }).end();
  } else if (found === undefined) {
    refuse(404, "No such file\n");
  } else {
    await send(request, response, headers, found, slow);
  }
}

async function send(request, response, headers, { path, size, tag }, slow) {
  if (request.headers["if-none-match"] === tag) {
    response.writeHead(304, { ...headers, ETag: tag }).end();
    return;
  }
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  const isPacked = slow !== undefined && !PACKED.has(extname(path));
  response.setHeader("Content-Length", isPacked ? slow.packed(path).length : size);
  response.writeHead(200, {
    ...headers,
    "Content-Type": type,
    ETag: tag,
    ...(isPacked ? { "Content-Encoding": "gzip" } : {}),
  });
  if (request.method === "HEAD") {
    response.end();
  } else if (slow === undefined) {
    createReadStream(path).pipe(response);
  } else {
    await slow.send(isPacked ? slow.packed(path) : await readFile(path), response);
  }
}

async function firstFile(folders, inside) {
  for (const folder of folders) {
    const found = await fileAt(join(folder, inside));
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** The file at a path, or the index of the folder there. */
async function fileAt(path) {
  const status = await stat(path).catch(() => undefined);
  if (status?.isDirectory() === true) {
    const index = await fileAt(join(path, "index.html"));
    return index === undefined ? undefined : { ...index, redirect: true };
  }
  if (status?.isFile() !== true) {
    return undefined;
  }
  return { path, size: status.size, tag: `"${status.size.toString(36)}-${status.mtimeMs.toString(36)}"` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      dir: { type: "string" },
      port: { type: "string", default: "0" },
      prefix: { type: "string" },
      isolated: { type: "boolean" },
      overlay: { type: "string" },
      log: { type: "string" },
      line: { type: "string" },
    },
  });
  try {
    const { url } = await serve({ ...values, port: Number(values.port) });
    process.stdout.write(`Serving on ${url}\n`);
  } catch (error) {
    process.stderr.write(`Cannot serve on port ${values.port} (${error.message}): try another --port\n`);
    process.exit(1);
  }
  const input = fstatSync(0);
  if (input.isFIFO() || input.isSocket()) {
    process.stdin.on("end", () => process.exit()).resume();
  }
}
