/** Formats of fixtures: what is written is read as the same value, and the bytes are always the same. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fixture, Storage } from '../../fixtures/fixture.ts';
import { type FormatName, formats } from '../../fixtures/formats/all.ts';
import { checkFixture } from '../../fixtures/formats/check.ts';
import { BadFixture } from '../../fixtures/formats/error.ts';
import { writeNpy } from '../../fixtures/formats/npy.ts';
import { decode, encode, STORAGE_BYTES } from '../../fixtures/formats/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../fixtures/formats/safetensors.ts';
import { writeZip } from '../../fixtures/formats/zip.ts';
import { fixtureArbitrary, numberOf, plainFixture } from './random-fixtures.ts';

const names = Object.keys(formats) as FormatName[];
const storages = Object.keys(STORAGE_BYTES) as Storage[];

describe('numbers', () => {
  it.each(storages)('of %s come back from their bytes', (storage) => {
    fc.assert(
      fc.property(fc.array(numberOf(storage)), (values) => {
        const data = Float64Array.from(values);
        const bytes = encode(data, storage);
        expect(bytes).toHaveLength(STORAGE_BYTES[storage] * data.length);
        expect(decode(bytes, storage)).toEqual(data);
      }),
    );
  });

  it.each([
    ['float32', 0.1],
    ['float32', 1e39],
    ['bfloat16', 1 + 2 ** -8],
    ['float16', 65536],
    ['float16', 2 ** -25],
    ['int64', 0.5],
    ['int64', -0],
    ['int64', 2 ** 53],
    ['int64', Number.NaN],
  ] as const)('that %s has not are refused: %s', (storage, value) => {
    expect(() => encode(Float64Array.of(1, value), storage)).toThrow(`${value} at [1] is no number of ${storage}`);
  });

  it('are little-endian, and NaN is the quiet one', () => {
    const hex = (storage: Storage, ...values: number[]): string =>
      Buffer.from(encode(Float64Array.from(values), storage)).toString('hex');
    expect(hex('float64', 1, Number.NaN)).toBe('000000000000f03f000000000000f87f');
    expect(hex('float32', -0, Number.NaN)).toBe('000000800000c07f');
    expect(hex('bfloat16', 1, Number.NaN)).toBe('803fc07f');
    expect(hex('float16', 1, Number.NaN, 2 ** -24)).toBe('003c007e0100');
    expect(hex('int64', -2, 2 ** 32 + 1)).toBe('feffffffffffffff0100000001000000');
  });
});

describe.each(names)('%s', (name) => {
  const { write, read } = formats[name];

  it('every fixture comes back as it was, and is written as the same bytes again', async () => {
    await fc.assert(
      fc.asyncProperty(fixtureArbitrary, async (fixture) => {
        const bytes = await write(fixture);
        const back = await read(bytes, 'file');
        expect(back).toStrictEqual(fixture);
        expect(await write(back)).toEqual(bytes);
      }),
      { numRuns: name === 'npz' ? 60 : 300 },
    );
  });

  it('tensors in another order are the same fixture', async () => {
    const { header, tensors } = plainFixture();
    expect(await write({ header, tensors: tensors.reverse() })).toEqual(await write(plainFixture()));
  });

  it('what is no fixture is not written', async () => {
    const wrong = plainFixture();
    wrong.tensors[0].data[0] = 0.1;
    await expect(async () => write(wrong)).rejects.toThrow(
      new BadFixture('plain', 'inputs.q: 0.1 at data[0], which is no float32'),
    );
  });
});

describe('bytes', () => {
  it('JSON has a line for each field and each tensor', async () => {
    expect(Buffer.from(await formats.json.write(plainFixture())).toString()).toBe(`{
  "name": "plain",
  "probes": "Formats.",
  "flags": ["tiny"],
  "dtype": "float32",
  "system": "linear",
  "scale": 0.5,
  "inputs": {
    "q": {"shape":[1,1,1,2],"dtype":"float32","data":[1,-0]},
    "k": {"shape":[1,1,1,2],"dtype":"float32","data":[2,0.5]},
    "v": {"shape":[1,1,1,1],"dtype":"float32","data":[3]}
  },
  "expected": {
    "o": {"shape":[1,1,1,1],"dtype":"float64","data":[3]},
    "finalState": {"shape":[1,1,1,2,1],"dtype":"float64","data":[6,1.5]},
    "position": [1]
  },
  "bounds": {
    "o": {"shape":[1,1,1,1],"dtype":"float64","data":[0.000001]}
  }
}
`);
  });

  it('an error stands in place of what is expected', async () => {
    const fixture: Fixture = {
      header: { ...plainFixture().header, error: { kind: 'invalid-input', argument: 'q' } },
      tensors: [],
    };
    const text = Buffer.from(await formats.json.write(fixture)).toString();
    expect(text).toContain('  "inputs": {},\n  "expected": {"error":{"kind":"invalid-input","argument":"q"}}\n}\n');
  });

  it('safetensors as the reference implementation writes them', () => {
    const bytes = writeSafetensors(
      [
        { name: 'b', dtype: 'BF16', shape: [2], bytes: Uint8Array.of(1, 2, 3, 4) },
        { name: 'a', dtype: 'BF16', shape: [], bytes: Uint8Array.of(5, 6) },
        { name: 'n', dtype: 'I64', shape: [1], bytes: new Uint8Array(8).fill(7) },
        { name: 'none', dtype: 'F32', shape: [0, 3], bytes: new Uint8Array() },
      ],
      { format: 'pt' },
    );
    const header =
      '{"__metadata__":{"format":"pt"},"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},' +
      '"none":{"dtype":"F32","shape":[0,3],"data_offsets":[8,8]},"a":{"dtype":"BF16","shape":[],"data_offsets":[8,10]},' +
      '"b":{"dtype":"BF16","shape":[2],"data_offsets":[10,14]}}';
    const length = Math.ceil(header.length / 8) * 8;
    const wanted = Buffer.concat([
      Buffer.of(length & 255, length >> 8, 0, 0, 0, 0, 0, 0),
      Buffer.from(header.padEnd(length)),
      Buffer.of(7, 7, 7, 7, 7, 7, 7, 7, 5, 6, 1, 2, 3, 4),
    ]);
    expect(Buffer.from(bytes).toString('latin1')).toBe(wanted.toString('latin1'));
    const { metadata, tensors } = readSafetensors(bytes, 'file');
    expect(metadata).toEqual({ format: 'pt' });
    expect(tensors.map(({ name }) => name)).toEqual(['n', 'none', 'a', 'b']);
    expect([...tensors[3].bytes]).toEqual([1, 2, 3, 4]);
  });

  it('npy as numpy writes it, with room for the first axis to grow', () => {
    const header = (shape: number[]): string =>
      Buffer.from(writeNpy({ descr: '<f8', shape, bytes: new Uint8Array() })).toString('latin1');
    const dict = (shape: string): string => `{'descr': '<f8', 'fortran_order': False, 'shape': ${shape}, }`;
    expect(header([])).toBe(`\x93NUMPY\x01\x00\x76\x00${dict('()').padEnd(117)}\n`);
    expect(header([3])).toBe(`\x93NUMPY\x01\x00\x76\x00${dict('(3,)').padEnd(117)}\n`);
    expect(header([3, 100, 2])).toBe(`\x93NUMPY\x01\x00\x76\x00${dict('(3, 100, 2)').padEnd(117)}\n`);
  });

  it('a zip archive has no time, no system and no compression in it', async () => {
    const bytes = Buffer.from(await writeZip([{ name: 'a', bytes: Uint8Array.of(1, 2, 3) }]));
    const local = '504b0304 0a00 0000 0000 0000 2100 1d80bc55 03000000 03000000 0100 0000 61 010203';
    const central =
      '504b0102 1400 0a00 0000 0000 0000 2100 1d80bc55 03000000 03000000 0100 0000 0000 0000 0000 00000000 00000000 61';
    const end = '504b0506 0000 0000 0100 0100 2f000000 22000000 0000';
    expect(bytes.toString('hex')).toBe(`${local}${central}${end}`.replaceAll(' ', ''));
  });

  it('zip.js writes the same archive', async () => {
    const members = [0, 1, 2].map((i) => ({ name: `${i}.npy`, bytes: new Uint8Array(i * 5000).fill(i) }));
    const { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } = await import('@zip.js/zip.js');
    const writer = new ZipWriter(new Uint8ArrayWriter(), {
      level: 0,
      useWebWorkers: false,
      rawLastModDate: 0x210000,
      extendedTimestamp: false,
      dataDescriptor: false,
      msDosCompatible: true,
      versionMadeBy: 20,
      externalFileAttributes: 0,
      zip64: false,
    });
    for (const { name, bytes } of members) await writer.add(name, new Uint8ArrayReader(bytes));
    expect(Buffer.from(writeZip(members)).equals(await writer.close())).toBe(true);
  });

  it('are the same in every time zone', async () => {
    const zone = process.env.TZ;
    const of = async (TZ: string): Promise<Uint8Array> => {
      process.env.TZ = TZ;
      return formats.npz.write(plainFixture());
    };
    const [east, west] = [await of('Asia/Tokyo'), await of('America/Los_Angeles')];
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
    expect(east).toEqual(west);
  });
});

describe('a fixture', () => {
  const wrongs: [string, (fixture: Fixture) => void, string][] = [
    ['an unknown tensor', ({ tensors }) => (tensors[0].name = 'inputs.z'), 'an unknown tensor "inputs.z"'],
    ['a tensor twice', ({ tensors }) => (tensors[1].name = 'inputs.q'), 'two tensors inputs.q'],
    [
      'another storage',
      ({ tensors }) => (tensors[0].storage = 'float16'),
      'inputs.q: float16, where float32 is wanted',
    ],
    [
      'too few numbers',
      ({ tensors }) => (tensors[0].shape = [3]),
      'inputs.q: 2 numbers, where 3 are wanted for shape [3]',
    ],
    [
      'positions with two axes',
      ({ tensors }) => (tensors[5].shape = [1, 1]),
      'expected.position: shape [1,1], where a list',
    ],
    [
      'bounds of another shape',
      ({ tensors }) => (tensors[6].shape = [1]),
      'bounds.o: shape [1], where [1,1,1,1] is wanted',
    ],
    ['bounds of nothing', ({ tensors }) => (tensors[6].name = 'bounds.gradients.q'), 'bounds.gradients.q: shape'],
    ['nothing expected', ({ tensors }) => tensors.splice(3), 'no expected.o, where it or an error is wanted'],
    [
      'values beside an error',
      ({ header }) => (header.error = { kind: 'invalid-input', argument: 'q' }),
      'expected.o beside an error',
    ],
    ['a name with a slash', ({ header }) => (header.name = 'a/b'), 'name: "a/b", where a name of a-z'],
    ['a name that begins with a dot', ({ header }) => (header.name = '..'), 'name: ".."'],
    ['half a surrogate pair', ({ header }) => (header.probes = '\ud800'), 'probes: "\\ud800", where a text'],
    ['an unknown dtype', ({ header }) => (header.dtype = 'int8'), 'dtype: "int8", where float64, float32, tf32'],
    ['no flags', ({ header }) => Reflect.deleteProperty(header, 'flags'), 'flags: nothing'],
    ['an unknown field', ({ header }) => Object.assign(header, { law: 'x' }), 'an unknown field "law"'],
  ];
  it.each(wrongs)('%s is refused', (_, spoil, message) => {
    const fixture = plainFixture();
    spoil(fixture);
    expect(() => checkFixture(fixture, 'file')).toThrow(BadFixture);
    expect(() => checkFixture(fixture, 'file')).toThrow(`file: ${message}`);
  });
});
