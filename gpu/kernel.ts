/**
 * What a kernel is: a function of one output element that gpu.js translates. Rows are tokens or chunks, columns are a head's channels:
 * x = h·width + channel. Only what gpu.js translates the same way for every backend is used in a body:
 * - variables are float32 there, whole numbers too, so indices stay exact below 2^24 only: buffers are two- and three-dimensional, and
 *   never addressed by one flat index
 * - quotients are rounded, so whole ones are floor((x + 0.5) / n)
 * - two loops of one block have variables of different names
 * - what a condition compares has no buffer read inside another: it is put into a variable first
 * - a loop from a number that was read counts with += 1
 * - indices are sums and products of whole numbers, and a head is written floor((this.thread.x + 0.5) / width): webasm-indices.ts
 *   works with that, and so does webasm-addresses.ts: a whole number is added only to what is an index without it
 */

/** [y][x] and [z][y][x] */
export type Matrix = number[][];
export type Cube = number[][][];

/** What the body of a kernel sees as `this`. */
export interface Thread {
  thread: { x: number; y: number; z: number };
  constants: Sizes;
}

/** The sizes that are compiled into a kernel: a shape class. Numbers of tokens, chunks and sequences are none of them. */
export interface Sizes {
  K: number;
  V: number;
  /** Chunk size, and how many block sizes 1, 2, … C it has: log2 C + 1. */
  C: number;
  blocks: number;
  H: number;
  G: number;
  L: number;
  /** 1 where level scales differ by level; 0 for a flat system, which reads everything at level 0. */
  lifted: number;
}

/** A buffer that a kernel reads: data of the host, or what another kernel left on the device. */
export type Operand = HostData | Resident;

/** Row-major data of the host, [x], [x, y] or [x, y, z] with x running fastest. */
export interface HostData {
  /** float64 only where a device takes it (`Device.takesDoubles`), and rounds it to float32 itself. */
  data: Float32Array | Float64Array;
  size: number[];
}

/** What a kernel left where it ran; valid until the same step runs again. */
export interface Resident {
  /** As gpu.js hands it out: a buffer, a texture, or rows of numbers. */
  handle: unknown;
  size: number[];
}

export interface Kernel {
  name: string;
  /** Where a thread computes four numbers, they go into four rows: the result is [x, 4, y] or [x, 4 y, z]. On webasm only (docs/gpujs-notes.md, 9). */
  numbersAThread?: 4;
  /** biome-ignore lint/suspicious/noExplicitAny: operands are checked by the body's own types */
  body: (this: Thread, ...operands: any[]) => number | number[];
  /** Which arguments are numbers, and of which kind; all others are buffers. */
  numbers?: Record<string, 'Integer' | 'Float'>;
}
