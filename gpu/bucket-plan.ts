/**
 * The tree of buckets above the chunks, for transitions that are matrices. A slot e has buckets of 2^e chunks; bucket by bucket a
 * transition and a state are made from those of its halves, so unlike a plan's nodes a right half is a bucket too. Buckets with a
 * sequence's last chunk are nothing's left neighbour and are left out, but at slot 0: there each chunk is a bucket.
 */
import type { HostData } from './kernel.ts';
import type { Plan } from './plan.ts';
import { hostData } from './step.ts';

export interface BucketPlan {
  /** At least 1: a call of single chunks has one slot where nothing is read. */
  slots: number;
  /** [chunks][slots]: bucket of the slot that the chunk reads, or -1 */
  reads: HostData;
  /**
   * For each slot [buckets][8]: left half (-1 where it has none) and right half, buckets of the slot below; first and end token of its
   * readers; the bucket of the slot above that it is half of (-1: none), the other half of that (-1: none), whether it is the right
   * half; the sequence whose last chunk reads it (-1: none)
   */
  bucket: HostData[];
  /** Buckets of each slot. */
  buckets: number[];
}

interface Bucket {
  /** First and end chunk. */
  from: number;
  to: number;
  /** Index among those of its slot that are kept, or -1. */
  index: number;
  row: number[];
}

const HALVES = 0;
const READERS = 2;
const PARENT = 4;
const SEQUENCE = 7;

const matrix = (rows: number[][], width: number): HostData =>
  hostData(Float32Array.from(rows.flat()), width, rows.length);

const bucketOf = (from: number, to: number): Bucket => ({ from, to, index: -1, row: [-1, -1, 0, 0, -1, -1, 0, -1] });

/** Joins neighbours of which the right one reads the left one; the tables of both are filled in. */
function joined(row: Bucket[], isRead: (chunk: number) => boolean, isLast: (chunk: number) => boolean): Bucket[] {
  const above: Bucket[] = [];
  let index = 0;
  for (let at = 0; at < row.length; ) {
    const hasPair = at + 1 < row.length && isRead(row[at + 1].from);
    const halves = row.slice(at, at + (hasPair ? 2 : 1));
    at += halves.length;
    const right = halves[halves.length - 1];
    const parent = bucketOf(halves[0].from, right.to);
    above.push(parent);
    if (isLast(right.to - 1)) continue;
    parent.index = index++;
    const left = hasPair ? halves[0].index : -1;
    parent.row.splice(HALVES, 2, left, right.index);
    right.row.splice(PARENT, 3, parent.index, left, 1);
    if (hasPair) halves[0].row.splice(PARENT, 3, parent.index, right.index, 0);
  }
  return above;
}

export function bucketPlanOf({ chunks, slots, onHost: { chunk, reads } }: Plan): BucketPlan {
  const slotCount = Math.max(slots, 1);
  const isRead = (m: number, e: number): boolean => e < slots && reads.data[m * slots + e] >= 0;
  const [startOf, endOf, lastOf, sequenceOf] = [0, 1, 3, 4].map((x) => (m: number) => chunk.data[m * 5 + x]);
  const isLast = (m: number): boolean => lastOf(m) === m;
  const read = Array.from({ length: chunks }, () => new Array<number>(slotCount).fill(-1));
  const tables: number[][][] = [];
  let row = Array.from({ length: chunks }, (_, m) => ({ ...bucketOf(m, m + 1), index: m }));
  for (let e = 0; e < slotCount; e++) {
    for (let at = 1; at < row.length; at++) {
      const [left, right] = [row[at - 1], row[at]];
      if (!isRead(right.from, e)) continue;
      for (let m = right.from; m < right.to; m++) read[m][e] = left.index;
      left.row.splice(READERS, 2, startOf(right.from), endOf(right.to - 1));
      if (isLast(right.to - 1)) left.row[SEQUENCE] = sequenceOf(right.from);
    }
    tables.push(row.filter(({ index }) => index >= 0).map((bucket) => bucket.row));
    if (e + 1 < slotCount) row = joined(row, (m) => isRead(m, e), isLast);
  }
  return {
    slots: slotCount,
    reads: matrix(read, slotCount),
    bucket: tables.map((table) => matrix(table, 8)),
    buckets: tables.map((table) => table.length),
  };
}
