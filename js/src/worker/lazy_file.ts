/** Files in Python's memory file system whose content is fetched when it is first read. */

import { lastLine } from "./errors.js";
import type { Pyodide } from "./pyodide.js";
import type { Log } from "./serve.js";

const FILE_MODE = 0o100644;

/** A node of Emscripten's MEMFS. */
interface MemoryNode {
  usedBytes: number;
  contents: Uint8Array;
  readonly node_ops: { mknod(parent: MemoryNode, name: string, mode: number, device: number): MemoryNode };
}

export class LazyFiles {
  readonly #FS: Pyodide["FS"];
  readonly #failure: Error;
  readonly #log: Log;
  readonly #directories = new Map<string, MemoryNode>();

  constructor(pyodide: Pyodide, log: Log) {
    const { FS, ERRNO_CODES } = pyodide as Pick<Pyodide, "FS"> & { ERRNO_CODES: Record<string, number> };
    this.#FS = FS;
    this.#failure = new FS.ErrnoError(ERRNO_CODES["EIO"] ?? 0);
    this.#log = log;
  }

  /**
   * Make a file of `size` bytes. `read` is called once, when its content is asked for; what it throws is logged, and an
   * OSError in Python. Afterwards, and when it is written to, it is a file like any other.
   */
  create(path: string, size: number, read: () => Uint8Array): void {
    const slash = path.lastIndexOf("/");
    const directory = this.#directory(path.slice(0, slash));
    const file = directory.node_ops.mknod(directory, path.slice(slash + 1), FILE_MODE, 0);
    file.usedBytes = size;
    const become = (contents: Uint8Array): void => {
      Object.defineProperty(file, "contents", { value: contents, writable: true });
    };
    Object.defineProperty(file, "contents", {
      configurable: true,
      get: () => {
        const contents = this.#read(path, read);
        become(contents);
        return contents;
      },
      set: become,
    });
  }

  #read(path: string, read: () => Uint8Array): Uint8Array {
    try {
      return read();
    } catch (error) {
      this.#log("error", `${path} cannot be read: ${lastLine(error)}`);
      throw this.#failure; // Emscripten makes an OSError of it, and of nothing else
    }
  }

  #directory(path: string): MemoryNode {
    let node = this.#directories.get(path);
    if (node === undefined) {
      this.#FS.mkdirTree(path);
      node = this.#FS.lookupPath(path, {}).node as unknown as MemoryNode;
      this.#directories.set(path, node);
    }
    return node;
  }
}
