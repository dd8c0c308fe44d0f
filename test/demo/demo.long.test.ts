/** The page as a visitor has it: built, served as files, in a headless Chromium. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const CHROMIUM = '/usr/bin/chromium';
const isThere = existsSync(CHROMIUM);
const ARGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // WebGPU and WebGL2 without a graphics card
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
];
const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };
const NAMES: Record<string, string> = { webgpu: 'WebGPU', webgl2: 'WebGL2', webasm: 'WebAssembly' };
const LONG = 60_000;

if (!isThere) console.warn(`The page is not tested: there is no ${CHROMIUM}.`);

describe.skipIf(!isThere)(isThere ? 'the page' : `the page (skipped: there is no ${CHROMIUM})`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'demo-'));
  let server: Server;
  let browser: Browser;
  let address: string;

  beforeAll(async () => {
    const root = fileURLToPath(new URL('../../demo', import.meta.url));
    const built = build({ root, logLevel: 'error', build: { outDir: folder, emptyOutDir: true } });
    // any file server will do: this one is all that the page gets
    server = createServer((request, response) => {
      const path = normalize(new URL(request.url ?? '/', 'http://localhost').pathname).replace(/\/$/, '/index.html');
      const file = join(folder, path);
      if (!existsSync(file)) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'text/plain' }).end(readFileSync(file));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    [browser] = await Promise.all([chromium.launch({ executablePath: CHROMIUM, args: ARGS }), built]);
  }, LONG);

  afterAll(async () => {
    await browser?.close();
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A page whose console, errors and requests are kept. */
  async function visit(query: string, options: Parameters<Browser['newPage']>[0] = {}) {
    const page = await browser.newPage(options);
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (!/^(data:|blob:)/.test(request.url()) && !request.url().startsWith(address)) complaints.push(request.url());
    });
    await page.goto(address + query);
    await page.locator('body[data-backend]').waitFor({ timeout: LONG });
    return { page, complaints };
  }

  async function judge(page: Page, runs: number): Promise<void> {
    await page.fill('#laws-runs', String(runs));
    await page.fill('#laws-seed', '7');
    await page.click('#laws-run');
  }

  it.each([
    ['webgpu', 'forward-equals-masked,causal-forward,backward-equals-masked'],
    ['webgl2', 'forward-equals-masked'],
    ['webasm', 'forward-equals-masked'],
  ])(
    'runs laws on %s, and says so',
    async (backend, laws) => {
      const { page, complaints } = await visit(`?backend=${backend}&laws=${laws}`);
      const status = await page.textContent('#status');
      expect(status).toMatch(new RegExp(`^Runs on ${NAMES[backend]}`));
      expect(await page.getAttribute('body', 'data-backend')).toBe(backend);
      await judge(page, 1);
      await page.locator('#laws-summary:not(:empty)').waitFor({ timeout: LONG });
      expect(await page.textContent('#laws-summary')).toMatch(/^(\d+) laws hold on \1 cases\.$/);
      expect(await page.locator('#laws-table tr').count()).toBe(laws.split(',').length);
      const verdicts = await page.locator('#laws-table .verdict').allTextContents();
      expect(new Set(verdicts)).toEqual(new Set(['✓ holds']));
      expect(await page.textContent('#laws-outputs')).toMatch(/masked form: o \d/);
      expect(await page.textContent('#mask-check')).toMatch(/^✓ 32 × 32 entries/);
      expect(complaints).toEqual([]);
      await page.close();
    },
    LONG,
  );

  it(
    'shows a wrong kernel as wrong',
    async () => {
      const { page, complaints } = await visit(
        '?backend=webasm&kernels=level-by-distance&laws=forward-equals-masked,one-hot-values-read-the-mask',
      );
      expect(await page.textContent('#status')).toContain('A kernel is wrong on purpose');
      await judge(page, 8);
      const row = page.locator('#laws-table tr[data-law=one-hot-values-read-the-mask] .verdict.broken');
      await row.waitFor({ timeout: LONG });
      expect(await row.textContent()).toMatch(/^✗ broken/);
      expect(await page.textContent('#mask-check')).toMatch(/^✗/);
      await page.locator('#laws-summary.broken').waitFor({ timeout: LONG });
      expect(await page.textContent('#laws-summary')).toMatch(/^✗ broken: .*forward-equals-masked/);
      expect(complaints).toEqual([]);
      await page.close();
    },
    LONG,
  );

  it(
    'can be used with the keyboard alone, on a narrow screen, light and dark',
    async () => {
      const { page, complaints } = await visit('?backend=webasm', {
        viewport: { width: 360, height: 740 },
        colorScheme: 'dark',
      });
      await page.locator('#mask-check:not(:empty)').waitFor({ timeout: LONG });
      const background = (): Promise<string> => page.evaluate('getComputedStyle(document.body).backgroundColor');
      const dark = await background();
      await page.emulateMedia({ colorScheme: 'light' });
      expect([dark, await background()]).toEqual(['rgb(20, 23, 28)', 'rgb(255, 255, 255)']);
      // nothing is cut off, and nothing but tables moves sideways
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);

      const wanted: string[] = await page.evaluate(
        `[...document.querySelectorAll('select, input, button, [tabindex="0"]')].map(({ id }) => id)`,
      );
      const reached = new Set<string>();
      for (let i = 0; i < wanted.length + 8; i++) {
        await page.keyboard.press('Tab');
        const at: { id: string; outline: string } = await page.evaluate(
          '({ id: document.activeElement.id, outline: getComputedStyle(document.activeElement).outlineStyle })',
        );
        if (at.id) expect(at.outline, `${at.id} has a visible focus`).toBe('solid');
        reached.add(at.id);
      }
      expect(wanted.filter((id) => !reached.has(id))).toEqual([]);

      await page.focus('#mask-levels');
      await page.keyboard.press('End');
      await page.keyboard.press('ArrowLeft');
      expect(await page.textContent('#mask-entry')).toMatch(/^t = 31, s = 30: level 1, λ = 0\.\d+, P = 0\.\d+/);
      expect(complaints).toEqual([]);
      await page.close();
    },
    LONG,
  );

  it(
    'measures times, and stops when it is asked to',
    async () => {
      const { page, complaints } = await visit('?backend=webasm');
      await page.click('#times-run');
      await page.locator('#times-table tr:nth-child(2) td').first().waitFor({ timeout: LONG });
      await page.click('#times-run');
      await page.locator('#times-run', { hasText: 'Measure' }).waitFor({ timeout: LONG });
      expect(await page.locator('#times-table td.holds').count()).toBeGreaterThanOrEqual(2);
      expect(await page.locator('#times-plot canvas').count()).toBe(1);
      expect(complaints).toEqual([]);
      await page.close();
    },
    LONG,
  );
});
