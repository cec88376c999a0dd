/** The same snapshot from the same inputs: what differs from run to run and machine to machine is fixed. */

import { createRequire } from "node:module";

/** Milliseconds: 2026-01-01. */
const BEGIN = 1_767_225_600_000;

/** What Python's environment has of this process and this machine. */
export const ENVIRONMENT = { LANG: "C.UTF-8", _: "./this.program" };

/** Milliseconds between one world and the next: all bytes of their clocks differ. */
const APART = 0x0123_4567_89;

/**
 * From now on: clocks that count how often they are read, and random bytes, both the same in every run.
 *
 * @param world - of which clocks and random bytes; those of one world are unlike those of another
 */
export function enterWorld(world: number): void {
  let reads = 0;
  const elapsed = (): number => world * APART + reads++ / 1000;
  performance.now = elapsed;
  Date.now = (): number => BEGIN + Math.floor(elapsed());
  Math.random = (): number => 0.5;
  process.env["TZ"] = "UTC";
  const byte = generator(world + 1);
  const crypto = createRequire(import.meta.url)("node:crypto") as { randomFillSync: (view: Uint8Array) => Uint8Array };
  crypto.randomFillSync = (view): Uint8Array => view.map((_, index) => (view[index] = byte()));
}

/** The high bytes of a linear congruential generator: enough for the seed of hashes. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 16) & 0xff;
  };
}
