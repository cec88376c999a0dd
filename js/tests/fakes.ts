/** Stand-ins for what surrounds the worker's parts. */

import { createHash } from "node:crypto";

import type { FromWorker, WheelEntry, WheelManifest } from "../src/protocol.js";
import { Downloads } from "../src/worker/download.js";
import type { Host } from "../src/worker/host.js";
import { ProgressReport } from "../src/worker/progress.js";

/** A host whose files are given, and which records what is posted. */
export class FakeHost implements Host {
  readonly name = "node";
  readonly posted: FromWorker[] = [];
  readonly transferred: ArrayBuffer[] = [];
  readonly asked: string[] = [];
  readonly #files: Readonly<Record<string, string>>;

  constructor(files: Readonly<Record<string, string>> = {}) {
    this.#files = files;
  }

  post(message: FromWorker, transfer: ArrayBuffer[]): void {
    this.posted.push(message);
    this.transferred.push(...transfer);
  }

  listen(): void {
    throw new Error("not part of these tests");
  }

  open(url: string): Promise<Response> {
    this.asked.push(url);
    const text = this.#files[url];
    return Promise.resolve(
      text === undefined ? new Response(null, { status: 404, statusText: "Not Found" }) : new Response(text),
    );
  }

  readNow(): Uint8Array<ArrayBuffer> {
    throw new Error("not part of these tests");
  }

  hold(): Promise<void> {
    return Promise.resolve();
  }

  pyodideIndex(url: string): string {
    return url;
  }
}

export function downloads(host: Host): Downloads {
  return new Downloads(host, new ProgressReport(() => undefined));
}

export function wheel(name: string, content: string, requires: string[] = []): WheelEntry {
  return {
    file: `${name}.whl`,
    version: "1.0",
    sha256: createHash("sha256").update(content).digest("hex"),
    size: content.length,
    requires,
  };
}

export const MANIFEST: WheelManifest = {
  core: ["core"],
  files: "files.json",
  satisfied: { "helper>=1": "helper" },
  wheels: {
    core: wheel("core", "CORE", ["helper"]),
    helper: wheel("helper", "HELPER"),
    "more-things": wheel("more_things", "MORE", ["helper"]),
  },
};

export const SITE = "https://site.example/wheels/";

export const FILES: Readonly<Record<string, string>> = {
  [`${SITE}manifest.json`]: JSON.stringify(MANIFEST),
  [`${SITE}core.whl`]: "CORE",
  [`${SITE}helper.whl`]: "HELPER",
  [`${SITE}more_things.whl`]: "MORE",
};
