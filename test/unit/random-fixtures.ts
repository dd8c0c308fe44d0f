/** Random fixtures, of any shapes and with any numbers that their storage has: formats ask for no more sense than that. */
import fc from 'fast-check';
import type { Fixture, FixtureTensor, Storage } from '../../fixtures/fixture.ts';
import { storageOf, TENSOR_NAMES } from '../../fixtures/formats/check.ts';
import { bfloat16, float16, float32, float64, precisions, roundTo } from '../../properties/precision.ts';

const floats = { bfloat16, float16, float32, float64 };

/** Numbers of a storage, the ends of its range and NaN among them. */
export const numberOf = (storage: Storage): fc.Arbitrary<number> => {
  if (storage === 'int64') return fc.maxSafeInteger().map((value) => value || 0);
  const { minExponent, maxExponent, bits } = floats[storage];
  const special = [0, -0, Number.NaN, Infinity, -Infinity, 2 ** maxExponent, -(2 ** (minExponent + 1 - bits)), 1];
  const any = fc.oneof(fc.double(), fc.double({ min: -4, max: 4 }), fc.constantFrom(...special));
  return any.map((value) => roundTo(floats[storage], value));
};

const shapeOf = (name: string): fc.Arbitrary<number[]> => {
  const size = fc.nat({ max: 3 });
  return /position$|cuSeqlens$/.test(name) ? fc.tuple(size) : fc.array(size, { maxLength: 5 });
};

const tensorArbitrary = (name: string, dtype: string, shape = shapeOf(name)): fc.Arbitrary<FixtureTensor> => {
  const storage = storageOf(name, dtype);
  return shape.chain((shape) => {
    const size = shape.reduce((product, each) => product * each, 1);
    const numbers = fc.array(numberOf(storage), { minLength: size, maxLength: size });
    return numbers.map((data) => ({ name, shape, storage, data: Float64Array.from(data) }));
  });
};

/** Text with anything in it but halves of surrogate pairs. */
const text = fc.string({ unit: 'binary', maxLength: 20 });
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const some = (names: readonly string[]): fc.Arbitrary<string[]> => fc.subarray([...names]);

const INPUTS = TENSOR_NAMES.filter((name) => !/^(expected|bounds)\./.test(name));
const EXPECTED = TENSOR_NAMES.filter((name) => name.startsWith('expected.'));

function tensors(dtype: string, hasError: boolean): fc.Arbitrary<FixtureTensor[]> {
  const expected = hasError
    ? fc.constant([])
    : some(EXPECTED).map((names) => [...new Set(['expected.o', 'expected.position', ...names])]);
  return fc.tuple(some(INPUTS), expected).chain(([inputs, outputs]) => {
    const given = fc.tuple(...[...inputs, ...outputs].map((name) => tensorArbitrary(name, dtype)));
    return given.chain((given) => {
      const bounded = given.filter(({ name }) => /^expected/.test(name) && name !== 'expected.position');
      const bounds = bounded.map(({ name, shape }) =>
        optional(tensorArbitrary(name.replace('expected', 'bounds'), dtype, fc.constant(shape))),
      );
      return fc.tuple(...bounds).map((bounds) => {
        const all = [...given, ...bounds.filter((each) => each !== undefined)];
        return TENSOR_NAMES.flatMap((name) => all.filter((each) => each.name === name));
      });
    });
  });
}

/** Fixtures in the order of formats: what is read is deeply equal to them. */
export const fixtureArbitrary: fc.Arbitrary<Fixture> = fc
  .tuple(fc.constantFrom(...precisions.map(({ name }) => name)), fc.boolean())
  .chain(([dtype, hasError]) =>
    fc.record(
      {
        header: fc
          .record(
            {
              name: fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/),
              probes: text,
              flags: fc.array(text, { maxLength: 3 }),
              dtype: fc.constant(dtype),
              system: fc.constantFrom('linear', 'log-linear-mamba2', 'none that there is'),
              scale: optional(fc.double()),
              structure: optional(
                fc.oneof(
                  fc.constant({ kind: 'strong' as const }),
                  fc.integer().map((base) => ({ kind: 'weak' as const, base })),
                ),
              ),
              chunkSize: optional(fc.oneof(fc.integer(), fc.double())),
              error: hasError
                ? text.map((argument) => ({ kind: 'invalid-input' as const, argument }))
                : fc.constant(undefined),
            },
            { noNullPrototype: true },
          )
          .map((header) => Object.fromEntries(Object.entries(header).filter(([, value]) => value !== undefined))),
        tensors: tensors(dtype, hasError),
      },
      { noNullPrototype: true },
    ),
  ) as unknown as fc.Arbitrary<Fixture>;

/** A small fixture that is the same in every test. */
export function plainFixture(): Fixture {
  const given = (name: string, shape: number[], data: number[]): FixtureTensor => ({
    name,
    shape,
    storage: storageOf(name, 'float32'),
    data: Float64Array.from(data),
  });
  return {
    header: { name: 'plain', probes: 'Formats.', flags: ['tiny'], dtype: 'float32', system: 'linear', scale: 0.5 },
    tensors: [
      given('inputs.q', [1, 1, 1, 2], [1, -0]),
      given('inputs.k', [1, 1, 1, 2], [2, 0.5]),
      given('inputs.v', [1, 1, 1, 1], [3]),
      given('expected.o', [1, 1, 1, 1], [3]),
      given('expected.finalState', [1, 1, 1, 2, 1], [6, 1.5]),
      given('expected.position', [1], [1]),
      given('bounds.o', [1, 1, 1, 1], [1e-6]),
    ],
  };
}
