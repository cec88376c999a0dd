/** Files in Python's memory file system whose content is fetched when it is first read. */

import { lastLine } from "./errors.js";
import type { Pyodide } from "./pyodide.js";
import type { Log } from "./serve.js";

const FILE_MODE = 0o100644;
const DIRECTORY_MODE = 0o40755;

/** A node of Emscripten's MEMFS. */
interface MemoryNode {
  usedBytes: number;
  /** Of a directory, by name. */
  contents: Uint8Array | Record<string, MemoryNode>;
  node_ops: NodeOperations;
}

interface NodeOperations {
  mknod(parent: MemoryNode, name: string, mode: number, device: number): MemoryNode;
  lookup(parent: MemoryNode, name: string): MemoryNode;
  readdir(node: MemoryNode): string[];
}

/** Of a file, what its content is. Called once, when that is asked for; what it throws is logged, and an OSError. */
type Read = () => Uint8Array;

/** A file that is to be: its path below a directory, its size in bytes. */
export interface LazyFile {
  readonly path: string;
  readonly size: number;
  readonly read: Read;
}

/** Once they are read or written to they are files like any other. */
export class LazyFiles {
  readonly #FS: Pyodide["FS"];
  readonly #failure: Error;
  readonly #log: Log;

  constructor(pyodide: Pyodide, log: Log) {
    const { FS, ERRNO_CODES } = pyodide as Pick<Pyodide, "FS"> & { ERRNO_CODES: Record<string, number> };
    this.#FS = FS;
    this.#failure = new FS.ErrnoError(ERRNO_CODES["EIO"] ?? 0);
    this.#log = log;
  }

  /** Put files below a directory, which is there. Directories among them are filled when they are looked into. */
  create(directory: string, files: Iterable<LazyFile>): void {
    this.#fill(this.#FS.lookupPath(directory, {}).node as unknown as MemoryNode, files, directory);
  }

  #fill(directory: MemoryNode, files: Iterable<LazyFile>, place: string): void {
    const below = new Map<string, LazyFile[]>();
    for (const file of files) {
      const slash = file.path.indexOf("/");
      if (slash < 0) {
        this.#makeFile(directory, file, place);
        continue;
      }
      const name = file.path.slice(0, slash);
      const children = below.get(name) ?? [];
      children.push({ ...file, path: file.path.slice(slash + 1) });
      below.set(name, children);
    }
    for (const [name, children] of below) {
      this.#makeDirectory(directory, name, children, `${place}/${name}`);
    }
  }

  #makeDirectory(parent: MemoryNode, name: string, files: readonly LazyFile[], place: string): void {
    const node = parent.node_ops.mknod(parent, name, DIRECTORY_MODE, 0);
    const real = node.node_ops;
    const filled = (): void => {
      if (node.node_ops !== real) {
        node.node_ops = real;
        this.#fill(node, files, place);
      }
    };
    node.node_ops = {
      ...real,
      lookup: (directory, child) => {
        filled();
        return (directory.contents as Record<string, MemoryNode>)[child] ?? real.lookup(directory, child);
      },
      readdir: (directory) => {
        filled();
        return real.readdir(directory);
      },
    };
  }

  #makeFile(directory: MemoryNode, { path: name, size, read }: LazyFile, place: string): void {
    const node = directory.node_ops.mknod(directory, name, FILE_MODE, 0);
    node.usedBytes = size;
    const become = (contents: Uint8Array): void => {
      Object.defineProperty(node, "contents", { value: contents, writable: true });
    };
    Object.defineProperty(node, "contents", {
      configurable: true,
      get: () => {
        const contents = this.#read(`${place}/${name}`, read);
        become(contents);
        return contents;
      },
      set: become,
    });
  }

  #read(path: string, read: Read): Uint8Array {
    try {
      return read();
    } catch (error) {
      this.#log("error", `${path} cannot be read: ${lastLine(error)}`);
      throw this.#failure; // Emscripten makes an OSError of it, and of nothing else
    }
  }
}
