/** Files that want to do harm, or are broken in a way that would mislead: each is refused, by name. */
import { deflateRawSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { formats } from '../../fixtures/formats/all.ts';
import { BadFixture } from '../../fixtures/formats/error.ts';
import { readNpy, writeNpy } from '../../fixtures/formats/npy.ts';
import { fixtureFromNpz, readNpz } from '../../fixtures/formats/npz.ts';
import { readSafetensors } from '../../fixtures/formats/safetensors.ts';
import { plainFixture } from './random-fixtures.ts';
import { type RawMember, rawZip } from './raw-zip.ts';

describe('JSON', () => {
  let text = '';
  beforeAll(async () => {
    text = Buffer.from(await formats.json.write(plainFixture())).toString();
  });
  const read = (given: string | Buffer): unknown => formats.json.read(Buffer.from(given as string), 'x.json');

  /** What is replaced by what, and the message. */
  const wrongs: [string, string, string, string][] = [
    ['it is cut off', '  "bounds"', '', 'text that is not JSON'],
    ['it is no object', '', '', 'text that is not JSON'],
    [
      'a field stands twice',
      '"dtype": "float32",',
      '"dtype": "float32", "dtype": "float64",',
      'text with "dtype" twice, again at position',
    ],
    [
      'a name stands twice, once escaped',
      '"q": {',
      '"\\u0071": {"shape":[0],"dtype":"float32","data":[]}, "q": {',
      'text with "q" twice',
    ],
    ['a field of a tensor stands twice', '"data":[3]}', '"data":[3],"data":[4]}', 'text with "data" twice'],
    ['an unknown field', '"flags"', '"flag"', 'an unknown field "flag"'],
    ['an unknown input', '"k":', '"z":', 'an unknown field "inputs.z"'],
    ['__proto__ as an input', '"k":', '"__proto__":', 'an unknown field "inputs.__proto__"'],
    ['__proto__ as a field', '"flags"', '"__proto__"', 'an unknown field "__proto__"'],
    ['constructor as a field', '"flags"', '"constructor"', 'an unknown field "constructor"'],
    ['an unknown field of a tensor', '"data":[3]}', '"data":[3],"a":1}', 'inputs.v: an unknown field "a"'],
    ['an error beside values', '"position": [1]', '"position": [1], "error": {}', 'expected: an error beside values'],
    ['an error at the top', '"scale"', '"error": {}, "scale"', 'an unknown field "error"'],
    [
      'a number that no double holds',
      '[3]}',
      '[1e400]}',
      'inputs.v: Infinity at data[0], where a number that a double can hold',
    ],
    ['a word for a number', '[3]}', '["nan"]}', 'inputs.v: "nan" at data[0]'],
    ['a name of Object for a number', '[3]}', '["toString"]}', 'inputs.v: "toString" at data[0]'],
    ['null for a number', '[3]}', '[null]}', 'inputs.v: null at data[0]'],
    ['too few data', '[3]}', '[]}', 'inputs.v: 0 numbers of data, where 1 are wanted'],
    ['data that are none', '[3]}', '3}', 'inputs.v: data 3, where an array is wanted'],
    ['a negative size', '[1,1,1,1]', '[1,1,1,-1]', 'inputs.v: shape [1,1,1,-1], where at most 8 integers'],
    ['a fraction of a size', '[1,1,1,1]', '[1,1,1,0.5]', 'inputs.v: shape [1,1,1,0.5]'],
    [
      'sizes whose product is beyond 2^53',
      '[1,1,1,1]',
      '[999999999,999999999,999999999]',
      'inputs.v: shape [999999999,999999999,999999999], where fewer than 2^31 numbers',
    ],
    [
      'sizes that wrap to 1 in 64 bits',
      '[1,1,1,1]',
      '[9223372036854775807,9223372036854775807]',
      'inputs.v: shape [9223372036854776000,9223372036854776000], where at most 8 integers',
    ],
    [
      'sizes that are too large beside a 0',
      '[1,1,1,1]',
      '[0,1099511627776]',
      'inputs.v: shape [0,1099511627776], where fewer than 2^31 numbers',
    ],
    ['nine axes', '[1,1,1,1]', '[1,1,1,1,1,1,1,1,1]', 'inputs.v: 9 axes'],
    ['a number that float32 has not', '[3]}', '[0.1]}', 'inputs.v: 0.1 at data[0], which is no float32'],
    [
      "another dtype than the fixture's",
      '"dtype":"float32","data":[3]',
      '"dtype":"float64","data":[3]',
      'inputs.v: dtype "float64", where "float32"',
    ],
    [
      'a position of a half',
      '"position": [1]',
      '"position": [0.5]',
      'expected.position: 0.5 at data[0], which is no int64',
    ],
    ['no inputs', '"inputs"', '"bounds"', 'text with "bounds" twice'],
    ['a scale in words', '0.5,\n', '"half",\n', 'scale: "half", where a number'],
  ];
  it.each(wrongs)('%s', (_, from, to, message) => {
    const spoilt = from === '' ? '' : text.includes(from) ? text.replace(from, to) : text;
    expect(spoilt).not.toBe(text);
    expect(() => read(spoilt)).toThrow(BadFixture);
    expect(() => read(spoilt)).toThrow(`x.json: ${message}`);
  });

  it.each(['null', '[]', '3', '"text"'])('%s is no fixture', (given) => {
    expect(() => read(given)).toThrow('where an object is wanted');
  });

  it('bytes that are no UTF-8, and a byte order mark', () => {
    expect(() => read(Buffer.from(text.replace('Formats', 'F\xff'), 'latin1'))).toThrow(
      'x.json: text that is no UTF-8',
    );
    expect(() => read(`\uFEFF${text}`)).toThrow('x.json: text that is not JSON');
  });

  it('nesting that is deeper than a stack', () => {
    const deep = '['.repeat(500_000) + ']'.repeat(500_000);
    expect(() => read(deep)).toThrow(BadFixture);
    expect(() => read(text.replace('[3]}', `${deep}}`))).toThrow(BadFixture);
  });

  it('a long string of escapes', () => {
    const long = text.replace('Formats', '\\"'.repeat(200_000));
    expect(() => read(long)).toThrow('x.json: probes: ');
  });
});

/** A file with that header, and so many bytes behind it. */
function safetensors(header: unknown, bytes = 0, length?: number | bigint): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const start = Buffer.alloc(8);
  start.writeBigUInt64LE(BigInt(length ?? text.length));
  return Buffer.concat([start, text, Buffer.alloc(bytes)]);
}

const f32 = (begin: unknown, end: unknown, shape: unknown = [1]): object => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('safetensors', () => {
  const wrongs: [string, Buffer, string][] = [
    ['nothing', Buffer.alloc(0), '0 bytes, where a header'],
    ['less than a length', Buffer.alloc(7), '7 bytes, where a header'],
    ['a header longer than the file', safetensors('{}', 0, 3), 'a header of 3 bytes, where 2 are there'],
    [
      'a header of more than 100 MB',
      safetensors('{}', 0, 100_000_001),
      'a header of 100000001 bytes, where at most 100000000',
    ],
    ['a header of 2^40 bytes', safetensors('{}', 0, 2 ** 40), 'a header of 1099511627776 bytes'],
    ['a header of 2^64 - 1 bytes', safetensors('{}', 0, 2n ** 64n - 1n), 'a header of 18446744073709552000 bytes'],
    ['no header', safetensors(''), 'a header that does not begin with {'],
    ['a header that is no JSON', safetensors('{"a":'), 'a header that is not JSON'],
    ['a header that is no object', safetensors('[]'), 'a header that does not begin with {'],
    ['spaces before the header', safetensors(' {}'), 'a header that does not begin with {'],
    ['zeros behind the header', safetensors('{}\0\0'), 'a header that is not JSON'],
    [
      'a header that is no UTF-8',
      Buffer.concat([safetensors('{"', 0, 6), Buffer.from('\xff":0', 'latin1')]),
      'a header that is no UTF-8',
    ],
    [
      'a name twice',
      safetensors(
        '{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}',
        1,
      ),
      'a header with "a" twice',
    ],
    ['two __metadata__', safetensors('{"__metadata__":{},"__metadata__":{}}'), 'a header with "__metadata__" twice'],
    ['metadata that are no strings', safetensors({ __metadata__: { a: 1 } }), '__metadata__: "a" is 1, where a string'],
    ['metadata that are a list', safetensors({ __metadata__: [] }), '__metadata__: an array, where an object'],
    ['a tensor that is none', safetensors({ a: 3 }), '"a": 3, where an object is wanted'],
    ['an unknown field', safetensors({ a: { ...f32(0, 4), x: 1 } }, 4), '"a": an unknown field "x"'],
    ['no offsets', safetensors({ a: { dtype: 'F32', shape: [1] } }, 4), '"a": data_offsets nothing'],
    ['an unknown dtype', safetensors({ a: { ...f32(0, 4), dtype: 'F8_E4M3' } }, 4), '"a": dtype "F8_E4M3"'],
    [
      'a dtype that is a name of Object',
      safetensors({ a: { ...f32(0, 4), dtype: 'toString' } }, 4),
      '"a": dtype "toString"',
    ],
    ['a negative size', safetensors({ a: f32(0, 4, [-1]) }, 4), '"a": shape [-1]'],
    ['a fraction of a size', safetensors({ a: f32(0, 4, [1.5]) }, 4), '"a": shape [1.5]'],
    [
      'a size of 2^40',
      safetensors({ a: f32(0, 4, [2 ** 40]) }, 4),
      '"a": shape [1099511627776], where fewer than 2^31',
    ],
    [
      'sizes whose product overflows',
      safetensors({ a: f32(0, 4, [2 ** 31, 2 ** 33]) }, 4),
      '"a": shape [2147483648,8589934592], where fewer than 2^31',
    ],
    ['a shape that is none', safetensors({ a: f32(0, 4, 1) }, 4), '"a": shape 1, where an array'],
    [
      'sizes that do not fit the bytes',
      safetensors({ a: f32(0, 4, [2]) }, 4),
      '"a": 4 bytes, where 8 are wanted for F32 of [2]',
    ],
    ['offsets out of range', safetensors({ a: f32(0, 8, [2]) }, 4), '"a": data_offsets [0,8], where 4 bytes are there'],
    ['offsets that end before they begin', safetensors({ a: f32(4, 0) }, 4), '"a": data_offsets [4,0]'],
    ['negative offsets', safetensors({ a: f32(-4, 0) }, 4), '"a": data_offsets an array of 2, where two integers'],
    ['fractions of offsets', safetensors({ a: f32(0.5, 4.5) }, 8), '"a": data_offsets an array of 2'],
    [
      'three offsets',
      safetensors({ a: { ...f32(0, 4), data_offsets: [0, 4, 4] } }, 4),
      '"a": data_offsets an array of 3',
    ],
    ['overlapping tensors', safetensors({ a: f32(0, 4), b: f32(2, 6) }, 6), '"b" overlaps what is before it at byte'],
    ['the same bytes twice', safetensors({ a: f32(0, 4), b: f32(0, 4) }, 4), '"b" overlaps'],
    ['a hole', safetensors({ a: f32(0, 4), b: f32(8, 12) }, 12), 'bytes of no tensor before "b"'],
    ['bytes before the first tensor', safetensors({ a: f32(4, 8) }, 8), 'bytes of no tensor before "a"'],
    ['bytes behind the last tensor', safetensors({ a: f32(0, 4) }, 5), '1 bytes behind the last tensor'],
    [
      'a file that is cut off',
      safetensors({ a: f32(0, 8, [2]) }, 7),
      '"a": data_offsets [0,8], where 7 bytes are there',
    ],
  ];
  it.each(wrongs)('%s', (_, bytes, message) => {
    expect(() => readSafetensors(bytes, 'x')).toThrow(BadFixture);
    expect(() => readSafetensors(bytes, 'x')).toThrow(`x: ${message}`);
    expect(() => formats.safetensors.read(bytes, 'x')).toThrow(`x: ${message}`);
  });

  it('a limit of the header that is asked for', () => {
    expect(() => readSafetensors(safetensors('{      }'), 'x', { header: 7 })).toThrow('at most 7 are wanted');
  });

  const metadata = {
    format: 'lla-fixture',
    version: '1',
    name: 'a',
    probes: '',
    flags: '[]',
    dtype: 'float32',
    system: 'linear',
  };
  it.each([
    ['another format', { ...metadata, format: 'pt' }, 'format "pt", where "lla-fixture"'],
    ['another version', { ...metadata, version: '2' }, 'version "2", where 1'],
    ['no name', { ...metadata, name: undefined }, 'name: nothing'],
    ['flags that are no JSON', { ...metadata, flags: 'tiny' }, 'flags: text that is not JSON'],
    ['an unknown field', { ...metadata, x: '1' }, 'an unknown field "x"'],
    ['__proto__', JSON.parse(`{"__proto__":"1",${JSON.stringify(metadata).slice(1)}`), 'an unknown field "__proto__"'],
  ])('metadata of %s', (_, given, message) => {
    expect(() => formats.safetensors.read(safetensors({ __metadata__: given }), 'x')).toThrow(`x: ${message}`);
  });

  it('a tensor in another dtype than the fixture has', () => {
    const bytes = safetensors({ __metadata__: metadata, 'inputs.q': { ...f32(0, 4, [2]), dtype: 'F16' } }, 4);
    expect(() => formats.safetensors.read(bytes, 'x')).toThrow(
      'x: inputs.q: F16, where F32 is wanted with dtype float32',
    );
  });
});

/** An npy file with that header. */
function npy(header: string, bytes = 0, version = [1, 0], length = header.length): Buffer {
  const size = Buffer.alloc(version[0] === 1 ? 2 : 4);
  if (version[0] === 1) size.writeUInt16LE(length);
  else size.writeUInt32LE(length);
  return Buffer.concat([
    Buffer.from('\x93NUMPY', 'latin1'),
    Buffer.from(version),
    size,
    Buffer.from(header, 'latin1'),
    Buffer.alloc(bytes),
  ]);
}

const dict = (descr = "'<f4'", shape = '(1,)', order = 'False'): string =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;

describe('npy', () => {
  const wrongs: [string, Buffer, string][] = [
    ['nothing', Buffer.alloc(0), 'no npy file'],
    ['another magic', Buffer.from('\x93NUMPZ\x01\x00\x00\x00\x00\x00', 'latin1'), 'no npy file'],
    ['version 4.0', npy(dict(), 4, [4, 0]), 'npy version 4.0'],
    ['version 1.1', npy(dict(), 4, [1, 1]), 'npy version 1.1'],
    ['a header longer than the file', npy(dict(), 0, [1, 0], 1000), 'a header of 1000 bytes, where at most'],
    ['a header of 2^32 - 1 bytes', npy(dict(), 0, [2, 0], 2 ** 32 - 1), 'a header of 4294967295 bytes'],
    ['an array of objects', npy(dict("'|O'"), 8), 'a dtype that is not read: an array of Python objects'],
    ['a structure', npy(dict("[('a', '<f4')]"), 4), 'a dtype that is not read: it is a structure'],
    ['big-endian numbers', npy(dict("'>f4'"), 4), 'dtype ">f4", where one of <f8'],
    ['complex numbers', npy(dict("'<c8'"), 8), 'dtype "<c8"'],
    ['unicode', npy(dict("'<U1'"), 4), 'dtype "<U1"'],
    ['a dtype that is a name of Object', npy(dict("'toString'"), 4), 'dtype "toString"'],
    [
      'a call in place of a shape',
      npy(dict("'<f4'", "__import__('os').system('true')"), 4),
      'a header that cannot be read at',
    ],
    ['a call of a known word', npy(dict("'<f4'", '(1,)', "True('x')"), 4), 'a header that is no dict'],
    ['a negative size', npy(dict("'<f4'", '(-1,)'), 4), 'a header that cannot be read at'],
    ['a number in place of a shape', npy(dict("'<f4'", '1'), 4), 'a header that is no dict'],
    ['parentheses that make no tuple', npy(dict("'<f4'", '(1)'), 4), 'a header that is no dict'],
    ['sizes without commas', npy(dict("'<f4'", '(1 1)'), 4), 'a header that is no dict'],
    ['sizes with two commas', npy(dict("'<f4'", '(1,,)'), 4), 'a header that is no dict'],
    [
      'a size of 2^40',
      npy(dict("'<f4'", '(1099511627776,)'), 4),
      'shape: shape [1099511627776], where fewer than 2^31',
    ],
    ['a size of 40 digits', npy(dict("'<f4'", `(${'9'.repeat(40)},)`), 4), 'a header that is no dict'],
    [
      'sizes whose product overflows',
      npy(dict("'<f4'", '(65536, 65536, 65536, 65536)'), 4),
      'shape: shape [65536,65536,65536,65536], where fewer than 2^31',
    ],
    [
      'a key twice',
      npy("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", 4),
      'a header with "descr" twice',
    ],
    [
      'an unknown key',
      npy("{'descr': '<f4', 'a': '<f8', 'fortran_order': False, 'shape': (1,)}", 4),
      'a header with an unknown key "a"',
    ],
    ['a key too few', npy("{'descr': '<f4', 'shape': (1,)}", 4), 'a header that is no dict'],
    ['something behind the dict', npy(`${dict()} 1`, 4), 'a header that is no dict'],
    ['a dict that does not end', npy("{'descr': '<f4'", 4), 'a header that is no dict'],
    ['a string that does not end', npy("{'descr': '<f4", 4), 'a header that cannot be read at'],
    ['no header', npy('', 4), 'a header that is no dict'],
    ['a header of NUL', npy('\0'.repeat(20), 4), 'a header that cannot be read at'],
    ['too few bytes', npy(dict(), 3), '3 bytes of data, where 4 are wanted for <f4 of shape [1]'],
    ['too many bytes', npy(dict(), 5), '5 bytes of data, where 4 are wanted'],
    ['text of 2^31 bytes', npy(dict("'|S2147483648'", '()'), 4), 'dtype "|S2147483648"'],
  ];
  it.each(wrongs)('%s', (_, bytes, message) => {
    expect(() => readNpy(bytes, 'x')).toThrow(BadFixture);
    expect(() => readNpy(bytes, 'x')).toThrow(`x: ${message}`);
  });

  it('headers of every version, written in other ways', () => {
    const versions = [
      [1, 0],
      [2, 0],
      [3, 0],
    ];
    for (const version of versions) expect(readNpy(npy(`${dict()}   \n`, 4, version), 'x').shape).toEqual([1]);
    expect(readNpy(npy('{"shape":(2,1L),"fortran_order":False,"descr":"<i8"}', 16), 'x')).toMatchObject({
      descr: '<i8',
      shape: [2, 1],
    });
    expect(readNpy(npy(dict("'<f8'", '()'), 8), 'x').shape).toEqual([]);
    expect(readNpy(npy(dict("'<f8'", '(0, 3)'), 0), 'x').shape).toEqual([0, 3]);
  });

  it('Fortran order becomes row-major', () => {
    const bytes = npy(dict("'<i4'", '(2, 3)', 'True'), 24);
    for (let i = 0; i < 6; i++) bytes.writeInt32LE(i, bytes.length - 24 + 4 * i);
    const { bytes: data } = readNpy(bytes, 'x');
    const view = new DataView(data.buffer, data.byteOffset);
    expect([0, 1, 2, 3, 4, 5].map((i) => view.getInt32(4 * i, true))).toEqual([0, 2, 4, 1, 3, 5]);
  });
});

describe('npz', () => {
  const array = writeNpy({ descr: '<f4', shape: [1], bytes: new Uint8Array(4) });
  const o: RawMember = { name: 'o.npy', bytes: array };
  const second: RawMember = { name: 'finalState.npy', bytes: array };
  const read = (bytes: Uint8Array, inflated?: number): Promise<unknown> =>
    readNpz(bytes, 'x', ['o', 'finalState'], { inflated });
  const zeros = new Uint8Array(2 ** 20);

  it('members as they should be, stored and deflated', async () => {
    const arrays = await readNpz(rawZip([o, { ...second, method: 8 }]), 'x', ['o', 'finalState']);
    expect([...arrays.keys()]).toEqual(['o', 'finalState']);
    expect(arrays.get('finalState')).toEqual(arrays.get('o'));
  });

  const good = rawZip([o, second]);
  const wrongs: [string, Buffer, string][] = [
    ['nothing', Buffer.alloc(0), 'no zip archive that can be trusted'],
    ['no zip', Buffer.from('x'.repeat(100)), 'no zip archive that can be trusted: End of central directory not found'],
    ['a file that is cut off', good.subarray(0, -1), 'no zip archive that can be trusted'],
    ['a file whose beginning is cut off', good.subarray(1), 'no zip archive that can be trusted'],
    [
      'bytes behind the end',
      Buffer.concat([good, Buffer.from('x')]),
      'no zip archive that can be trusted: Ambiguous archive',
    ],
    ['bytes before the beginning', Buffer.concat([Buffer.from('x'), good]), 'no zip archive that can be trusted'],
    ['an unknown member', rawZip([{ ...o, name: 'p.npy' }]), 'a member "p.npy", which is no name'],
    ['a path upwards', rawZip([{ ...o, name: '../o.npy' }]), 'no zip archive that can be trusted: Unsafe filename'],
    [
      'a path upwards with backslashes',
      rawZip([{ ...o, name: '..\\o.npy' }]),
      'no zip archive that can be trusted: Unsafe filename',
    ],
    ['an absolute path', rawZip([{ ...o, name: '/o.npy' }]), 'no zip archive that can be trusted: Unsafe filename'],
    ['a folder', rawZip([{ ...o, name: 'o.npy/' }]), 'a member "o.npy/"'],
    ['a name twice', rawZip([o, o]), 'two members o.npy'],
    [
      'names that differ',
      rawZip([{ ...o, localName: 'p.npy' }]),
      'no zip archive that can be trusted: Ambiguous archive',
    ],
    ['a wrong CRC', rawZip([{ ...o, crc: 1 }]), '"o.npy": CRC-32 '],
    ['encryption', rawZip([{ ...o, flags: 1 }]), '"o.npy" is encrypted'],
    ['another compression', rawZip([{ ...o, method: 12 }]), '"o.npy": compression method 12'],
    [
      'overlapping members',
      rawZip([o, { ...second, name: 'finalState.npy', localName: 'o.npy', offset: 0 }]),
      'no zip archive that can be trusted',
    ],
    [
      'a member outside',
      rawZip([{ ...o, compressed: 10_000, uncompressed: 10_000 }]),
      'no zip archive that can be trusted: Entry data out of bounds',
    ],
    ['a header that is nowhere', rawZip([{ ...o, offset: 10_000 }]), 'no zip archive that can be trusted'],
    ['sizes that differ, stored', rawZip([{ ...o, uncompressed: 8 }]), '"o.npy": 132 bytes, where it declares 8'],
    [
      'more than it declares',
      rawZip([{ name: 'o.npy', bytes: zeros, method: 8, uncompressed: 1000 }]),
      '"o.npy" cannot be inflated: more than the 1000 bytes',
    ],
    [
      'less than it declares',
      rawZip([{ ...o, method: 8, uncompressed: 133 }]),
      '"o.npy": 132 bytes, where it declares 133',
    ],
    [
      'a declared bomb',
      rawZip([{ ...o, method: 8, uncompressed: 2 ** 32 - 2 }]),
      '"o.npy": 4294967294 bytes declared, which',
    ],
    [
      'deflate that is none',
      rawZip([{ ...o, method: 8, raw: Buffer.alloc(100, 255), uncompressed: 132 }]),
      '"o.npy" cannot be inflated: invalid',
    ],
    [
      'deflate that is cut off',
      rawZip([{ name: 'o.npy', bytes: zeros, method: 8, compressed: 100, uncompressed: 1000 }]),
      '"o.npy" cannot be inflated',
    ],
    [
      'bytes behind the deflated',
      rawZip([{ ...o, method: 8, raw: Buffer.concat([deflateRawSync(array), Buffer.alloc(9)]) }]),
      '"o.npy" cannot be inflated: 9 bytes behind its end',
    ],
    [
      'a member that is no array',
      rawZip([{ name: 'o.npy', bytes: Buffer.from('hello, is it an array?') }]),
      'o.npy: no npy file',
    ],
  ];
  it.each(wrongs)('%s', async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toThrow(BadFixture);
    await expect(read(bytes)).rejects.toThrow(`x: ${message}`);
  });

  it('a true bomb: more than is allowed is not inflated', async () => {
    const bomb = rawZip([{ name: 'o.npy', bytes: new Uint8Array(2 ** 26), method: 8 }]);
    expect(bomb.length).toBeLessThan(2 ** 17);
    const before = process.memoryUsage().arrayBuffers;
    await expect(read(bomb, 2 ** 20)).rejects.toThrow('x: 67108864 bytes inflated, where at most 1048576 are wanted');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 22);
  });

  it('many members', async () => {
    const names = Array.from({ length: 1001 }, (_, i) => `${i}`);
    const many = rawZip(names.map((name) => ({ name: `${name}.npy`, bytes: array })));
    await expect(readNpz(many, 'x', names)).rejects.toThrow('x: more than 1000 members');
  });

  it('a fixture without a header', async () => {
    const text = (meta: string): Buffer =>
      rawZip([
        { name: 'meta.npy', bytes: writeNpy({ descr: `|S${meta.length}`, shape: [], bytes: Buffer.from(meta) }) },
      ]);
    await expect(fixtureFromNpz(rawZip([]), 'x')).rejects.toThrow(BadFixture);
    await expect(fixtureFromNpz(rawZip([{ ...o, name: 'inputs.q.npy' }]), 'x')).rejects.toThrow(
      'x: no member meta.npy',
    );
    await expect(fixtureFromNpz(rawZip([{ ...o, name: 'meta.npy' }]), 'x')).rejects.toThrow('x: meta: <f4 with 1 axes');
    await expect(fixtureFromNpz(text('{}'), 'x')).rejects.toThrow('x: format nothing, where "lla-fixture"');
    await expect(fixtureFromNpz(text('{"a":1,"a":2}'), 'x')).rejects.toThrow('x: a header with "a" twice');
  });
});

describe('memory', () => {
  const sizes = [2 ** 31 - 1, 2 ** 40];
  it.each(sizes)('a file of a kilobyte that declares %d numbers allocates none', async (size) => {
    const header = { a: f32(0, 4 * size, [size]) };
    const json = `{"name":"a","probes":"","flags":[],"dtype":"float64","system":"linear","inputs":{"q":{"shape":[${size}],"dtype":"float64","data":[]}}}`;
    const npz = rawZip([{ name: 'o.npy', bytes: npy(dict("'<f4'", `(${size},)`), 4) }]);
    const before = process.memoryUsage();
    expect(() => readSafetensors(safetensors(header), 'x')).toThrow(BadFixture);
    expect(() => formats.json.read(Buffer.from(json), 'x')).toThrow(BadFixture);
    await expect(readNpz(npz, 'x', ['o'])).rejects.toThrow(BadFixture);
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(2 ** 22);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(2 ** 25);
  });
});
