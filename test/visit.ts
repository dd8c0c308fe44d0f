/** A page opened from a file in Debian's Chromium, with everything that it says or asks for. */
import { existsSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

export const CHROMIUM = '/usr/bin/chromium';
export const hasChromium = existsSync(CHROMIUM);

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-background-networking'] });

/** The page of that text, and all that its console, its errors, its dialogs and its requests say. */
export async function visitFile(
  browser: Browser,
  file: string,
  text: string,
  options: BrowserContextOptions = {},
  hash = '',
): Promise<{ page: Page; complaints: string[] }> {
  writeFileSync(file, text);
  const page = await browser.newPage(options);
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => complaints.push(`dialog: ${dialog.message()}`));
  page.on('request', (request) => {
    if (!/^(data|file):/.test(request.url())) complaints.push(request.url());
  });
  await page.goto(pathToFileURL(file).href + hash);
  return { page, complaints };
}
