/** Reports read back, and parts of a run put together. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { mutants } from '../../debug/dictionary/all.ts';
import { reportToJson } from '../../gate/report.ts';
import { mergeReports, type Part } from '../../gate/reports/merge.ts';
import { BadReport, parseReport, readReport } from '../../gate/reports/read.ts';
import { reportSchema } from '../../gate/reports/schema.ts';
import { type GateReport, runGate, type Triple, triplesOf } from '../../gate/run.ts';
import { mostShards, shardOf } from '../../gate/shard.ts';
import { notCovered } from '../../properties/check-law.ts';
import { builtIn } from '../../properties/implementations.ts';
import { laws } from '../../properties/laws/all.ts';
import { systems } from '../../reference/systems/registry.ts';
import { goodReport, hostileReport } from './report-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'lla-reports-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('docs/schemas/report.json is what is checked', () => {
  const stored: unknown = JSON.parse(readFileSync('docs/schemas/report.json', 'utf8'));
  expect(stored).toEqual(JSON.parse(JSON.stringify(reportSchema)));
});

describe('a report read back', () => {
  it('is the report, numbers that JSON has no name for too', () => {
    for (const report of [hostileReport(), goodReport(), { ...goodReport(), shard: { index: 1, of: 2 } }]) {
      expect(parseReport(reportToJson(report), 'a.json')).toEqual(report);
    }
  });

  it('of a real run with a broken kernel is the report', async () => {
    const mutant = mutants.find(({ name }) => name === 'level-by-distance');
    const report = await runGate({
      implementations: mutant ? [mutant.implementation] : [],
      systems: systems.filter(({ name }) => name === 'log-linear-mamba2'),
      laws: laws.filter(({ group }) => group === 'equivalence'),
      seed: 1,
      runs: 20,
    });
    expect(report.summary.failed).toBeGreaterThan(0);
    expect(parseReport(reportToJson(report), 'a.json')).toEqual(report);
  });

  const changed = (change: (json: Record<string, never>) => void): string => {
    const json = JSON.parse(reportToJson(hostileReport()));
    change(json);
    return JSON.stringify(json);
  };
  // biome-ignore lint/suspicious/noExplicitAny: what is changed here has no type any more
  type Loose = any;

  it.each<[string, (json: Loose) => void, string | RegExp]>([
    [
      'a version of the future',
      (json) => {
        json.version = 2;
      },
      'a.json: at /version 2, where this release reads 1',
    ],
    [
      'no version',
      (json) => {
        delete json.version;
      },
      /^a\.json: must have required property 'version'/,
    ],
    [
      'an unknown field',
      (json) => {
        json.colour = 1;
      },
      /must NOT have additional properties .*colour/,
    ],
    [
      'a status that is none',
      (json) => {
        json.verdicts[2].status = 'maybe';
      },
      /^a\.json: at \/verdicts\/2\/status \(forward-within-its-bound · linear · .*must be equal to one of the allowed values/,
    ],
    [
      'a number as text',
      (json) => {
        json.verdicts[0].worst.ratio = '7';
      },
      /at \/verdicts\/0\/worst\/ratio .*must match pattern/,
    ],
    [
      'a count that the verdicts do not make',
      (json) => {
        json.summary.failed = 0;
      },
      'a.json: at /summary/failed 0, where the verdicts make 4',
    ],
    [
      'a claim that the verdicts do not make',
      (json) => {
        json.conforms = true;
      },
      'a.json: at /conforms true, where the verdicts make false',
    ],
    [
      'a verdict twice',
      (json) => {
        json.verdicts[9] = json.verdicts[0];
      },
      /at \/verdicts\/9 forward-equals-masked · .* is judged again, as at \/verdicts\/0/,
    ],
    [
      'shard 3 of 2',
      (json) => {
        json.shard = { index: 3, of: 2 };
      },
      'a.json: at /shard 3 of 2',
    ],
  ])('is refused with %s', (_, change, message) => {
    expect(() => parseReport(changed(change), 'a.json')).toThrow(message);
  });

  it.each([
    ['', /^a\.json: no JSON: /],
    ['{"version":1', /^a\.json: no JSON: /],
    ['[]', 'a.json: must be object'],
    ['null', 'a.json: must be object'],
  ])('%j is none', (text, message) => {
    expect(() => parseReport(text, 'a.json')).toThrow(message);
  });

  it('a file that is not there is named', () => {
    expect(() => readReport(join(folder, 'none.json'))).toThrow(/none\.json: ENOENT/);
    writeFileSync(join(folder, 'there.json'), reportToJson(goodReport()));
    expect(readReport(join(folder, 'there.json'))).toEqual(goodReport());
  });

  it('whatever the bytes, the answer is a report or an error that names the file', () => {
    const text = reportToJson(hostileReport());
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, put) => {
        try {
          parseReport(text.slice(0, at) + put + text.slice(at + 1), 'a.json');
        } catch (error) {
          expect(error).toBeInstanceOf(BadReport);
          expect((error as Error).message).toMatch(/^a\.json: /);
        }
      }),
    );
  });
});

const options = {
  implementations: builtIn,
  systems: systems.filter(({ name }) => ['softmax', 'gla', 'log-linear-deltanet'].includes(name)),
  laws,
};

describe('parts of a run', () => {
  const keyOf = ({ law, system, subject }: Triple): string => `${law.name} ${system.name} ${subject.name}`;
  const all = triplesOf(options);
  const isJudged = ({ law, subject, system }: Triple): boolean => notCovered(law, subject, system) === null;

  it.each([1, 2, 3, 7, 8, 30, mostShards(all)])(
    '%i parts have each law once, with its prerequisites, and each something to judge',
    (of) => {
      const parts = Array.from({ length: of }, (_, i) => shardOf(all, { index: i + 1, of }));
      expect(parts.flat().map(keyOf).sort()).toEqual(all.map(keyOf).sort());
      for (const part of parts) {
        expect(part.some(isJudged)).toBe(true);
        const keys = new Set(part.map(keyOf));
        for (const triple of part) {
          for (const first of triple.law.prerequisites) {
            const needed = all.find(
              ({ law, system, subject }) =>
                law.name === first && system === triple.system && subject === triple.subject,
            );
            if (needed) expect(keys.has(keyOf(needed))).toBe(true);
          }
        }
        // in the order of the whole, so that prerequisites come first
        const places = part.map((triple) => all.indexOf(triple));
        expect(places).toEqual(places.toSorted((a, b) => a - b));
      }
    },
  );

  it('are whole pairs of system and implementation while there are enough of these, and much alike in size', () => {
    const parts = [1, 2, 3].map((index) => shardOf(all, { index, of: 3 }));
    const pairs = parts.map((part) => new Set(part.map(({ system, subject }) => `${system.name} ${subject.name}`)));
    expect(new Set(pairs.flatMap((each) => [...each])).size).toBe(pairs.reduce((sum, { size }) => sum + size, 0));
    const sizes = parts.map((part) => part.filter(isJudged).length);
    expect(Math.max(...sizes)).toBeLessThan(2 * Math.min(...sizes));
  });

  it('more than there can be are an error', () => {
    const most = mostShards(all);
    expect(() => shardOf(all, { index: 1, of: most + 1 })).toThrow(
      `${most + 1} parts, where there are units for ${most}`,
    );
  });

  const few = {
    ...options,
    laws: laws.filter(({ name }) => ['causal-forward', 'causal-backward', 'prefix', 'linear-in-q'].includes(name)),
    seed: 4,
    runs: 2,
  };
  const judge = (index: number, of: number): Promise<GateReport> => runGate({ ...few, shard: { index, of } });

  it.each([2, 9])('%i of them, put together in any order, are the whole', async (of) => {
    const parts: Part[] = [];
    for (let index = 1; index <= of; index++) {
      const text = reportToJson(await judge(index, of));
      parts.unshift({ file: `${index}.json`, report: parseReport(text, `${index}.json`) });
    }
    const whole = await runGate(few);
    const merged = mergeReports(parts);
    expect(merged.verdicts).toEqual(whole.verdicts);
    expect({ ...merged, summary: { ...merged.summary, seconds: 0 } }).toEqual({
      ...whole,
      summary: { ...whole.summary, seconds: 0 },
    });
    expect(merged.conforms).toBe(true);
  });
});

describe('reports that do not belong together', () => {
  const part = (file: string, fields: Partial<GateReport> = {}): Part => ({
    file,
    report: { ...goodReport(), ...fields },
  });
  const [one, two] = goodReport().verdicts;
  const first = part('1.json', { shard: { index: 1, of: 3 }, verdicts: [one] });

  it.each<[string, Part[], string]>([
    ['another seed', [first, part('2.json', { seed: 9 })], '2.json: seed 9, where 1.json has 1'],
    ['other runs', [first, part('2.json', { runs: 9 })], '2.json: runs 9, where 1.json has 3'],
    ['another program', [first, part('2.json', { command: ['b'] })], '2.json: command ["b"], where 1.json has none'],
    [
      'recommended laws enforced',
      [first, part('2.json', { enforceRecommended: true })],
      '2.json: enforceRecommended true, where 1.json has false',
    ],
    [
      'another number of shards',
      [first, part('2.json', { shard: { index: 2, of: 4 } })],
      '2.json is shard 2/4, and 1.json shard 1/3',
    ],
    ['a shard and a whole', [first, part('2.json')], '2.json is no shard, and 1.json shard 1/3'],
    [
      'a shard twice',
      [first, part('2.json', { shard: { index: 1, of: 3 } })],
      'shard 1/3 is there twice: 1.json, 2.json',
    ],
    ['a shard missing', [first, part('3.json', { shard: { index: 3, of: 3 }, verdicts: [two] })], 'shard 2/3 missing'],
    ['shards missing', [first], 'shards 2/3, 3/3 missing'],
    [
      'a verdict twice',
      [part('1.json', { verdicts: [one] }), part('2.json')],
      'prefix · linear · masked is judged in 1.json and in 2.json',
    ],
    ['nothing', [], 'no report given'],
  ])('%s', (_, parts, message) => {
    expect(() => mergeReports(parts)).toThrow(new BadReport(message));
  });

  it('parts chosen by hand are put together where no verdict is in two', () => {
    const merged = mergeReports([part('b.json', { verdicts: [two] }), part('a.json', { verdicts: [one] })]);
    expect(merged).toMatchObject({ conforms: true, summary: { passed: 2, seconds: 2 } });
    expect(merged.verdicts.map(({ implementation }) => implementation)).toEqual(['masked', 'chunked']);
  });
});
