/** The page of a report: what is in it, and what a reader has of it in a headless Chromium, from a file and without a network. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { htmlOf } from '../../gate/reports/html.ts';
import { type GateReport, reportOf } from '../../gate/run.ts';
import { laws } from '../../properties/laws/all.ts';
import { CHROMIUM, hasChromium, launch, visitFile } from '../visit.ts';
import { about, goodReport, HOSTILE, hostileReport, verdict } from './report-fixture.ts';

const LONG = 60_000;

describe('the text of the page', () => {
  const html = htmlOf(hostileReport());

  it('escapes names and prints, and loads and runs nothing but its own', () => {
    expect(html).not.toContain('<img');
    expect(html).not.toContain('<b>.py');
    expect(html).toContain('&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;');
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).not.toMatch(/(src|href)="(?!#|data:,)/);
    expect(html).toMatch(/Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'sha256-/);
  });

  it('leads with the failure to look at first, which is there once', () => {
    const first = html.indexOf('Look at this first');
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(html.indexOf('id="matrix"'));
    expect(html.slice(first, html.indexOf('id="matrix"'))).toContain('forward-within-its-bound');
    expect(html.match(/id="v2"/g)).toHaveLength(1);
  });

  it('has of each failure statement, citation, worst element, terms, case, command, and what it blocks', () => {
    const text = html.replace(/<[^>]+>/g, '');
    for (const part of [
      'Outputs and final state are within one bound of their exact values',
      'double-double after Dekker 1971',
      'o[0,1,0,0] is NaN, where 0 is wanted',
      'so many &lt;roundings&gt;',
      'T = 129',
      'level 1 of query 2',
      'split = 3',
      'npx lla gate --law forward-within-its-bound',
      'kept/causal-forward.json',
      'issue 17 &amp; more',
      'recommended, and not enforced',
      'does not support views',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).toMatch(/cut: 4096 of 40011 characters/);
  });

  it('says of laws that hold how near they came', () => {
    expect(html).toContain('1 verdict, the nearest at 0.250 of the bound');
    expect(html).toContain('Without any difference: prefix');
  });

  it(
    'is bounded, however many fail and whatever they print',
    () => {
      const many = laws.flatMap(({ name }) =>
        Array.from({ length: 40 }, (_, i) =>
          verdict({
            law: name,
            implementation: `kernel ${i}`,
            status: 'error',
            reason: 'x'.repeat(1e5),
            drawn: ['9'.repeat(1e5)],
          }),
        ),
      );
      const long = htmlOf(reportOf(about, many, 1));
      expect(many.length).toBeGreaterThan(1800);
      expect(long.length).toBeLessThan(8e6);
      expect(long).toMatch(/And \d+ more, which the matrix and the JSON report have/);
    },
    LONG,
  );

  it('has no failures where there are none', () => {
    const good = htmlOf(goodReport());
    expect(good).not.toContain('Look at this first');
    expect(good).toContain('>conforms<');
  });
});

if (!hasChromium) console.warn(`The page of a report is not opened: there is no ${CHROMIUM}.`);

describe.skipIf(!hasChromium)(hasChromium ? 'the page' : `the page (skipped: there is no ${CHROMIUM})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'lla-page-'));
  let browser: Browser;

  beforeAll(async () => {
    browser = await launch();
  }, LONG);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const visit = (report: GateReport, options: BrowserContextOptions = {}, hash = '') =>
    visitFile(browser, join(folder, 'page.html'), htmlOf(report), options, hash);

  const shownFindings = (page: Page): Promise<string[]> =>
    page.locator('details.finding:visible > summary .name').allTextContents();

  it('filters by text and by status', async () => {
    const { page, complaints } = await visit(hostileReport());
    expect(await page.textContent('#shown')).toBe('10 of 10 verdicts');
    expect(await page.isVisible('[data-legend]')).toBe(false);
    await page.fill('#search', 'CAUSAL linear');
    expect(await page.textContent('#shown')).toBe('1 of 10 verdicts');
    expect(await shownFindings(page)).toEqual(['causal-forward']);
    expect(await page.locator('.matrix tbody tr:visible').count()).toBe(1);
    await page.fill('#search', '');
    for (const sign of ['passed', 'failed', 'error', 'blocked', 'not-covered', 'fixed']) {
      await page.uncheck(`.filter input[value=${sign}]`);
    }
    expect(await shownFindings(page)).toEqual(['linear-in-q', 'linear-in-v', 'same-answer-twice']);
    expect(await page.isVisible('#first')).toBe(false);
    expect(await page.isVisible('#not-covered')).toBe(false);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('a sign of the matrix leads to its failure, which opens; what is blocked leads to what blocks it', async () => {
    const { page, complaints } = await visit(hostileReport());
    await page.click('.matrix a[title^="causal-forward"]');
    await page.locator('details.finding[open] #v4').waitFor({ state: 'visible' });
    expect(await page.getAttribute('.matrix a[title^="backward-within-its-bound"]', 'href')).toBe('#v2');
    await page.click('[data-open=no] >> nth=0');
    expect(await page.locator('details.finding[open]').count()).toBe(0);
    await page.click('[data-open=yes] >> nth=0');
    expect(await page.locator('details.finding:not([open])').count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
    const linked = await visit(hostileReport(), {}, '#v6');
    await linked.page.locator('details.finding[open] #v6').waitFor({ state: 'visible' });
    await linked.page.close();
  });

  it('copies the command that replays a failure', async () => {
    const { page, complaints } = await visit(hostileReport(), { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.click('[data-copy=v2-again]');
    await page.locator('[data-copy=v2-again]', { hasText: 'copied' }).waitFor();
    const copied: string = await page.evaluate('navigator.clipboard.readText()');
    expect(copied).toMatch(/^npx lla gate --law forward-within-its-bound .* -- python3 'it'\\''s; rm -rf <b>\.py'$/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it(
    'can be used with the keyboard alone, on a narrow screen, light and dark',
    async () => {
      const { page, complaints } = await visit(hostileReport(), {
        viewport: { width: 360, height: 740 },
        colorScheme: 'dark',
      });
      const background = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
      const dark = await background();
      await page.emulateMedia({ colorScheme: 'light' });
      expect([dark, await background()]).toEqual(['rgb(20, 23, 28)', 'rgb(255, 255, 255)']);
      // nothing is cut off, and nothing but tables moves sideways
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
      const wanted: number = await page.evaluate(
        `[...document.querySelectorAll('a, summary, input, button, [tabindex="0"]')].filter((each) => each.checkVisibility())
        .map((each, i) => { each.dataset.stop = i; return each; }).length`,
      );
      const reached = new Set<string>();
      for (let i = 0; i < wanted + 5; i++) {
        await page.keyboard.press('Tab');
        const at: { stop?: string; outline: string } = await page.evaluate(
          '({ stop: document.activeElement.dataset.stop, outline: getComputedStyle(document.activeElement).outlineStyle })',
        );
        if (at.stop === undefined) continue;
        expect(at.outline, `stop ${at.stop} has a visible focus`).toBe('solid');
        reached.add(at.stop);
      }
      expect(reached.size).toBe(wanted);
      await page.focus('.matrix a[title^="linear-in-q"]');
      await page.keyboard.press('Enter');
      await page.locator('details.finding[open] #v6').waitFor({ state: 'visible' });
      await page.keyboard.press('Enter');
      expect(await page.locator('details.finding[open] #v6').count()).toBe(0);
      expect(complaints).toEqual([]);
      await page.close();
    },
    LONG,
  );

  it('can be read without scripts', async () => {
    const { page } = await visit(hostileReport(), { javaScriptEnabled: false });
    expect(await page.isVisible('.filter')).toBe(false);
    expect(await page.isVisible('[data-legend]')).toBe(true);
    expect(await page.locator('.matrix .sign').count()).toBe(10);
    expect(await page.isVisible('#v2-again')).toBe(true);
    await page.click('details.finding:has(#v4) > summary');
    expect(await page.textContent('#v4')).toContain('crashed');
    await page.close();
  });

  it('runs nothing of what a program is called or prints', async () => {
    const evil = `"><script>alert(1)</script><svg onload=alert(2)>${HOSTILE}`;
    const report = reportOf(
      { ...about, command: [evil] },
      [
        verdict({ implementation: evil, status: 'error', reason: evil, drawn: [evil, evil], note: evil }),
        verdict({ implementation: `${evil} b`, status: 'not-covered', reason: evil }),
        verdict({
          law: evil,
          system: evil,
          implementation: evil,
          worst: { name: evil, index: [], actual: 0, expected: 0, bound: 1, ratio: 0.5 },
        }),
      ],
      1,
    );
    const { page, complaints } = await visit(report);
    await page.fill('#search', 'script');
    expect(await page.locator('svg[onload], main script, img').count()).toBe(0);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('tells signs apart in their shapes and characters, not by colour alone', async () => {
    const { page } = await visit(hostileReport(), { forcedColors: 'active' });
    const signs = await page.locator('.filter .sign').allTextContents();
    expect(new Set(signs).size).toBe(signs.length);
    expect(signs).toHaveLength(9);
    await page.close();
  });
});
