/** Files that Python has open, on a drive that keeps what it is given. */

import assert from "node:assert/strict";
import { test } from "node:test";

import type { ContentsAPI, DriveFS } from "@jupyterlite/services/lib/contents/drivefs";

import { fittingFormat } from "../src/worker/drive/contents.js";
import { type OpenFile, OpenFiles } from "../src/worker/drive/open_files.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

class FakeContents {
  readonly kept = new Map<string, string>();

  get(path: string): DriveFS.IFile {
    return { data: bytes(this.kept.get(path) ?? ""), format: "text" };
  }

  put(path: string, { data }: DriveFS.IFile): null {
    this.kept.set(path, new TextDecoder().decode(data));
    return null;
  }
}

function setUp(): { contents: FakeContents; files: OpenFiles } {
  const contents = new FakeContents();
  return { contents, files: new OpenFiles(contents as unknown as ContentsAPI) };
}

function write(file: OpenFile, text: string, position: number): void {
  file.write(bytes(text), 0, text.length, position);
}

function read(file: OpenFile): string {
  const target = new Uint8Array(100);
  return new TextDecoder().decode(target.subarray(0, file.read(target, 0, 100, 0)));
}

void test("what is written is kept when the file is closed", () => {
  const { contents, files } = setUp();
  const file = files.open("a");
  write(file, "hello", 0);
  assert.deepEqual([...contents.kept], []);
  files.close(file);
  assert.deepEqual([...contents.kept], [["a", "hello"]]);
  assert.equal(files.get("a"), undefined);
});

void test("a file that is open twice is one file", () => {
  const { files } = setUp();
  const [writer, reader] = [files.open("a"), files.open("a")];
  write(writer, "hello", 0);
  assert.equal(read(reader), "hello");
});

void test("truncating an open file is not undone by its closing", () => {
  const { contents, files } = setUp();
  contents.kept.set("a", "a long text");
  const file = files.open("a");
  write(file, "b", 0);
  files.resize("a", 3);
  files.close(file);
  assert.equal(contents.kept.get("a"), "b l");
});

void test("beyond the old end there are zeros, also where there was something before", () => {
  const { contents, files } = setUp();
  contents.kept.set("a", "12345");
  const file = files.open("a");
  file.resize(2);
  write(file, "x", 4);
  assert.equal(read(file), "12\0\0x");
});

void test("a file deleted while open stays deleted", () => {
  const { contents, files } = setUp();
  const file = files.open("a");
  write(file, "x", 0);
  files.deleted("a");
  files.close(file);
  assert.deepEqual([...contents.kept], []);
});

void test("a file renamed while open is kept under its new name, also with its folder", () => {
  const { contents, files } = setUp();
  const file = files.open("dir/a");
  write(file, "x", 0);
  files.renamed("dir", "other");
  files.close(file);
  assert.deepEqual([...contents.kept], [["other/a", "x"]]);
});

void test("a format is left where the bytes do not fit it", () => {
  const format = (own: DriveFS.IFile["format"], data: Uint8Array): string => fittingFormat({ data, format: own });
  assert.equal(format("text", bytes("ä")), "text");
  assert.equal(format("text", new Uint8Array([255, 254])), "base64");
  assert.equal(format("text", new Uint8Array([0xef, 0xbb, 0xbf, 65])), "base64");
  assert.equal(format("json", bytes('{"a": 1}')), "json");
  assert.equal(format("json", bytes('{"a": ')), "base64");
  assert.equal(format("base64", bytes("a")), "base64");
});
