/** A visitor's line to a host, for benchmarks: what all connections together may take, and what each answer waits. */

import { readFileSync } from "node:fs";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";

export class Line {
  #bytesPerMillisecond;
  #latency;
  /** When all that was sent so far has arrived, by `performance.now`. */
  #freeAt = 0;
  #packed = new Map();

  /** @param line `MBIT,MS`: megabits a second, milliseconds from a request to the first byte of its answer */
  constructor(line) {
    const [megabits, latency] = line.split(",").map(Number);
    if (!(megabits > 0 && latency >= 0)) {
      throw new Error(`a line is given as MBIT,MS, not as ${line}`);
    }
    this.#bytesPerMillisecond = (megabits * 1e6) / 8 / 1000;
    this.#latency = latency;
  }

  /** A file compressed, as hosts send texts and WebAssembly. */
  packed(path) {
    const packed = this.#packed.get(path) ?? gzipSync(readFileSync(path));
    this.#packed.set(path, packed);
    return packed;
  }

  /** Send bytes to a response, as fast as the line is. */
  async send(bytes, response) {
    await pause(this.#latency);
    const paced = new Transform({
      transform: (chunk, _encoding, done) => {
        const now = performance.now();
        this.#freeAt = Math.max(this.#freeAt, now) + chunk.length / this.#bytesPerMillisecond;
        setTimeout(done, this.#freeAt - now, null, chunk);
      },
    });
    await pipeline(Readable.from(pieces(bytes)), paced, response).catch(() => response.destroy()); // the visitor left
  }
}

/** Several connections share the line piece by piece. */
function* pieces(bytes) {
  const size = 16_384;
  for (let begin = 0; begin < bytes.length; begin += size) {
    yield bytes.subarray(begin, begin + size);
  }
}
