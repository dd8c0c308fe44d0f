/**
 * Ten thousand files that were right once. Whatever was done to them, reading ends in BadFixture or in a fixture: in the one that was
 * written, where the format protects it (npz has checksums), else in one that is written and read again as the same.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { Fixture } from '../../fixtures/fixture.ts';
import { type FormatName, formats } from '../../fixtures/formats/all.ts';
import { readAnswer } from '../../fixtures/formats/answers.ts';
import { BadFixture } from '../../fixtures/formats/error.ts';
import { readNpy, writeNpy } from '../../fixtures/formats/npy.ts';
import { mutated, randomFrom } from './mutated.ts';
import { fixtureArbitrary, plainFixture } from './random-fixtures.ts';

const SEED = 20260;
const drawn = fc.sample(fixtureArbitrary, { seed: SEED, numRuns: 40 });
/** Small ones, so that changes hit every part of them. */
const fixtures = [
  plainFixture(),
  ...drawn.filter(({ tensors }) => tensors.length > 1 && tensors.length < 9).slice(0, 9),
];

const FILES: Record<FormatName, number> = { json: 3500, safetensors: 3500, npz: 1500 };
let total = 0;

/** What reading ends in; anything but BadFixture is thrown. */
async function attempt<T>(read: () => Promise<T> | T): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof BadFixture) return null;
    throw error;
  }
}

describe.each(Object.keys(FILES) as FormatName[])('%s', (name) => {
  const { write, read, extension } = formats[name];

  it(`${FILES[name]} changed files`, async () => {
    const originals = await Promise.all(fixtures.map(async (fixture) => Buffer.from(await write(fixture))));
    const random = randomFrom(SEED);
    const accepted: [Fixture, Fixture][] = [];
    let slowest = 0;
    const memory = process.memoryUsage().arrayBuffers;
    const start = performance.now();
    for (let file = 0; file < FILES[name]; file++) {
      const which = random(fixtures.length);
      const bytes = mutated(originals[which], originals[random(fixtures.length)], random);
      const before = performance.now();
      const fixture = await attempt(() => read(bytes, 'x'));
      slowest = Math.max(slowest, performance.now() - before);
      if (fixture !== null && !bytes.equals(originals[which])) accepted.push([fixture, fixtures[which]]);
    }
    total += performance.now() - start;
    // a file is of a few kilobytes: what is far from that was asked for by what it declares
    expect(slowest).toBeLessThan(1000);
    expect(process.memoryUsage().arrayBuffers - memory).toBeLessThan(2 ** 28);
    expect(accepted.length).toBeLessThan(FILES[name] / 4);
    for (const [fixture, original] of accepted) {
      if (name === 'npz') expect(fixtures).toContainEqual(fixture);
      else if (original !== fixture) {
        const again = await read(await write(fixture), 'x');
        expect(again).toStrictEqual(fixture);
      }
    }
  });

  it('as an answer too', async () => {
    const random = randomFrom(SEED + 1);
    const answers = await Promise.all(fixtures.map(async (fixture) => Buffer.from(await write(fixture))));
    for (let file = 0; file < 200; file++) {
      const bytes = mutated(answers[random(answers.length)], answers[0], random);
      await attempt(() => readAnswer(bytes, 'x', extension));
    }
  });
});

describe('npy', () => {
  it('1500 changed files, which no checksum protects', () => {
    const random = randomFrom(SEED);
    const originals = [
      writeNpy({ descr: '<f8', shape: [2, 3], bytes: new Uint8Array(48).fill(1) }),
      writeNpy({ descr: '<f4', shape: [], bytes: new Uint8Array(4).fill(2) }),
      writeNpy({ descr: '|S5', shape: [], bytes: new Uint8Array(5).fill(65) }),
      writeNpy({ descr: '<i8', shape: [0, 7], bytes: new Uint8Array(0) }),
    ].map((bytes) => Buffer.from(bytes));
    const start = performance.now();
    for (let file = 0; file < 1500; file++) {
      const bytes = mutated(originals[random(4)], originals[random(4)], random);
      try {
        const array = readNpy(bytes, 'x');
        expect(readNpy(writeNpy(array), 'x')).toEqual({ ...array, bytes: new Uint8Array(array.bytes) });
      } catch (error) {
        if (!(error instanceof BadFixture)) throw error;
      }
    }
    total += performance.now() - start;
  });
});

afterAll(() => {
  expect(total).toBeLessThan(20_000);
});
