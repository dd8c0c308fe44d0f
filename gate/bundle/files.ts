/** The files of a bundle: opened without following anybody's links, written so that none is ever seen half. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { openRegular, readBytes, readRegular } from '../../fixtures/regular-file.ts';
import type { TensorHeader } from '../external/wire.ts';
import { byteLength } from '../external/wire.ts';

/** A bundle, or answers to it, that cannot be judged: whose fault it is does not matter, what is wrong does. */
export class BadBundle extends Error {
  constructor(file: string, what: string) {
    super(`${file}: ${what}`);
    this.name = 'BadBundle';
  }
}

/** As in the protocol. */
const LONGEST_LINE = 2 ** 20;
const CHUNK = 2 ** 20;

/** All of a file as text, if it is not longer than that. */
export const readWhole = (path: string, most: number): string => readRegular(path, most, BadBundle).toString('utf8');

/** Exactly those bytes. */
export const readAt = (fd: number, at: number, count: number, file: string): Buffer =>
  readBytes(fd, at, count, file, BadBundle);

/** A message as it lies in a file: its tensors are passed by, not held. */
export interface Found {
  fields: Record<string, unknown>;
  /** Where its line begins, where its tensors do, and where the next message does. */
  start: number;
  body: number;
  end: number;
}

/** Goes through a file of messages once, from the first to the last, with at most a few megabytes of it in memory. */
export class MessageScan {
  readonly file: string;
  readonly size: number;
  readonly fd: number;
  readonly #hash: Hash = createHash('sha256');
  #window = Buffer.alloc(0);
  /** Where the window begins in the file. */
  #at = 0;

  constructor(path: string) {
    this.file = basename(path);
    ({ fd: this.fd, size: this.size } = openRegular(path, BadBundle));
  }

  #more(): boolean {
    const from = this.#at + this.#window.length;
    const count = Math.min(CHUNK, this.size - from);
    if (count <= 0) return false;
    this.#window = Buffer.concat([this.#window, readAt(this.fd, from, count, this.file)]);
    return true;
  }

  #take(count: number): Buffer {
    const taken = this.#window.subarray(0, count);
    this.#window = this.#window.subarray(count);
    this.#at += count;
    this.#hash.update(taken);
    return taken;
  }

  /** SHA-256 of all that has been gone through. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  #line(): Buffer | null {
    for (let searched = 0; ; ) {
      const at = this.#window.indexOf(10, searched);
      if (at > LONGEST_LINE || (at < 0 && this.#window.length > LONGEST_LINE)) {
        throw new BadBundle(this.file, `a line of more than ${LONGEST_LINE} bytes at byte ${this.#at}`);
      }
      if (at >= 0) return this.#take(at + 1).subarray(0, at);
      searched = this.#window.length;
      if (this.#more()) continue;
      if (this.#window.length === 0) return null;
      throw new BadBundle(this.file, `cut off: it ends in the middle of a line, at byte ${this.size}`);
    }
  }

  /**
   * The next message, or null at the end. What `check` returns is wrong with its line; `onBody` is given its tensors piece by piece.
   */
  next(check: (fields: unknown) => string | null, onBody: (piece: Buffer) => void = () => {}): Found | null {
    const start = this.#at;
    const line = this.#line();
    if (line === null) return null;
    let fields: Record<string, unknown>;
    try {
      fields = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
    } catch {
      const shown = JSON.stringify(line.subarray(0, 80).toString('latin1'));
      throw new BadBundle(this.file, `a line that is no JSON at byte ${start}: ${shown}`);
    }
    const fault = check(fields);
    if (fault !== null) throw new BadBundle(this.file, `at byte ${start}: ${fault}`);
    const body = this.#at;
    let left = ((fields.tensors ?? []) as (TensorHeader & { from?: unknown })[])
      .filter(({ from }) => from === undefined)
      .reduce((sum, header) => sum + byteLength(header), 0);
    if (!(left <= this.size - body)) {
      const has = `${this.size - body} bytes are left`;
      throw new BadBundle(this.file, `cut off: tensors of ${left} bytes are announced at byte ${start}, ${has}`);
    }
    const end = body + left;
    while (left > 0) {
      if (this.#window.length === 0) this.#more();
      const piece = this.#take(Math.min(left, this.#window.length));
      onBody(piece);
      left -= piece.length;
    }
    return { fields, start, body, end };
  }

  close(): void {
    closeSync(this.fd);
  }
}

/** What a manifest says of a file. */
export interface FileEntry {
  file: string;
  bytes: number;
  sha256: string;
  messages: number;
}

/** Messages into a file, which is another's until it is whole. */
export class MessageWriter {
  readonly #fd: number;
  readonly #hash = createHash('sha256');
  #pieces: Buffer[] = [];
  #waiting = 0;
  #bytes = 0;
  messages = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'w');
  }

  write(line: object, body: readonly Buffer[]): void {
    for (const piece of [Buffer.from(`${JSON.stringify(line)}\n`), ...body]) {
      this.#pieces.push(piece);
      this.#waiting += piece.length;
    }
    this.messages++;
    if (this.#waiting >= CHUNK) this.#flush();
  }

  #flush(): void {
    const all = Buffer.concat(this.#pieces, this.#waiting);
    for (let at = 0; at < all.length; ) at += writeSync(this.#fd, all, at);
    this.#hash.update(all);
    this.#bytes += all.length;
    [this.#pieces, this.#waiting] = [[], 0];
  }

  /** Writes what is left. `file`: the name that it will have. */
  finish(file: string): FileEntry {
    this.#flush();
    closeSync(this.#fd);
    return { file, bytes: this.#bytes, sha256: this.#hash.digest('hex'), messages: this.messages };
  }
}

/** Replaces a file, whole or not at all. */
export function replaceFile(path: string, text: string): void {
  const part = `${path}.part-${process.pid}`;
  writeFileSync(part, text);
  renameSync(part, path);
}
