/** Files that were right, changed at random: the same ones for the same seed. */

/** Integers below a limit. */
export type Random = (limit: number) => number;

/** mulberry32, by Tommy Ettinger: 32 bits of state, enough for choosing bytes. */
export function randomFrom(seed: number): Random {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

/** What a number in a header is replaced by. */
const NUMBERS = [
  '0',
  '1',
  '-1',
  '0.5',
  '1e3',
  '1e400',
  '2147483647',
  '2147483648',
  '4294967296',
  '1099511627776',
  '9'.repeat(30),
  '""',
  'NaN',
];

const slice = (bytes: Buffer, random: Random): Buffer => {
  const start = random(bytes.length + 1);
  return bytes.subarray(start, start + random(Math.min(bytes.length - start, 64) + 1));
};

const cut = (bytes: Buffer, at: number, count: number, put: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + count)]);

type Mutation = (bytes: Buffer, other: Buffer, random: Random) => Buffer;

const mutations: Mutation[] = [
  function flipBits(bytes, _, random) {
    const changed = Buffer.from(bytes);
    for (let left = 1 + random(3); left > 0; left--) changed[random(bytes.length)] ^= 1 << random(8);
    return changed;
  },
  function setByte(bytes, _, random) {
    const changed = Buffer.from(bytes);
    changed[random(bytes.length)] = [0, 0x20, 0x22, 0x30, 0x7f, 0x80, 0xff, random(256)][random(8)];
    return changed;
  },
  (bytes, _, random) => bytes.subarray(0, random(bytes.length)),
  (bytes, _, random) => bytes.subarray(random(bytes.length)),
  (bytes, _, random) => cut(bytes, random(bytes.length), random(64), Buffer.alloc(0)),
  (bytes, _, random) =>
    cut(bytes, random(bytes.length), 0, Buffer.from(Array.from({ length: random(16) }, () => random(256)))),
  (bytes, _, random) => cut(bytes, random(bytes.length), 0, slice(bytes, random)),
  (bytes, _, random) => {
    const moved = slice(bytes, random);
    return cut(bytes, random(bytes.length), moved.length, moved);
  },
  (bytes, other, random) => cut(bytes, random(bytes.length), random(64), slice(other, random)),
  (bytes, other, random) => {
    const at = random(Math.min(bytes.length, other.length));
    return Buffer.concat([bytes.subarray(0, at), other.subarray(at)]);
  },
  function changeNumber(bytes, _, random) {
    const found = [...bytes.toString('latin1').matchAll(/\d+/g)];
    if (found.length === 0) return bytes;
    const { index, 0: text } = found[random(found.length)];
    return cut(bytes, index, text.length, Buffer.from(NUMBERS[random(NUMBERS.length)]));
  },
  function changeLength(bytes, _, random) {
    const changed = Buffer.from(bytes);
    const at = random(Math.max(bytes.length - 8, 1));
    if (bytes.length < 8) return changed;
    changed.writeBigUInt64LE(BigInt(2) ** BigInt(random(64)) - BigInt(random(2)), random(2) === 0 ? 0 : at);
    return changed;
  },
];

/** The file, changed once to three times; `other` is another of its kind, of which pieces are put in. */
export function mutated(bytes: Buffer, other: Buffer, random: Random): Buffer {
  let changed = bytes;
  for (let left = 1 + random(3); left > 0 && changed.length > 0; left--) {
    changed = mutations[random(mutations.length)](changed, other, random);
  }
  return changed;
}
