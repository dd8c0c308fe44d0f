/** The report of a failure: as text, as JSON, and as a page in a headless Chromium, from a file and without a network. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import pc from 'picocolors';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findOut } from '../../commands/debug/stages.ts';
import { clockOf } from '../../debug/budget.ts';
import type { Cause, Diagnosis } from '../../debug/diagnose/diagnose.ts';
import type { Subject } from '../../debug/failure.ts';
import { layoutOf } from '../../debug/localise/layout.ts';
import type { Profile } from '../../debug/localise/localisation.ts';
import { profileOf } from '../../debug/localise/profile.ts';
import { failureOn } from '../../debug/minimise/still-wrong.ts';
import type { Probed } from '../../debug/probe/probed.ts';
import { binsOf } from '../../debug/report/html/curves.ts';
import { lineWords } from '../../debug/report/html/elements.ts';
import { borderOf, scaleFor } from '../../debug/report/html/grid.ts';
import { LEVEL_COLORS, lookOf } from '../../debug/report/html/looks.ts';
import { sharesOf } from '../../debug/report/html/matrix.ts';
import { debugHtml } from '../../debug/report/html.ts';
import { debugJson } from '../../debug/report/json.ts';
import type { DebugReport } from '../../debug/report/report.ts';
import { debugReportSchema } from '../../debug/report/schema.ts';
import { barsOf, pairRatio, squareOf } from '../../debug/report/shades.ts';
import { debugText } from '../../debug/report/text.ts';
import { parseCase } from '../../reference/case-json.ts';
import { compute } from '../../reference/operator.ts';
import { elements } from '../../reference/tensor.ts';
import { CHROMIUM, hasChromium, launch, visitFile } from '../visit.ts';
import { makeCase, mutantNamed, type Wanted } from './failing.ts';

const LONG = 60_000;
const plain = pc.createColors(false);
const HOSTILE = '<img src=x onerror=alert(1)>&"\'*/ """ \u001b[31m';

async function reportOn(
  subject: NonNullable<Subject>,
  system: string,
  wanted: Wanted,
  live = true,
  stages = { diagnoses: true, minimises: true },
) {
  const failure = await failureOn(subject, makeCase(system, wanted));
  const found = await findOut({
    subject: live ? subject : null,
    failure,
    probes: true,
    answer: null,
    ...stages,
    clock: clockOf(60),
    onStage() {},
  });
  const report: DebugReport = {
    implementation: subject.name,
    source: 'case.json',
    failure,
    ...found,
    replay: 'npx lla debug case.json -- python3 kernel.py',
    seconds: 1.5,
  };
  return report;
}

const size: Wanted = { B: 1, T: 10, H: 2, G: 1, K: 2, V: 2, C: 4, gradients: true };
const of = (name: string, wanted = size, live = true): Promise<DebugReport> => {
  const { implementation, system } = mutantNamed(name);
  return reportOn(implementation, system, wanted, live);
};

/** What the probes find, and nothing that takes longer. */
const probedOn = (subject: NonNullable<Subject>, system: string, wanted: Wanted): Promise<DebugReport> =>
  reportOn(subject, system, wanted, true, { diagnoses: false, minimises: false });
const probedOf = (name: string, wanted: Wanted): Promise<DebugReport> => {
  const { implementation, system } = mutantNamed(name);
  return probedOn(implementation, system, wanted);
};

/** An implementation that gets this much of a right answer wrong. */
const spoiled = (spoil: (answer: Awaited<ReturnType<typeof compute>>) => void): NonNullable<Subject> => ({
  ...mutantNamed('strictly-causal').implementation,
  name: 'spoiled',
  run(c) {
    const answer = compute(c);
    spoil(answer);
    return answer;
  },
});
const offByTenth = spoiled(({ o }) => {
  for (let at = 0; at < o.data.length; at++) o.data[at] *= 1.1;
});
/** What stands in a section. */
const sectionOf = (html: string, id: string): string =>
  html.match(new RegExp(`<section id="${id}">[^]*?</section>`))?.[0] ?? '';

let shifted: DebugReport;
let answered: DebugReport;
let right: DebugReport;
let hostile: DebugReport;
beforeAll(async () => {
  shifted = await of('level-by-distance');
  answered = await of('decay-dropped-at-chunk-start', size, false);
  const { implementation } = mutantNamed('strictly-causal');
  right = await reportOn({ ...implementation, name: 'right', run: compute }, 'log-linear-mamba2', { T: 4 }, false);
  const [cause] = (shifted.diagnosis as Diagnosis).causes as [Cause];
  hostile = {
    ...answered,
    implementation: HOSTILE,
    source: HOSTILE,
    replay: HOSTILE,
    notes: [HOSTILE],
    intermediates: [HOSTILE],
    diagnosis: {
      ...(answered.diagnosis as Diagnosis),
      causes: [{ ...cause, names: [HOSTILE], bug: HOSTILE, line: HOSTILE }],
    },
  };
}, LONG);

describe('pictures of characters', () => {
  it('bars: a dot for what is right, longer for what is farther off, the worst where several share one', () => {
    const { bars, marks, each } = barsOf([0, 1, 1.5, 1e4, 1e9, Number.POSITIVE_INFINITY], [0, 4], 72);
    expect(bars).toBe('··▁▅██');
    expect(marks).toBe('|   |');
    expect(each).toBe(1);
    expect(barsOf([0, 1e9, 0, 0], [], 2)).toMatchObject({ bars: '█·', each: 2 });
  });

  it('squares: a line a query, nothing after it unless that is wrong', () => {
    const ratio = (t: number, s: number): number => (t === 2 && s === 0 ? 1e9 : 0);
    expect(squareOf(3, ratio, 48)).toEqual(['··', '····', '██····']);
    expect(squareOf(2, (t, s) => (s > t ? Number.POSITIVE_INFINITY : 0), 48)).toEqual(['··██', '····']);
    expect(squareOf(100, () => 0, 48)).toHaveLength(34);
  });

  it('ratios of pairs are those of outputs', () => {
    expect(pairRatio(1, 1, 0)).toBe(0);
    expect(pairRatio(1.5, 1, 1)).toBe(0.5);
    expect(pairRatio(Number.NaN, 1, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(pairRatio(3, 1, Number.POSITIVE_INFINITY)).toBe(0);
    expect(pairRatio(3, 1, 0)).toBeGreaterThan(1);
  });
});

describe('the text', () => {
  it('is short, and says where, what instead, the smallest case and how to do it again', () => {
    const text = debugText(shifted, plain);
    for (const part of [
      '✗ level-by-distance · log-linear-mamba2 in float64',
      '\nmost likely\n',
      '\nwhere\n',
      '\nwhat it computes\n',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).toMatch(/smallest case \(\d+ questions; nothing that was tried makes it smaller\)/);
    expect(text).toContain('T 3 · H 1 · G 1 · K 1 · V 1');
    expect(text).toMatch(/again\n {2}npx lla debug/);
    expect(text).toMatch(/[░▒▓█]/);
    expect(text.split('\n').length).toBeLessThan(75);
  });

  it('has no colours unless they are asked for, and says the same without', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are what is looked for
    const escapes = /\u001b\[\d+m/g;
    expect(debugText(shifted, plain)).not.toMatch(escapes);
    const coloured = debugText(shifted, pc.createColors(true));
    expect(coloured).toMatch(escapes);
    expect(coloured.replace(escapes, '')).toBe(debugText(shifted, plain));
  });

  it('of an answer alone says what cannot be said', () => {
    const text = debugText(answered, plain);
    expect(text).toContain('there is only an answer');
    expect(text).not.toContain('what it computes');
    expect(text).toMatch(/o over the position/);
  });

  it('of a right answer says that it is right', () => {
    expect(debugText(right, plain)).toMatch(/^✓ right · .*\n {2}every output is within its bounds$/);
  });
});

describe('the JSON', () => {
  it('docs/schemas/debug-report.json is what is checked', () => {
    const stored: unknown = JSON.parse(readFileSync('docs/schemas/debug-report.json', 'utf8'));
    expect(stored).toEqual(JSON.parse(JSON.stringify(debugReportSchema)));
  });

  it('keeps to its schema, and its cases are cases', () => {
    const validate = new Ajv2020({ allErrors: true }).compile(debugReportSchema);
    for (const report of [shifted, answered, right, hostile]) {
      const json = JSON.parse(debugJson(report));
      expect(validate(json), JSON.stringify(validate.errors)).toBe(true);
      expect(json.isRight).toBe(report === right);
      expect(parseCase(json.case).system).toBe(report.failure.c.system);
      if (json.minimised) expect(compute(parseCase(json.minimised.case)).o.shape[1]).toBeLessThanOrEqual(3);
    }
    const { version, ...rest } = JSON.parse(debugJson(right));
    expect(version).toBe(1);
    expect(validate(rest)).toBe(false);
  });
});

describe('the text of the page', () => {
  it('escapes names, and loads and runs nothing but its own', () => {
    const html = debugHtml(hostile);
    expect(html.includes('<img')).toBe(false);
    expect(html.includes('&lt;img src=x onerror=alert(1)&gt;')).toBe(true);
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html.match(/<style/g)).toHaveLength(1);
    expect(/(src|href)="(?!#|data:,)/.test(html)).toBe(false);
    expect(/ style="/.test(html)).toBe(false);
    expect(/default-src 'none'; img-src data:; style-src 'sha256-/.test(html)).toBe(true);
  });

  it('has the verdict, plots, probes, the smallest case, tests and the command', () => {
    const html = debugHtml(shifted);
    const ids = [
      'diagnosis',
      'where',
      'computes',
      'smallest',
      'tests',
      'again',
      'test-torch',
      'test-numpy',
      'test-typescript',
    ];
    for (const id of ids) expect(html.match(new RegExp(`id="${id}"`, 'g')), id).toHaveLength(1);
    expect(html.includes('P as it was recovered')).toBe(true);
    expect(html.includes('worst error at each position')).toBe(true);
    expect(html.includes('elements by how many bounds they are off')).toBe(true);
    expect(html.includes('wrong entries of each level')).toBe(true);
    expect(/query 2, key 1, level 2, read at 1:/.test(html)).toBe(true);
    expect(html.length).toBeLessThan(1.5e6);
    expect(debugHtml(right)).not.toContain('id="smallest"');
  });

  it(
    'is bounded, however long the case',
    async () => {
      const { implementation, system } = mutantNamed('strictly-causal');
      const wanted = { B: 1, T: 200, H: 2, K: 2, V: 8, gradients: true };
      const html = debugHtml(await reportOn(implementation, system, wanted, false));
      expect(html.length).toBeLessThan(5e6);
      expect(html.includes('The case is too large to be written into a test')).toBe(true);
    },
    LONG,
  );
});

describe('levels on the page', () => {
  it(
    'are those of the own sequence where several are packed, and other sequences have none',
    async () => {
      const report = await probedOf('packed-levels-from-global-index', { T: 12, H: 1, cuSeqlens: [0, 3, 12] });
      const computes = sectionOf(debugHtml(report), 'computes');
      // positions 1 and 0 of the second sequence
      expect(computes).toContain('query 4, key 3, level 1, read at 3:');
      // positions 4 and 0, which are 7 and 3 of the row
      expect(computes).toMatch(/query 7, key 3, level 3[:,]/);
      expect(computes).not.toMatch(/query 3, key 2, level/);
      const P = report.probed?.P as NonNullable<Probed['P']>;
      expect(P.levels[3]).toEqual([-1, -1, -1, 0, ...Array(8).fill(-1)]);
    },
    LONG,
  );

  it(
    'count the positions before the call',
    async () => {
      const computes = sectionOf(
        debugHtml(await probedOn(offByTenth, 'log-linear-mamba2', { T: 5, H: 1, position: [5], state: true })),
        'computes',
      );
      // 8 and 7, 6 and 5
      expect(computes).toContain('query 3, key 2, level 4:');
      expect(computes).toContain('query 1, key 0, level 2:');
      expect(computes).toContain('signs of levels');
    },
    LONG,
  );

  it(
    'are not there in systems without: one colour, no legend, no word of them',
    async () => {
      for (const system of ['mamba2', 'softmax']) {
        const report = await probedOn(offByTenth, system, { T: 6, H: 1 });
        const computes = sectionOf(debugHtml(report), 'computes').replace('the system has no levels', '');
        expect(computes).toMatch(/query 3, key 1: \S+ is right/);
        expect(computes).not.toContain('level ');
        expect(computes).not.toContain('signs of levels');
        expect(new Set(computes.match(/var\(--level-\d+\)/g))).toEqual(new Set(['var(--level-0)']));
        expect(sectionOf(debugHtml(report), 'where')).not.toContain('wrong entries of each level');
      }
    },
    LONG,
  );

  it('look different from one another, and are seen on both pages', () => {
    const looks = Array.from({ length: 32 }, (_, level) => lookOf(level));
    expect(new Set(looks).size).toBe(32);
    expect(new Set([-1, -2, -3].map(lookOf)).size).toBe(3);
    const luminance = (hex: string): number => {
      const [red, green, blue] = [1, 3, 5]
        .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrast = (a: string, b: string): number => {
      const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
      return (high + 0.05) / (low + 0.05);
    };
    for (const [light, dark] of LEVEL_COLORS) {
      for (const page of ['#ffffff', '#f5f7f9']) expect(contrast(light, page), light).toBeGreaterThan(3);
      for (const page of ['#14171c', '#1c2027']) expect(contrast(dark, page), dark).toBeGreaterThan(3);
    }
    // strength is size: nothing is made pale
    expect(sectionOf(debugHtml(shifted), 'computes').match(/fill-opacity="(?!0\.12")/g)).toBeNull();
  });

  it(
    'are blamed by wrong entries of P where it is known, else it is said that positions are counted',
    async () => {
      const P = shifted.probed?.P as NonNullable<Probed['P']>;
      const shares = sharesOf(P);
      // the distance has the level of its own in buckets of one and of two positions
      expect(shares.find(({ level }) => level === 0)?.wrong).toBe(0);
      expect(shares.find(({ level }) => level === 1)?.wrong).toBe(0);
      expect(shares.reduce((sum, { wrong }) => sum + wrong, 0)).toBe(P.wrong);
      expect(sectionOf(debugHtml(shifted), 'where')).toContain(
        `P of row ${P.row}, head ${P.head}: wrong entries of each level`,
      );
      const unprobed = sectionOf(debugHtml(answered), 'where');
      expect(unprobed).toContain('wrong elements by the levels that their position reads');
      expect(unprobed).toContain('the fault need not be of all of them');
    },
    LONG,
  );
});

describe('Jacobians on the page', () => {
  it(
    'are drawn for wrong gradients, the first open, what queries add to positions',
    async () => {
      const wrong = spoiled(({ gradients }) => {
        for (const name of ['q', 'k'] as const) {
          const data = gradients?.[name]?.data ?? [];
          for (let at = 0; at < data.length; at++) data[at] *= 1.25;
        }
      });
      const report = await probedOn(wrong, 'log-linear-mamba2', { T: 6, H: 2, gradients: true });
      expect(report.probed?.jacobians.map(({ name }) => name)).toEqual(['q', 'k']);
      const computes = sectionOf(debugHtml(report), 'computes');
      const summaries = computes.match(/<details class="finding"[^>]*><summary>.*?<\/summary>/g) as string[];
      expect(summaries).toHaveLength(2);
      expect(summaries[0]).toMatch(/ open><summary>.*Jacobian of the gradient of q: 6 entries are wrong/);
      expect(summaries[1]).toMatch(/"finding"><summary>.*Jacobian of the gradient of k/);
      for (const part of [
        'Jacobian of q as it is',
        'Jacobian of q as it was recovered',
        'Their difference',
        'group 0',
      ]) {
        expect(computes).toContain(part);
      }
      expect(computes).toMatch(/query 4, position 2: \S+ is right, \S+ found/);
      expect(computes).not.toContain('signs of levels');
      expect(new Set(computes.match(/var\(--level-\d+\)/g))).toEqual(new Set(['var(--level-0)']));
    },
    LONG,
  );

  it(
    'have one column where a gradient has no positions',
    async () => {
      const wrong = spoiled(({ gradients }) => {
        const data = gradients?.g?.data ?? [];
        for (let at = 0; at < data.length; at++) data[at] *= 1.25;
      });
      const report = await probedOn(wrong, 'log-linear-retention', { T: 6, H: 2, gradients: true });
      const computes = sectionOf(debugHtml(report), 'computes');
      expect(computes).toContain('The true Jacobian of g, 6 by 1.');
      expect(computes).toMatch(/query 4: \S+ is right, \S+ found/);
      expect(computes).not.toContain('position s');
    },
    LONG,
  );
});

/** A profile of o with these ratios, on a case. */
function profileFor(wanted: Wanted, more: object = {}, ratios: (at: number) => number = () => 0, actual = 1): Profile {
  const c = { ...makeCase('log-linear-mamba2', wanted), ...more };
  const shape = compute(makeCase('log-linear-mamba2', wanted)).o.shape as number[];
  const filled = (value: number): Float64Array => new Float64Array(elements(shape)).fill(value);
  const ratio = filled(0).map((_, at) => ratios(at));
  const errors = {
    name: 'o',
    axes: 'BTHV',
    shape,
    actual: filled(actual),
    expected: filled(1),
    bound: filled(1),
    ratio,
  };
  return profileOf(errors, layoutOf(c));
}

describe('edges of chunks and levels', () => {
  const furtherLevels = (profile: Profile): [number, number][] =>
    profile.edges[0].levels.map(({ at, level }) => [at, level]);

  it('follow the structure', () => {
    const wanted = { T: 28, H: 1, V: 1 };
    expect(furtherLevels(profileFor(wanted))).toEqual([
      [1, 1],
      [2, 2],
      [4, 3],
      [8, 4],
      [16, 5],
    ]);
    const base3 = profileFor(wanted, { structure: { kind: 'weak', base: 3 } });
    expect(furtherLevels(base3)).toEqual([
      [1, 1],
      [3, 2],
      [9, 3],
      [27, 4],
    ]);
    expect(base3.levelBoundaries).toEqual([1, 3, 9, 27]);
    // as the strong structure has it: its partition of position 2^l is the first to have level l + 1
    expect(furtherLevels(profileFor(wanted, { structure: { kind: 'strong' } })).map(([at]) => at)).toEqual([
      1, 2, 4, 8, 16,
    ]);
  });

  it('follow the position that each row started from', () => {
    const { edges, chunkEdges, levelBoundaries } = profileFor({
      B: 3,
      T: 8,
      H: 1,
      V: 1,
      position: [0, 5, 0],
      state: true,
    });
    expect(edges).toEqual([
      {
        rows: [0, 2],
        chunks: [0, 4],
        levels: [
          { at: 1, level: 1 },
          { at: 2, level: 2 },
          { at: 4, level: 3 },
        ],
      },
      { rows: [1], chunks: [3, 7], levels: [{ at: 3, level: 4 }] },
    ]);
    expect(chunkEdges).toEqual([0, 3, 4, 7]);
    expect(levelBoundaries).toEqual([1, 2, 3, 4]);
  });

  it('are told apart on the page', () => {
    const where = sectionOf(debugHtml(answered), 'where');
    expect(where).toContain('Dashed lines: a chunk begins.');
    expect(where).toContain('Triangles above: from there on a further level is read');
    expect(where).toContain('Chunks begin at 0, 4, 8. Further levels: level 1 from 1 on, level 2 from 2 on');
  });
});

describe('elements by how far off they are', () => {
  it('exactly the bound is right, and what is no number is not what is past every bound', () => {
    const profile = profileFor({ T: 4, H: 1, V: 1 }, {}, (at) => [1, 1.0000001, 0, Number.POSITIVE_INFINITY][at]);
    expect(profile.histogram).toEqual([
      { decade: null, count: 1 },
      { decade: -1, count: 1 },
      { decade: 0, count: 1 },
      { decade: 'over', count: 1 },
    ]);
    const none = profileFor({ T: 4, H: 1, V: 1 }, {}, () => Number.POSITIVE_INFINITY, Number.NaN);
    expect(none.histogram).toEqual([{ decade: 'no number', count: 4 }]);
    expect(binsOf(profile.histogram).map(({ isWrong }) => isWrong)).toEqual([false, false, true, true]);
  });

  it('stand on one scale: a decade is as wide as another, empty or not', () => {
    const bins = binsOf([
      { decade: null, count: 1 },
      { decade: -2, count: 3 },
      { decade: 10, count: 2 },
      { decade: 'no number', count: 1 },
    ]);
    expect(bins.map(({ from, to }) => [from, to])).toEqual([
      [-4, -3],
      [-2, -1],
      [10, 11],
      [12, 13],
    ]);
    expect(bins.map(({ label }) => label)).toEqual(['exact', null, null, 'no\nnumber']);
  });
});

describe('cells', () => {
  it('a line goes around those that are wrong, and not between them', () => {
    const cell = (row: number, column: number) => ({ row, column });
    expect(borderOf([cell(2, 3)])).toHaveLength(4);
    expect(borderOf([cell(0, 0), cell(0, 1)])).toHaveLength(6);
    expect(borderOf([])).toEqual([]);
  });

  it('colours go from the bound to what there is', () => {
    const ratios = (...all: number[]) => scaleFor(all.map((ratio) => ({ ratio })));
    expect(ratios(0.5, 3, 2e3)).toEqual({ decades: 4, hasBeyond: false, hasFinite: true });
    expect(ratios(1, 1.5)).toMatchObject({ decades: 1 });
    expect(ratios(Number.NaN, 1e300)).toEqual({ decades: 1, hasBeyond: true, hasFinite: false });
    expect(debugHtml(answered)).toContain('<span>bounds off</span>');
  });

  it('lines are called by their heads and channels', () => {
    const lines = { axes: ['B', 'H', 'V'], sizes: [1, 4, 16] };
    expect(lineWords(lines, 33, 33)).toBe('head 2, v 1');
    expect(lineWords(lines, 40, 47)).toBe('head 2, v 8 to 15');
    expect(lineWords(lines, 32, 47)).toBe('head 2');
    expect(lineWords(lines, 0, 31)).toBe('head 0 to 1');
    expect(lineWords({ axes: ['B', 'H'], sizes: [2, 2] }, 3, 3)).toBe('row 1, head 1');
    expect(sectionOf(debugHtml(answered), 'where')).toContain('>head 1, v 0<');
  });
});

describe('what is not in every report', () => {
  it(
    'the link past the head leads to a part that is there',
    async () => {
      const nothing = spoiled((answer) => void delete (answer as Partial<typeof answer>).gradients);
      const missing = await reportOn(nothing, 'log-linear-mamba2', { T: 4, gradients: true }, false);
      for (const report of [shifted, answered, right, missing]) {
        const html = debugHtml(report);
        const target = html.match(/class="skip" href="#([^"]+)"/)?.[1];
        expect(html).toContain(`<section id="${target}">`);
      }
      expect(debugHtml(missing)).not.toContain('id="smallest"');
      expect(debugHtml(missing)).toContain('gradients.k is missing');
    },
    LONG,
  );

  it('steps on the way are there when the outputs are right', () => {
    const html = debugHtml({ ...right, intermediates: ['the first wrong step is states'] });
    expect(sectionOf(html, 'intermediates')).toContain('the first wrong step is states');
    expect(html).toContain('within its bounds');
  });
});

if (!hasChromium) console.warn(`The page of a failure is not opened: there is no ${CHROMIUM}.`);

describe.skipIf(!hasChromium)(hasChromium ? 'the page' : `the page (skipped: there is no ${CHROMIUM})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'lla-debug-'));
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  }, LONG);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const visit = (report: DebugReport, options: BrowserContextOptions = {}) =>
    visitFile(browser, join(folder, 'page.html'), debugHtml(report), options);

  it('complains of nothing and asks for nothing, whatever names there are', async () => {
    for (const report of [shifted, answered, right, hostile]) {
      const { page, complaints } = await visit(report);
      expect(complaints).toEqual([]);
      await page.close();
    }
  });

  it('is readable dark and light, and on a narrow screen nothing but what scrolls is wider', async () => {
    const { page, complaints } = await visit(shifted, { viewport: { width: 360, height: 740 }, colorScheme: 'dark' });
    const colours = (): Promise<string[]> =>
      page.evaluate(
        `[document.body, document.querySelector('.plot text')].map((e, i) => getComputedStyle(e)[i ? 'fill' : 'backgroundColor'])`,
      );
    const dark = await colours();
    await page.emulateMedia({ colorScheme: 'light' });
    expect([dark, await colours()]).toEqual([
      ['rgb(20, 23, 28)', 'rgb(230, 233, 238)'],
      ['rgb(255, 255, 255)', 'rgb(26, 30, 36)'],
    ]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('can be used with the keyboard alone, and every plot says what it shows', async () => {
    const { page, complaints } = await visit(shifted);
    const wanted: number = await page.evaluate(
      `[...document.querySelectorAll('summary, button, [tabindex="0"]')].filter((e) => e.checkVisibility()).length`,
    );
    const reached = new Set<string>();
    for (let i = 0; i < wanted; i++) {
      await page.keyboard.press('Tab');
      const at: { key: string; outline: string } = await page.evaluate(
        `({ key: [...document.querySelectorAll('*')].indexOf(document.activeElement) + '', outline: getComputedStyle(document.activeElement).outlineStyle })`,
      );
      expect(at.outline).toBe('solid');
      reached.add(at.key);
    }
    expect(reached.size).toBe(wanted);
    const labels: string[] = await page.evaluate(
      `[...document.querySelectorAll('.plot')].map((e) => e.getAttribute('role') + ' ' + (e.getAttribute('aria-label') ?? ''))`,
    );
    expect(labels.length).toBeGreaterThanOrEqual(6);
    for (const label of labels) expect(label).toMatch(/^img .{10}/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('squares beside each other begin at one height, and what scrolls can be reached', async () => {
    for (const width of [1200, 400]) {
      const { page } = await visit(shifted, { viewport: { width, height: 900 } });
      const squares: { top: number; left: number }[] = await page.evaluate(
        `[...document.querySelectorAll('#computes .plots.three')[0].querySelectorAll('.plot')].map((e) => { const { top, left } = e.getBoundingClientRect(); return { top, left }; })`,
      );
      expect(squares).toHaveLength(3);
      if (width > 1000) expect(new Set(squares.map(({ top }) => top)).size).toBe(1);
      const lost: string[] = await page.evaluate(
        `[...document.querySelectorAll('*')].filter((e) => e.scrollWidth > e.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(e).overflowX) && e.tabIndex !== 0).map((e) => e.outerHTML.slice(0, 80))`,
      );
      expect(lost).toEqual([]);
      // letters stay inside their plots
      const cut: string[] = await page.evaluate(
        `[...document.querySelectorAll('svg text')].filter((t) => { const r = t.getBoundingClientRect(), s = t.ownerSVGElement.getBoundingClientRect(); return r.width > 0 && (r.left < s.left - 1 || r.right > s.right + 1 || r.top < s.top - 2 || r.bottom > s.bottom + 2); }).map((t) => t.textContent)`,
      );
      expect(cut).toEqual([]);
      await page.close();
    }
  });

  it('labels below bars do not overlap, and are whole', async () => {
    const bars = (...decades: (number | null | 'over' | 'no number')[]) =>
      decades.map((decade) => ({ decade, count: 3 }));
    const [o, ...others] = answered.localisation.outputs;
    for (const histogram of [
      bars(null, -3, -2, 9, 10, 11, 'over', 'no number'),
      bars(-6, 15, 'no number'),
      bars('over'),
    ]) {
      const changed = { ...o, profile: { ...o.profile, histogram } };
      const { page } = await visit({
        ...answered,
        localisation: { ...answered.localisation, outputs: [changed, ...others] },
      });
      const spans: [number, number][] = await page.evaluate(
        `[...document.querySelectorAll('[aria-label*="are beyond their bound"]')[0].querySelectorAll('[aria-label="x-axis tick label"] text')].map((t) => { const { left, right } = t.getBoundingClientRect(); return [left, right]; })`,
      );
      expect(spans.length).toBeGreaterThan(1);
      spans.sort(([a], [b]) => a - b);
      for (let i = 1; i < spans.length; i++) expect(spans[i][0]).toBeGreaterThan(spans[i - 1][1]);
      await page.close();
    }
  });

  it('wrong entries are in tables that the keyboard reaches', async () => {
    const { page } = await visit(shifted);
    const table = page.locator('#computes [tabindex="0"][role=region] table.worst-entries').first();
    expect(await table.locator('thead th').allTextContents()).toEqual([
      'query t',
      'key s',
      'level',
      'read at',
      'expected',
      'actual',
      'of the bound',
    ]);
    const P = shifted.probed?.P as NonNullable<Probed['P']>;
    const [{ t, s }] = P.wrongPairs;
    const [first] = await table.locator('tbody tr').all();
    const cells = await first.locator('th, td').allTextContents();
    expect(cells.slice(0, 3)).toEqual([String(t), String(s), String(P.levels[t][s])]);
    expect(cells[4]).toBe(String(P.truth[t][s]));
    expect(cells[6]).toMatch(/✗$/);
    await page.close();
  });

  it('copies tests and the command', async () => {
    const { page, complaints } = await visit(shifted, { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.click('#tests summary >> nth=1');
    await page.click('[data-copy=test-numpy]');
    await page.locator('[data-copy=test-numpy]', { hasText: /copied|selected/ }).waitFor();
    const taken: string = await page.evaluate('String(getSelection()) || navigator.clipboard.readText()');
    expect(taken).toContain('import numpy as np');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('prints whole', async () => {
    const { page } = await visit(shifted);
    await page.emulateMedia({ media: 'print' });
    expect(await page.isVisible('[data-copy=replay]')).toBe(false);
    expect(await page.isVisible('#smallest')).toBe(true);
    expect(await page.isVisible('#test-numpy')).toBe(true);
    await page.close();
  });
});
