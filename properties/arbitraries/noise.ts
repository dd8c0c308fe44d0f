/**
 * Numbers from a seed and a place. The number at (name, indices) does not depend on the shape around it, so a case that shrinks
 * keeps the values it had.
 */

/** A well-mixed 32-bit integer. */
function mix(h: number, value: number): number {
  let x = Math.imul(h ^ value, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) >>> 0;
}

/** An integer in [0, 2^32) for this seed, name and place. */
export function noise(seed: number, name: string, index: readonly number[]): number {
  let h = mix(0x9e3779b9, seed);
  for (let i = 0; i < name.length; i++) h = mix(h, name.charCodeAt(i));
  for (const each of index) h = mix(h, each + 0x7f4a7c15);
  return mix(h, index.length);
}

/** A multiple of 1/128 in [-1, 1]: exact in every floating-point format down to bfloat16, and short to print. */
export const signed = (bits: number): number => ((bits % 257) - 128) / 128;

/** A number in [-1, 1) with all 53 bits: what no narrower format holds. */
export const fullSigned = (high: number, low: number): number => (high + low / 2 ** 32) / 2 ** 31 - 1;

/** A multiple of 1/128 in [0, 1]. */
export const unit = (bits: number): number => (bits % 129) / 128;
