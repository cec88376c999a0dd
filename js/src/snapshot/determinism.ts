/** The same snapshot from the same inputs: what differs from run to run and machine to machine is fixed. */

import { createRequire } from "node:module";

/** Milliseconds: 2026-01-01. */
const BEGIN = 1_767_225_600_000;

/** What Python's environment has of this process and this machine. */
export const ENVIRONMENT = { LANG: "C.UTF-8", _: "./this.program" };

/** For the rest of the process: clocks that count how often they are read, and random bytes that are always the same. */
export function replaceClocksAndRandomness(): void {
  let reads = 0;
  const elapsed = (): number => reads++ / 1000;
  performance.now = elapsed;
  Date.now = (): number => BEGIN + Math.floor(elapsed());
  Math.random = (): number => 0.5;
  process.env["TZ"] = "UTC";
  const byte = generator();
  const crypto = createRequire(import.meta.url)("node:crypto") as { randomFillSync: (view: Uint8Array) => Uint8Array };
  crypto.randomFillSync = (view): Uint8Array => view.map((_, index) => (view[index] = byte()));
}

/** The high bytes of a linear congruential generator: enough for the seed of hashes. */
function generator(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 16) & 0xff;
  };
}
