/** What was typed into earlier kernels of the site, kept by the browser (IndexedDB). */

import { lastLine } from "./errors.js";

/** A cell's input: its session's id, the line, as Python ran it, as it was typed. */
export type Input = readonly [session: string, line: number, source: string, raw: string];

const STORE = "inputs";
/** How many inputs are kept, about, and how many a kernel is told of. */
const KEPT = 5000;
const TOLD = 1000;
/** Milliseconds from one write to the next: while one goes on, cells that run are slower. */
const PAUSE = 100;

export class History {
  readonly #database: IDBDatabase;
  readonly #warn: (text: string) => void;
  readonly #session = crypto.getRandomValues(new Uint32Array(2)).join("-");
  /** Those of before, the oldest first. */
  readonly earlier: readonly Input[];
  /** Not written yet. */
  readonly #added: Input[] = [];
  #isWriting = false;

  private constructor(database: IDBDatabase, earlier: readonly Input[], warn: (text: string) => void) {
    this.#database = database;
    this.earlier = earlier;
    this.#warn = warn;
  }

  /** Undefined, with a warning, where the browser keeps nothing. */
  static async open(name: string, warn: (text: string) => void): Promise<History | undefined> {
    try {
      const opening = indexedDB.open(`async-kernel-lite history ${name}`, 1);
      opening.onupgradeneeded = (): void => {
        opening.result.createObjectStore(STORE, { autoIncrement: true });
      };
      const database = await result(opening);
      database.onversionchange = (): void => {
        database.close();
      };
      return new History(database, await latest(database), warn);
    } catch (error) {
      warn(`The history is not kept: ${lastLine(error)}.`);
      return undefined;
    }
  }

  /** Keep an input of this kernel, once Python lets go: it is not to wait for that. */
  add(line: number, source: string, raw: string): void {
    this.#added.push([this.#session, line, source, raw]);
    if (!this.#isWriting) {
      this.#isWriting = true;
      queueMicrotask(() => {
        this.#writeAdded();
      });
    }
  }

  #writeAdded(): void {
    this.#isWriting = this.#added.length > 0;
    if (this.#isWriting) {
      this.#write(this.#added.splice(0));
      setTimeout(() => {
        this.#writeAdded();
      }, PAUSE);
    }
  }

  #write(inputs: readonly Input[]): void {
    try {
      const transaction = this.#database.transaction(STORE, "readwrite");
      const store = transaction.objectStore(STORE);
      inputs.forEach((input) => store.add(input));
      transaction.onabort = (): void => {
        this.#warn(`An input is not in the history: ${lastLine(transaction.error)}.`);
      };
    } catch (error) {
      this.#warn(`An input is not in the history: ${lastLine(error)}.`);
    }
  }
}

/** The latest inputs; what is older than those that are kept is deleted. */
async function latest(database: IDBDatabase): Promise<Input[]> {
  const store = database.transaction(STORE, "readwrite").objectStore(STORE);
  const keys = (await result(store.getAllKeys())) as number[];
  const [old, first] = [keys[keys.length - KEPT - 1], keys[Math.max(0, keys.length - TOLD)]];
  if (old !== undefined) {
    store.delete(IDBKeyRange.upperBound(old));
  }
  return first === undefined ? [] : ((await result(store.getAll(IDBKeyRange.lowerBound(first)))) as Input[]);
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = (): void => {
      resolve(request.result);
    };
    request.onerror = (): void => {
      reject(request.error ?? new Error("IndexedDB does not say why"));
    };
  });
}
