/** What a list of numbers looks like from smallest to largest. */
export interface Distribution {
  count: number;
  p1: number;
  p50: number;
  p99: number;
  max: number;
}

export function distributionOf(values: readonly number[]): Distribution {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { count: sorted.length, p1: at(0.01), p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** A number with two digits, as text and for JSON that does not change with the last bit. */
export const twoDigits = (value: number): number => Number(value.toPrecision(2));
