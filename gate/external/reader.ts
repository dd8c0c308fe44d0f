/** Takes lines, and numbers of bytes, off a stream that comes in pieces. */

export const LONGEST_LINE = 2 ** 20;

export class Reader {
  #pieces: Buffer[] = [];
  #size = 0;
  #wake: (() => void) | null = null;
  #ended = false;
  /** Called when there is less than is wanted. */
  onHungry: () => void = () => {};

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#size += piece.length;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** Bytes that nobody has taken. */
  get waiting(): number {
    return this.#size;
  }

  get isHungry(): boolean {
    return this.#wake !== null;
  }

  #joined(): Buffer {
    if (this.#pieces.length !== 1) this.#pieces = [Buffer.concat(this.#pieces, this.#size)];
    return this.#pieces[0];
  }

  /** The first bytes that nobody has taken. */
  peek(most: number): Buffer {
    return Buffer.from(this.#joined().subarray(0, most));
  }

  #take(count: number): Buffer {
    const all = this.#joined();
    this.#size -= count;
    this.#pieces = this.#size > 0 ? [all.subarray(count)] : [];
    return all.subarray(0, count);
  }

  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.onHungry();
    });
    this.#wake = null;
    return true;
  }

  /** The bytes before the next line feed; null at the end, or when a line has no end in sight. */
  async line(): Promise<Buffer | 'too long' | null> {
    for (let searched = 0; ; ) {
      const at = this.#size === 0 ? -1 : this.#joined().indexOf(10, searched);
      if (at >= 0) return at > LONGEST_LINE ? 'too long' : this.#take(at + 1).subarray(0, at);
      if (this.#size > LONGEST_LINE) return 'too long';
      searched = this.#size;
      if (!(await this.#more())) return null;
    }
  }

  async bytes(count: number): Promise<Buffer | null> {
    while (this.#size < count) if (!(await this.#more())) return null;
    return this.#take(count);
  }

  /** Whether anything that nobody has taken is there, or comes within so many milliseconds. */
  async anything(milliseconds: number): Promise<boolean> {
    if (this.#size > 0 || this.#ended) return this.#size > 0;
    const timer = setTimeout(() => this.#wake?.(), milliseconds);
    await this.#more();
    clearTimeout(timer);
    return this.#size > 0;
  }
}
