/** Sizes, mostly small and now and then large; each arbitrary shrinks towards 1 and never grows while it shrinks. */
import fc from 'fast-check';

/** Draws from a list in which plainer values stand first, each as often as its weight says; shrinks towards the front. */
export function weighted<T>(entries: readonly (readonly [weight: number, value: T])[]): fc.Arbitrary<T> {
  const total = entries.reduce((sum, [weight]) => sum + weight, 0);
  const cumulative: number[] = [];
  for (const [weight] of entries) cumulative.push((cumulative.at(-1) ?? 0) + weight);
  return fc
    .noBias(fc.integer({ min: 0, max: total - 1 }))
    .map((at) => entries[cumulative.findIndex((end) => at < end)][1]);
}

/** Powers of two ± 1 and what lies between; 0 is a length too. */
const LENGTHS: [number, number][] = [
  [60, 1],
  [25, 0],
  ...[2, 3, 4, 5, 6, 7, 8, 9].map((T): [number, number] => [60, T]),
  ...[10, 11, 12, 13, 15, 16, 17, 20, 23].map((T): [number, number] => [25, T]),
  ...[31, 32, 33, 40, 63, 64, 65].map((T): [number, number] => [10, T]),
  ...[95, 127, 128, 129].map((T): [number, number] => [2, T]),
  ...[255, 256, 257, 300].map((T): [number, number] => [1, T]),
];

/** T up to `most`. */
export const lengths = (most: number, least = 0): fc.Arbitrary<number> =>
  weighted(LENGTHS.filter(([, T]) => T <= most && T >= least));

/** Lengths of several chunks of 64, and past the tables and tiles of kernels: 65 … 300. */
export const longLengths: fc.Arbitrary<number> = weighted(
  [129, 65, 96, 127, 128, 192, 193, 255, 256, 257, 300].map((T): [number, number] => [1, T]),
);

/** K or V. Tiles of kernels end at 16, 32 and 64. */
export const channels = (most: number): fc.Arbitrary<number> =>
  weighted(
    (
      [
        [60, 1],
        [60, 2],
        [60, 3],
        [40, 4],
        [20, 5],
        [20, 8],
        [6, 15],
        [6, 16],
        [10, 17],
        [4, 33],
        [6, 64],
        [12, 65],
        [4, 70],
      ] as [number, number][]
    ).filter(([, size]) => size <= most),
  );

/** C: the default first, so that shrinking returns to it; small ones most often, so that a few tokens are many chunks. */
export const chunkSizes: fc.Arbitrary<number> = weighted([
  [2, 64],
  [4, 1],
  [6, 2],
  [6, 4],
  [5, 8],
  [2, 16],
  [1, 32],
  [1, 128],
]);

/** Positions already seen: none, chunk and power-of-two edges, and the middle of nowhere. */
export const positions: fc.Arbitrary<number> = weighted([
  [8, 0],
  ...[1, 2, 3, 4, 5, 6, 7, 8, 11, 15, 16, 17].map((p): [number, number] => [2, p]),
  ...[31, 32, 33, 63, 64, 65, 127, 128, 1000, 8191, 8192, 32768, 65535, 65536, 2 ** 20 - 1, 2 ** 20].map(
    (p): [number, number] => [1, p],
  ),
]);
