/**
 * JupyterLite's drive as a file system of Emscripten's.
 *
 * Directories are JupyterLite's own work. Files are ours: its copies of a file, one for each time that it is open, lose
 * what `truncate`, a second open or a rename meanwhile did.
 */

import { type ContentsAPI, DriveFS, DriveFSEmscriptenNodeOps } from "@jupyterlite/services/lib/contents/drivefs";
import {
  type IEmscriptenFSNode,
  type IEmscriptenStream,
  type IEmscriptenStreamOps,
  type IStats,
  FILE_MODE,
  SEEK_CUR,
  SEEK_END,
} from "@jupyterlite/services/lib/contents/emscripten";

import { type ContentsOptions, SiteContents } from "./contents.js";
import { type OpenFile, OpenFiles } from "./open_files.js";

export type SiteDriveOptions = ContentsOptions & DriveFS.IOptions;

type NodeOrStream = IEmscriptenFSNode | IEmscriptenStream;

/** Copied along by Emscripten when it duplicates a stream. */
const FILE = Symbol("file");

interface DriveStream extends IEmscriptenStream {
  [FILE]?: OpenFile | undefined;
}

export class SiteDriveFS extends DriveFS {
  constructor(options: SiteDriveOptions) {
    super(options);
    const files = new OpenFiles(this.API);
    this.node_ops = new SiteNodes(this, files, options.osError);
    this.stream_ops = new SiteStreams(this, files, options.osError);
  }

  override createAPI(options: SiteDriveOptions): ContentsAPI {
    return new SiteContents(options);
  }
}

class SiteNodes extends DriveFSEmscriptenNodeOps {
  constructor(drive: DriveFS, files: OpenFiles, osError: (name: string) => Error) {
    super(drive);
    const { FS, PATH, API } = drive;
    const pathOf = (value: NodeOrStream): string => drive.realPath(this.node(value));
    const childOf = (parent: NodeOrStream, name: string): string => PATH.join2(pathOf(parent), name);

    this.getattr = (value): IStats => {
      const node = this.node(value);
      const path = drive.realPath(node);
      const stats = { ...API.getattr(path), mode: node.mode, ino: node.id };
      if (FS.isDir(node.mode)) {
        // JupyterLite knows no time of a folder's last change, and Python's import relies on it
        return { ...stats, mtime: new Date() };
      }
      return { ...stats, size: files.get(path)?.size ?? stats.size };
    };

    this.setattr = (value, { size }): void => {
      if ((size as number | undefined) === undefined) {
        return; // there are no permissions and no times to keep
      }
      const path = pathOf(value);
      if (size === 0 && !API.lookup(path).ok) {
        API.mknod(path, FILE_MODE); // deleted in the page: Emscripten remembers it, and is about to write it anew
      }
      files.resize(path, size);
    };

    this.rename = (value, newDirectory, newName): void => {
      const node = this.node(value);
      const [from, to] = [drive.realPath(node), childOf(newDirectory, newName)];
      API.rename(from, to);
      files.renamed(from, to);
      node.name = newName;
      node.parent = this.node(newDirectory);
    };

    this.unlink = (parent, name): null => {
      const path = childOf(parent, name);
      files.deleted(path);
      return API.rmdir(path);
    };

    this.rmdir = (parent, name): null => {
      const path = childOf(parent, name);
      if (API.readdir(path).some((entry) => entry !== "." && entry !== "..")) {
        throw osError("ENOTEMPTY"); // JupyterLite would delete all that is in it
      }
      return API.rmdir(path);
    };
  }
}

class SiteStreams implements IEmscriptenStreamOps {
  readonly #drive: DriveFS;
  readonly #files: OpenFiles;
  readonly #osError: (name: string) => Error;

  constructor(drive: DriveFS, files: OpenFiles, osError: (name: string) => Error) {
    this.#drive = drive;
    this.#files = files;
    this.#osError = osError;
  }

  open(stream: DriveStream): void {
    if (this.#drive.FS.isFile(stream.node.mode)) {
      stream[FILE] = this.#files.open(this.#drive.realPath(stream.node));
    }
  }

  dup(stream: DriveStream): void {
    if (stream[FILE] !== undefined) {
      stream[FILE].users += 1;
    }
  }

  close(stream: DriveStream): void {
    if (stream[FILE] !== undefined) {
      this.#files.close(stream[FILE]);
      stream[FILE] = undefined;
    }
  }

  fsync(stream: DriveStream): void {
    this.#file(stream).save(this.#drive.API);
  }

  read(stream: DriveStream, target: Uint8Array, offset: number, length: number, position: number): number {
    return this.#file(stream).read(target, offset, length, position);
  }

  write(stream: DriveStream, source: Uint8Array, offset: number, length: number, position: number): number {
    return this.#file(stream).write(source, offset, length, position);
  }

  llseek(stream: DriveStream, offset: number, whence: number): number {
    let position = offset;
    if (whence === SEEK_CUR) {
      position += stream.position ?? stream.shared.position;
    } else if (whence === SEEK_END) {
      position += this.#file(stream).size;
    }
    if (position < 0) {
      throw this.#osError("EINVAL");
    }
    return position;
  }

  #file(stream: DriveStream): OpenFile {
    if (stream[FILE] === undefined) {
      throw this.#osError("EISDIR");
    }
    return stream[FILE];
  }
}
