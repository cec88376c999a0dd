/** The memory that page and worker share: the number of the latest interrupt, and an answer, a piece at a time. */

const PRESS = 0;
const STATE = 1;
const LENGTH = 2;
const HEAD = 16;
const PIECE = 1 << 16;

const EMPTY = 0;
const MORE = 1;
const LAST = 2;

export class SharedMemory {
  readonly buffer: SharedArrayBuffer;
  readonly #numbers: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Uint8Array<SharedArrayBuffer>;

  constructor(buffer = new SharedArrayBuffer(HEAD + PIECE)) {
    this.buffer = buffer;
    this.#numbers = new Int32Array(buffer, 0, HEAD / 4);
    this.#bytes = new Uint8Array(buffer, HEAD);
  }

  get press(): number {
    return Atomics.load(this.#numbers, PRESS);
  }

  set press(press: number) {
    Atomics.store(this.#numbers, PRESS, press);
  }

  /** Give a piece of an answer to the worker that waits. Returns what is left of it. */
  give(answer: Uint8Array): Uint8Array {
    const piece = answer.subarray(0, PIECE);
    const rest = answer.subarray(PIECE);
    this.#bytes.set(piece);
    this.#numbers[LENGTH] = piece.length;
    Atomics.store(this.#numbers, STATE, rest.length > 0 ? MORE : LAST);
    Atomics.notify(this.#numbers, STATE);
    return rest;
  }

  /** Wait for an answer; `next` asks for the next piece of it. In the worker only. */
  take(next: () => void): string {
    const decoder = new TextDecoder();
    let text = "";
    for (;;) {
      Atomics.wait(this.#numbers, STATE, EMPTY);
      const isLast = Atomics.exchange(this.#numbers, STATE, EMPTY) === LAST;
      const piece = this.#bytes.slice(0, this.#numbers[LENGTH]); // a copy: what is shared cannot be decoded
      text += decoder.decode(new Uint8Array(piece), { stream: !isLast });
      if (isLast) {
        return text;
      }
      next();
    }
  }
}
