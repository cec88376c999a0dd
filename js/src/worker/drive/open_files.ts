/** Files that Python has open: one content each, however often it is open, kept in the drive when it is closed. */

import type { ContentsAPI, DriveFS } from "@jupyterlite/services/lib/contents/drivefs";

/** Bytes to begin with when a file grows. */
const FIRST_ROOM = 4096;

export class OpenFile {
  path: string;
  /** It was deleted while open: nothing is to be kept. */
  isGone = false;
  users = 0;
  readonly #format: DriveFS.IFile["format"];
  /** The content, with room to grow: zeros beyond `#size`. */
  #bytes: Uint8Array;
  #size: number;
  #isChanged = false;

  constructor(path: string, { data, format }: DriveFS.IFile) {
    this.path = path;
    this.#format = format;
    this.#bytes = data;
    this.#size = data.length;
  }

  get size(): number {
    return this.#size;
  }

  read(target: Uint8Array, offset: number, length: number, position: number): number {
    const part = this.#bytes.subarray(position, Math.min(position + length, this.#size));
    target.set(part, offset);
    return part.length;
  }

  write(source: Uint8Array, offset: number, length: number, position: number): number {
    if (position + length > this.#size) {
      this.resize(position + length);
    }
    this.#bytes.set(source.subarray(offset, offset + length), position);
    this.#isChanged = true;
    return length;
  }

  resize(size: number): void {
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.#bytes.length, FIRST_ROOM));
      grown.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = grown;
    } else {
      this.#bytes.fill(0, size, Math.max(size, this.#size));
    }
    this.#size = size;
    this.#isChanged = true;
  }

  save(contents: ContentsAPI): void {
    if (this.#isChanged && !this.isGone) {
      contents.put(this.path, { data: this.#bytes.subarray(0, this.#size), format: this.#format });
    }
    this.#isChanged = false;
  }
}

export class OpenFiles {
  readonly #contents: ContentsAPI;
  readonly #files = new Map<string, OpenFile>();

  constructor(contents: ContentsAPI) {
    this.#contents = contents;
  }

  get(path: string): OpenFile | undefined {
    return this.#files.get(path);
  }

  open(path: string): OpenFile {
    const file = this.#files.get(path) ?? new OpenFile(path, this.#contents.get(path));
    this.#files.set(path, file);
    file.users += 1;
    return file;
  }

  close(file: OpenFile): void {
    file.users -= 1;
    try {
      file.save(this.#contents);
    } finally {
      if (file.users === 0 && this.#files.get(file.path) === file) {
        this.#files.delete(file.path);
      }
    }
  }

  /** Change the size of a file, open or not. */
  resize(path: string, size: number): void {
    const file = this.open(path);
    try {
      if (file.size !== size) {
        file.resize(size);
      }
    } finally {
      this.close(file);
    }
  }

  deleted(path: string): void {
    const file = this.#files.get(path);
    if (file !== undefined) {
      file.isGone = true;
      this.#files.delete(path);
    }
  }

  /** A file, or a directory with all that is open in it, has another path now. */
  renamed(from: string, to: string): void {
    this.deleted(to);
    for (const [path, file] of [...this.#files]) {
      if (path === from || path.startsWith(`${from}/`)) {
        this.#files.delete(path);
        file.path = to + path.slice(from.length);
        this.#files.set(file.path, file);
      }
    }
  }
}
