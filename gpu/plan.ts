/**
 * The small tables of integers that say where everything is: which chunk a token belongs to, which buckets a chunk reads. Made on the
 * host, O(T + N log N) numbers, for packed sequences and any position; kernels look everything up in them and need no padding.
 *
 * Chunks are aligned to global positions, as in reference/chunked.ts. A slot e >= 0 is a level above those inside a chunk: buckets of
 * 2^e chunks. A node is a left bucket of a slot whose right neighbour has begun: what a reader of that slot reads.
 */
import { contentLevels } from '../reference/levels.ts';
import type { Problem, Sequence } from '../reference/shapes.ts';
import type { HostData, Operand, Sizes } from './kernel.ts';

export interface Plan {
  sizes: Sizes;
  tokens: number;
  chunks: number;
  sequences: number;
  /** Tokens of the longest sequence. */
  longest: number;
  /** Number of slots; 0 where no sequence has a second chunk. */
  slots: number;
  nodes: number;
  /** [tokens][6]: first and end token of its chunk, local position of the chunk's first token, chunk, sequence, whether the first decay is void */
  token: Operand;
  /** [chunks][5]: first and end token, first and last chunk of its sequence, sequence */
  chunk: Operand;
  /** [chunks][slots]: node that the chunk reads, or -1 */
  reads: Operand;
  /** [chunks][slots]: node that the chunk is part of, or -1 */
  within: Operand;
  /** [nodes][9]: first and end chunk, first and end chunk of its readers, first and end token of its readers, slot, first and end part */
  node: Operand;
  /** [parts][3]: first and end token, slot. The readers of a node, in runs that are short enough to be worked on at once. */
  part: Operand;
  parts: number;
  /** [C][C]: bit length of (t XOR s), the level inside a chunk */
  bits: Operand;
  /** [C][2 blocks]: first and last local position of the block of 2^b positions that a local position is in */
  block: Operand;
  /** [tokens][1]: level at which the state after the last token holds a token */
  finalLevel: Operand;
  /** [sequences][2 L]: first and end token of the last chunk that the state has at each level, an empty range where it has none */
  finalTokens: Operand;
  /** [sequences][4]: first token, end token, last chunk (-1 in an empty sequence), first token of the last chunk */
  sequence: Operand;
  /** Tables that further tables are made from, where they were made. */
  onHost: { chunk: HostData; reads: HostData };
}

/** Tokens of a part at most, so that the few readers of the largest nodes do not keep everything else waiting. */
const PART = 512;

/** Positions of a chunk at most: tables of [C,C] have to fit. */
const LARGEST_CHUNK = 1024;

const matrix = (rows: number[][], width: number): HostData => {
  const data = new Float32Array(Math.max(rows.length, 1) * Math.max(width, 1));
  rows.forEach((row, y) => {
    data.set(row, y * width);
  });
  return { data, size: [Math.max(width, 1), Math.max(rows.length, 1)] };
};

export function sizesOf(p: Problem): Sizes {
  const { K, V, H, G, L, chunkSize: C } = p;
  return { K, V, C, blocks: Math.log2(C) + 1, H, G, L, lifted: p.system.logLinear ? 1 : 0 };
}

interface Chunk {
  /** Global number. */
  n: number;
  start: number;
  end: number;
  sequence: number;
}

function chunksOf(p: Problem, { row, start, end, position }: Sequence, sequence: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = start; at < end; ) {
    const global = position + at - start;
    const next = Math.min(end, at + p.chunkSize - (global % p.chunkSize));
    chunks.push({
      n: Math.floor(global / p.chunkSize),
      start: row * p.T + at,
      end: row * p.T + next,
      sequence,
    });
    at = next;
  }
  return chunks;
}

/** The chunk size that is worked with: answers do not depend on it, and larger chunks than sequences only make tables larger. */
function chunkSizeOf({ chunkSize }: Problem, longest: number): number {
  return Math.min(chunkSize, LARGEST_CHUNK, 2 ** Math.ceil(Math.log2(Math.max(longest, 1))));
}

export function planOf(problem: Problem): Plan {
  const longest = problem.sequences.reduce((most, { start, end }) => Math.max(most, end - start), 0);
  const C = chunkSizeOf(problem, longest);
  const p: Problem = { ...problem, chunkSize: C };
  const sizes = sizesOf(p);
  const tokens = p.B * p.T;
  const chunks: number[][] = [];
  const tokenRows: number[][] = Array.from({ length: tokens }, () => []);
  const sequenceRows: number[][] = [];
  const finalLevel = new Float32Array(Math.max(tokens, 1));
  const finalTokens: number[][] = [];
  const nodes: number[][] = [];
  const parts: number[][] = [];
  const reads: number[][] = [];
  const within: number[][] = [];
  let slots = 0;
  p.sequences.forEach((sequence, n) => {
    const own = chunksOf(p, sequence, n);
    const first = chunks.length;
    const offset = sequence.row * p.T;
    const last = sequence.position + sequence.end - sequence.start - 1;
    sequenceRows.push([
      offset + sequence.start,
      offset + sequence.end,
      own.length > 0 ? first + own.length - 1 : -1,
      own.length > 0 ? own[own.length - 1].start : offset + sequence.end,
    ]);
    for (const chunk of own) {
      const m = chunks.length;
      chunks.push([chunk.start, chunk.end, first, first + own.length - 1, n]);
      reads.push([]);
      within.push([]);
      const global = sequence.position + chunk.start - offset - sequence.start;
      for (let t = chunk.start; t < chunk.end; t++) {
        const isVoid = t === offset + sequence.start && !p.inputs.initialState;
        tokenRows[t] = [chunk.start, chunk.end, global % C, m, n, isVoid ? 1 : 0];
        finalLevel[t] = p.levels.level(last, global + t - chunk.start);
      }
    }
    finalTokens.push(rangesByLevel(own.at(-1), finalLevel, sizes.L));
    if (own.length < 2) return;
    const firstNumber = own[0].n;
    const lastNumber = own[own.length - 1].n;
    const index = (number: number): number => first + Math.min(Math.max(number - firstNumber, 0), own.length);
    for (let e = Math.floor(Math.log2(lastNumber)); e >= 0; e--) {
      const size = 2 ** e;
      for (let parent = Math.floor(firstNumber / (2 * size)); (2 * parent + 1) * size <= lastNumber; parent++) {
        const middle = (2 * parent + 1) * size;
        const [from, to, end] = [index(middle - size), index(middle), index(middle + size)];
        if (to === from || end === to) continue;
        slots = Math.max(slots, e + 1);
        for (let m = to; m < end; m++) reads[m][e] = nodes.length;
        for (let m = from; m < to; m++) within[m][e] = nodes.length;
        const [first, last] = [chunks[to][0], chunks[end - 1][1]];
        const firstPart = parts.length;
        for (let at = first; at < last; at += PART) parts.push([at, Math.min(at + PART, last), e]);
        nodes.push([from, to, to, end, first, last, e, firstPart, parts.length]);
      }
    }
  });
  const spread = (rows: number[][]): number[][] =>
    rows.map((row) => Array.from({ length: Math.max(slots, 1) }, (_, e) => row[e] ?? -1));
  const onHost = { chunk: matrix(chunks, 5), reads: matrix(spread(reads), slots) };
  return {
    sizes,
    tokens,
    chunks: chunks.length,
    sequences: p.sequences.length,
    longest,
    slots,
    nodes: nodes.length,
    token: matrix(tokenRows, 6),
    chunk: onHost.chunk,
    reads: onHost.reads,
    within: matrix(spread(within), slots),
    node: matrix(nodes, 9),
    part: matrix(parts, 3),
    parts: parts.length,
    ...localTables(C, sizes.blocks),
    finalLevel: { data: finalLevel, size: [1, Math.max(tokens, 1)] },
    finalTokens: matrix(finalTokens, 2 * sizes.L),
    sequence: matrix(sequenceRows, 4),
    onHost,
  };
}

/** Up to four tokens of one chunk, for threads that compute so many rows. */
export interface RowBlocks {
  blocks: number;
  /** [blocks][2]: first and last token */
  rows: HostData;
  /** [tokens][2]: block that a token is in, and its place there */
  place: HostData;
}

export function rowBlocksOf({ tokens, chunks, onHost }: Plan): RowBlocks {
  const [width] = onHost.chunk.size;
  const rows: number[][] = [];
  const places: number[][] = Array.from({ length: tokens }, () => []);
  for (let m = 0; m < chunks; m++) {
    const [start, end] = onHost.chunk.data.subarray(m * width);
    for (let t = start; t < end; t++) {
      const place = (t - start) % 4;
      if (place === 0) rows.push([t, Math.min(t + 3, end - 1)]);
      places[t] = [rows.length - 1, place];
    }
  }
  return { blocks: rows.length, rows: matrix(rows, 2), place: matrix(places, 2) };
}

/** First and end token of each level in a chunk, in which the tokens of a level are neighbours. */
function rangesByLevel(chunk: Chunk | undefined, levelOf: Float32Array, L: number): number[] {
  const ranges = new Array<number>(2 * L).fill(0);
  if (!chunk) return ranges;
  for (let t = chunk.start; t < chunk.end; t++) {
    const l = levelOf[t];
    if (ranges[2 * l + 1] === 0) ranges[2 * l] = t;
    ranges[2 * l + 1] = t + 1;
  }
  return ranges;
}

function localTables(C: number, blocks: number): Pick<Plan, 'bits' | 'block'> {
  const positions = Array.from({ length: C }, (_, r) => r);
  const bits = positions.map((r) => positions.map((c) => 32 - Math.clz32(r ^ c)));
  const block = positions.map((r) =>
    Array.from({ length: blocks }, (_, b) => r - (r % 2 ** b)).flatMap((lower, b) => [lower, lower + 2 ** b - 1]),
  );
  return { bits: matrix(bits, C), block: matrix(block, 2 * blocks) };
}

/** Both [tokens][H·levels]: the level at which a token reads each level of the incoming state, or -1. */
export interface ContentTables {
  /** As it is read: levels that hold only zeros in a head are not, whatever their level scales are. */
  read: HostData;
  /** As it is for the state's own gradient and for what is handed on. */
  own: HostData;
}

export function contentTables(p: Problem): ContentTables {
  const width = p.H * p.stateLevels;
  const rows = Math.max(p.B * p.T, 1);
  const [read, own] = [0, 1].map(() => new Float32Array(rows * width).fill(-1));
  const state = p.inputs.initialState as Float64Array;
  const size = p.K * p.V;
  p.sequences.forEach(({ row, start, end, position }, n) => {
    for (let l = 0; l < p.stateLevels; l++) {
      const readBy = contentLevels(p.levels, position, l, end - start);
      for (let h = 0; h < p.H; h++) {
        const from = ((n * p.H + h) * p.stateLevels + l) * size;
        const isEmpty = state.subarray(from, from + size).every((value) => value === 0);
        for (let t = start; t < end; t++) {
          const at = (row * p.T + t) * width + h * p.stateLevels + l;
          own[at] = readBy[t - start];
          if (!isEmpty) read[at] = readBy[t - start];
        }
      }
    }
  });
  return { read: { data: read, size: [width, rows] }, own: { data: own, size: [width, rows] } };
}
