/**
 * The site's large files, kept in the browser's Cache Storage: a second kernel and the next visit load them from there,
 * whatever the server says of caching, and also where the browser's own cache does not take files of their size.
 */

import { digest } from "./digest.js";

/** What tells one content of a file from others. */
export interface Version {
  /** The file's name, the same for all versions. */
  readonly name: string;
  readonly sha256: string;
}

const CACHE = "async-kernel-lite";

/** What is being kept: a worker that is to end waits for it. */
const keeping = new Set<Promise<void>>();

/** The response for `url`, which is `load`'s where there is none of this version yet. */
export async function cached(
  url: string,
  { name, sha256 }: Version,
  load: (url: string, options: RequestInit) => Promise<Response>,
): Promise<Response> {
  const cache = await openCache();
  if (cache === undefined) {
    return load(url, {});
  }
  const key = new URL(`${name}?sha256=${sha256}`, url);
  const found = await cache.match(key);
  if (found !== undefined) {
    return found;
  }
  const response = await load(url, { cache: "no-store" }); // or it would be kept twice
  const { body, headers } = response;
  if (!response.ok || body === null) {
    return response;
  }
  const passed = collected((content) => {
    const kept = keep(cache, key, sha256, content, headers).finally(() => keeping.delete(kept));
    keeping.add(kept);
  });
  return new Response(body.pipeThrough(passed), { headers });
}

/** Resolves when all that was read is kept. */
export async function allKept(): Promise<void> {
  await Promise.all(keeping);
}

/** Passes a body on, and hands it over when it was read to the end. Firefox hangs where a large response is cloned. */
function collected(whole: (content: Blob) => void): TransformStream<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  return new TransformStream({
    transform(chunk, controller): void {
      chunks.push(chunk);
      controller.enqueue(chunk);
    },
    flush(): void {
      whole(new Blob(chunks));
    },
  });
}

/** Let go of everything: something in it cannot be used. */
export async function forgetCached(): Promise<void> {
  if ("caches" in globalThis) {
    await caches.delete(CACHE).catch(() => false);
  }
}

/** Undefined on pages that are no secure context, and where the browser keeps nothing. */
async function openCache(): Promise<Cache | undefined> {
  return "caches" in globalThis ? caches.open(CACHE).catch(() => undefined) : undefined;
}

/** Keep it if it is whole, in the place of other versions. If the disk is full it is loaded again another time. */
async function keep(cache: Cache, key: URL, sha256: string, content: Blob, headers: Headers): Promise<void> {
  try {
    const bytes = await content.arrayBuffer();
    if ((await digest(bytes)) !== sha256) {
      return;
    }
    await cache.put(key, new Response(bytes, { headers }));
    for (const { url } of await cache.keys()) {
      const other = new URL(url);
      if (other.pathname === key.pathname && other.search !== key.search) {
        await cache.delete(other);
      }
    }
  } catch {
    await cache.delete(key).catch(() => false);
  }
}
