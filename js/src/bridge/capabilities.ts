/** What this browser, and the headers that the page came with, allow. */

export interface Capabilities {
  /** WebAssembly stack switching: Python can wait in place. */
  readonly jspi: boolean;
  /** Memory shared with the worker: the page is cross-origin isolated. */
  readonly sharedArrayBuffer: boolean;
  /** A service worker is in charge of this page. */
  readonly serviceWorker: boolean;
  /** A worker that ends by itself is noticed at once. */
  readonly liveness: boolean;
}

export function detectCapabilities(): Capabilities {
  const inNode = isNode();
  return {
    jspi: "Suspending" in WebAssembly,
    sharedArrayBuffer: inNode || crossOriginIsolated,
    serviceWorker: !inNode && "serviceWorker" in navigator && navigator.serviceWorker.controller !== null,
    liveness: inNode || "locks" in navigator,
  };
}

export function isNode(): boolean {
  return typeof process === "object" && typeof process.versions.node === "string" && typeof document === "undefined";
}
