/** The oracle in worker threads: it works out a large case while the program that is judged does. */
import { Tinypool } from 'tinypool';
import type { Oracle } from '../properties/oracle.ts';
import type { Precision } from '../properties/precision.ts';
import type { Bounds } from '../properties/tolerance.ts';
import type { Answer, Case } from '../reference/case.ts';
import { type Tensor, tensor, toDense } from '../reference/tensor.ts';

/** A tensor as threads can send it to each other. */
interface Plain {
  data: Float64Array;
  shape: readonly number[];
}

/** What a worker is asked; a precision asks for bounds. */
export interface OracleTask {
  c: unknown;
  precision?: string;
}

/** Tensors and plain ones in place of each other, wherever they stand in a value. */
function exchanged(value: unknown, isOne: (value: object) => boolean, other: (value: never) => unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  if (isOne(value)) return other(value as never);
  if (Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, exchanged(each, isOne, other)]));
}

export const toPlain = (value: Case | Answer): unknown =>
  exchanged(
    value,
    (each) => 'data' in each && 'shape' in each,
    (each: Tensor): Plain => ({ data: toDense(each), shape: each.shape }),
  );

export const fromPlain = (value: unknown): unknown =>
  exchanged(
    value,
    (each) => 'data' in each && 'shape' in each,
    ({ data, shape }: Plain) => tensor(data, [...shape]),
  );

export interface OraclePool extends Oracle {
  close(): Promise<void>;
}

/** Threads start with the first large case. */
export function createOraclePool(threads: number): OraclePool {
  let pool: Tinypool | null = null;
  const ask = (task: OracleTask): Promise<unknown> => {
    pool ??= new Tinypool({
      filename: new URL('./oracle-worker.js', import.meta.url).href,
      minThreads: 1,
      maxThreads: threads,
    });
    return pool.run(task);
  };
  return {
    answer: async (c) => fromPlain(await ask({ c: toPlain(c) })) as Answer,
    bounds: async (c: Case, { name }: Precision) => (await ask({ c: toPlain(c), precision: name })) as Bounds,
    close: async () => pool?.destroy(),
  };
}
