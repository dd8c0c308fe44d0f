/** Answers that somebody hands in, in every format. */
import { describe, expect, it } from 'vitest';
import { type GivenAnswer, readAnswer } from '../../fixtures/formats/answers.ts';
import { BadFixture } from '../../fixtures/formats/error.ts';
import { writeNpy } from '../../fixtures/formats/npy.ts';
import { encode } from '../../fixtures/formats/numbers.ts';
import { writeSafetensors } from '../../fixtures/formats/safetensors.ts';
import { writeZip } from '../../fixtures/formats/zip.ts';

const json = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const one = { shape: [1], data: [1.5] };
const f64 = (...values: number[]): Uint8Array => encode(Float64Array.from(values), 'float64');
const i64 = (...values: number[]): Uint8Array => encode(Float64Array.from(values), 'int64');

const npz = (arrays: Record<string, [string, number[], Uint8Array]>): Uint8Array =>
  writeZip(
    Object.entries(arrays).map(([name, [descr, shape, bytes]]) => ({
      name: `${name}.npy`,
      bytes: writeNpy({ descr, shape, bytes }),
    })),
  );

const numbersOf = (answer: GivenAnswer): unknown => ({
  o: [...answer.o.data],
  finalState: answer.finalState && [...answer.finalState.data],
  q: answer.gradients?.q && [...answer.gradients.q.data],
  position: answer.position,
});
const read = async (bytes: Uint8Array, extension: string): Promise<GivenAnswer> =>
  (await readAnswer(bytes, 'x', extension)) as GivenAnswer;

describe('an answer', () => {
  const wanted = { o: [1.5, Number.NaN], finalState: [-0], q: [Infinity], position: [3] };

  it('in JSON', async () => {
    const text =
      '{"o":{"shape":[2],"data":[1.5,"NaN"]},"finalState":{"shape":[1],"data":[-0]},"position":[3],"gradients":{"q":{"shape":[1],"data":["Infinity"]}}}';
    expect(numbersOf(await read(json(text), 'json'))).toEqual(wanted);
    expect(numbersOf(await read(json(`\uFEFF${text}`), 'json'))).toEqual(wanted);
    expect(await read(json({ o: one }), 'json')).not.toHaveProperty('position');
  });

  it('in safetensors, whatever metadata it has', async () => {
    const tensors = [
      { name: 'o', dtype: 'F32' as const, shape: [2], bytes: encode(Float64Array.of(1.5, Number.NaN), 'float32') },
      { name: 'finalState', dtype: 'BF16' as const, shape: [1], bytes: encode(Float64Array.of(-0), 'bfloat16') },
      { name: 'gradients.q', dtype: 'F16' as const, shape: [1], bytes: encode(Float64Array.of(Infinity), 'float16') },
      { name: 'position', dtype: 'I64' as const, shape: [1], bytes: i64(3) },
    ];
    expect(numbersOf(await read(writeSafetensors(tensors, { format: 'pt' }), 'safetensors'))).toEqual(wanted);
    const { o, ...others } = await read(writeSafetensors(tensors.slice(0, 1)), 'safetensors');
    expect(o.shape).toEqual([2]);
    expect(others).toEqual({});
  });

  it('in npz', async () => {
    const bytes = await npz({
      o: ['<f8', [2], f64(1.5, Number.NaN)],
      finalState: ['<f4', [1], encode(Float64Array.of(-0), 'float32')],
      'gradients.q': ['<f2', [1], encode(Float64Array.of(Infinity), 'float16')],
      position: ['<i4', [1], Uint8Array.of(3, 0, 0, 0)],
    });
    expect(numbersOf(await read(bytes, 'npz'))).toEqual(wanted);
  });

  it('an error in place of it', async () => {
    const error = { kind: 'invalid-input', argument: 'lambda', message: 'too few levels' };
    expect(await readAnswer(json({ error }), 'x', 'json')).toEqual({ error });
    expect(await readAnswer(json({ error: { kind: 'refused' } }), 'x', 'json')).toEqual({ error: { kind: 'refused' } });
  });

  it('the reason why there is none', async () => {
    expect(await readAnswer(json({ notCovered: 'no states' }), 'x', 'json')).toEqual({ notCovered: 'no states' });
  });

  const tensor = (name: string, dtype: 'F64' | 'I64' | 'U8', shape: number[], bytes: Uint8Array): Uint8Array =>
    writeSafetensors([{ name, dtype, shape, bytes }]);
  const wrongs: [string, string, () => Uint8Array | Promise<Uint8Array>, string][] = [
    ['no reason', 'json', () => json({ notCovered: '' }), 'notCovered: "", where the reason is wanted'],
    ['a reason beside an answer', 'json', () => json({ notCovered: 'x', o: 1 }), 'notCovered beside an answer'],
    ['no JSON', 'json', () => json('{'), 'text that is not JSON'],
    ['a list', 'json', () => json([]), 'answer: an array, where an object is wanted'],
    ['no o', 'json', () => json({ position: [1] }), 'answer: o: nothing given'],
    ['an unknown field', 'json', () => json({ o: one, output: one }), 'answer: output: an unknown field'],
    [
      'a field twice',
      'json',
      () => json('{"o":{"shape":[],"data":[1]},"o":{"shape":[],"data":[2]}}'),
      'text with "o" twice',
    ],
    ['a negative position', 'json', () => json({ o: one, position: [-1] }), 'answer: position: '],
    ['an error beside values', 'json', () => json({ o: one, error: { kind: 'a' } }), 'an error beside an answer'],
    ['an error without a kind', 'json', () => json({ error: {} }), 'error: no kind'],
    ['an error of numbers', 'json', () => json({ error: { kind: 3 } }), 'error: kind 3, where a string'],
    [
      'an unknown field of an error',
      'json',
      () => json({ error: { kind: 'a', x: 'b' } }),
      'error: an unknown field "x"',
    ],
    ['no tensor o', 'safetensors', () => tensor('finalState', 'F64', [], f64(1)), 'no tensor o'],
    [
      'an unknown tensor',
      'safetensors',
      () => tensor('output', 'F64', [], f64(1)),
      'an unknown tensor "output", where o, ',
    ],
    ['bytes for numbers', 'safetensors', () => tensor('o', 'U8', [1], new Uint8Array(1)), '"o": U8, where one of F64'],
    ['integers for numbers', 'safetensors', () => tensor('o', 'I64', [], i64(1)), 'o: integers, where floating-point'],
    [
      'positions with axes',
      'safetensors',
      () => tensor('position', 'I64', [], i64(1)),
      'position: no list of integers',
    ],
    ['half a position', 'npz', () => npz({ position: ['<f8', [1], f64(0.5)] }), 'position: no list of integers'],
    ['text for numbers', 'npz', () => npz({ o: ['|S1', [1], new Uint8Array(1)] }), 'o: text, where numbers'],
    ['an unknown array', 'npz', () => npz({ out: ['<f8', [], f64(1)] }), 'a member "out.npy"'],
    ['a pickle', 'pkl', () => f64(1), 'extension "pkl", where json, safetensors or npz'],
  ];
  it.each(wrongs)('with %s (%s) is refused', async (_, extension, bytes, message) => {
    const given = await bytes();
    await expect(readAnswer(given, 'x', extension)).rejects.toThrow(BadFixture);
    await expect(readAnswer(given, 'x', extension)).rejects.toThrow(`x: ${message}`);
  });
});
