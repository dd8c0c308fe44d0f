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
import { failureOn } from '../../debug/minimise/still-wrong.ts';
import { debugHtml } from '../../debug/report/html.ts';
import { debugJson } from '../../debug/report/json.ts';
import type { DebugReport } from '../../debug/report/report.ts';
import { debugReportSchema } from '../../debug/report/schema.ts';
import { barsOf, pairRatio, squareOf } from '../../debug/report/shades.ts';
import { debugText } from '../../debug/report/text.ts';
import { parseCase } from '../../reference/case-json.ts';
import { compute } from '../../reference/operator.ts';
import { CHROMIUM, hasChromium, launch, visitFile } from '../visit.ts';
import { makeCase, mutantNamed, type Wanted } from './failing.ts';

const LONG = 60_000;
const plain = pc.createColors(false);
const HOSTILE = '<img src=x onerror=alert(1)>&"\'*/ """ \u001b[31m';

async function reportOn(subject: NonNullable<Subject>, system: string, wanted: Wanted, live = true) {
  const failure = await failureOn(subject, makeCase(system, wanted));
  const found = await findOut({
    subject: live ? subject : null,
    failure,
    probes: true,
    diagnoses: true,
    answer: null,
    minimises: true,
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
    expect(html.includes('elements by how far off they are')).toBe(true);
    expect(html.includes('wrong elements of those that a level has a part in')).toBe(true);
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
