/** Sizes at which kernels end: drawn from a list, and shrunk as integers, in big jumps first. */
import fc from 'fast-check';

/** A plainer size comes earlier in no list here: every size shrinks to 1 by halves, and from there to the least that still fails. */
class LargeSize extends fc.Arbitrary<number> {
  readonly sizes: readonly number[];
  readonly integers: fc.Arbitrary<number>;

  constructor(sizes: readonly number[]) {
    super();
    this.sizes = sizes;
    this.integers = fc.integer({ min: 1, max: Math.max(...sizes) });
  }

  generate(random: fc.Random): fc.Value<number> {
    return new fc.Value(this.sizes[random.nextInt(0, this.sizes.length - 1)], undefined);
  }

  canShrinkWithoutContext(value: unknown): value is number {
    return this.integers.canShrinkWithoutContext(value);
  }

  shrink(value: number, context: unknown): fc.Stream<fc.Value<number>> {
    return this.integers.shrink(value, context);
  }
}

/** One of those sizes. */
export const oneOfSizes = (...sizes: readonly number[]): fc.Arbitrary<number> => new LargeSize(sizes);
