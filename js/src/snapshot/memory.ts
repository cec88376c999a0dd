/** What a snapshot holds of WebAssembly memory, made as small as it can be. */

import type { SnapshotManifest } from "../protocol.js";

/** What this needs of Emscripten's module. */
export interface Memory {
  readonly HEAPU8: Uint8Array;
  _malloc(size: number): number;
  _free(address: number): void;
  _malloc_usable_size(address: number): number;
  _sbrk(increment: number): number;
  /** The C stack's pointer: before anything has run the stack's begin, and so the heap's. */
  stackSave(): number;
  /** The address down to which the C stack may grow. */
  _emscripten_stack_get_end(): number;
}

export const PAGE = 65_536;

/** Fill what is free with zeros: it holds what was once there, which would be compressed, sent and never read. */
export function zeroFreeMemory(memory: Memory): void {
  const taken: number[] = [];
  for (const size of descendingSizes()) {
    for (let end = memory._sbrk(0); memory._sbrk(0) === end;) {
      const address = memory._malloc(size);
      memory.HEAPU8.fill(0, address, address + memory._malloc_usable_size(address));
      taken.push(address);
    }
  }
  taken.forEach((address) => {
    memory._free(address);
  });
}

/** From a page to the least that malloc gives: first in halves, since there are few large holes, then one by one. */
function* descendingSizes(): Generator<number> {
  const [large, least, step] = [256, 16, 8];
  for (let size = PAGE; size > large; size /= 2) {
    yield size;
  }
  for (let size = large; size >= least; size -= step) {
    yield size;
  }
}

/** The C stack, which grows downwards: from where what is in use is, and how far it may grow; in bytes. */
export interface Stack {
  readonly pointer: number;
  readonly end: number;
}

type Words = SnapshotManifest["image"]["words"];

/** The memory of a Pyodide that has not been started. */
export interface FreshMemory {
  readonly words: Uint32Array;
  /** In bytes: WebAssembly's own data and the C stack are below, and above what is allocated. */
  readonly heapBegin: number;
}

/**
 * The image of a memory, as its difference from one that has not been started, so that what WebAssembly itself puts
 * there is not sent again.
 *
 * Of those several are needed, made in different circumstances: where they differ, so they do in the browser, and what
 * the memory holds there is told apart. What is in use of the C stack always is: chance decides what a fresh one holds.
 * What is not in use is left as it is found. What is allocated differs anyhow, and is in the image as it is.
 */
export function difference(
  memory: Uint32Array<ArrayBuffer>,
  stack: Stack,
  fresh: readonly FreshMemory[],
): { image: Uint32Array<ArrayBuffer>; initialised: number; words: Words } {
  const [{ words: first, heapBegin } = { words: new Uint32Array(), heapBegin: 0 }] = fresh;
  const image = memory.slice();
  const words: [number, number][] = [];
  const [end, pointer, begin] = [indexOf(stack.end), indexOf(stack.pointer), indexOf(heapBegin)];
  for (let index = 0; index < begin; index++) {
    const word = memory[index] ?? 0;
    const isLeft = index >= end && index < pointer;
    const isApart = index >= pointer || fresh.some((other) => other.words[index] !== first[index]);
    image[index] = isLeft || isApart ? 0 : word ^ (first[index] ?? 0);
    if (isApart && !isLeft) {
      words.push([index, word]);
    }
  }
  return { image, initialised: heapBegin, words };
}

const indexOf = (address: number): number => address / Uint32Array.BYTES_PER_ELEMENT;
