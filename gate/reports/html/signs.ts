/** The signs of verdicts: a character in a shape, and what they are called. */
import type { Finding, Sign } from '../findings.ts';
import { type Markup, markup } from '../markup.ts';

export const SIGNS: Record<Sign, { character: string; called: string; many: string }> = {
  passed: { character: '✓', called: 'holds', many: 'hold' },
  failed: { character: '✗', called: 'broken', many: 'broken' },
  error: { character: '!', called: 'error', many: 'errors' },
  blocked: { character: '–', called: 'blocked by a broken prerequisite', many: 'blocked' },
  fixed: { character: 'P', called: 'passes, though expected to fail', many: 'pass, though expected to fail' },
  expected: { character: 'E', called: 'fails as expected', many: 'fail as expected' },
  flaky: { character: 'F', called: 'known to be flaky', many: 'flaky' },
  recommended: { character: 'R', called: 'breaks a recommended law', many: 'break a recommended law' },
  'not-covered': { character: '·', called: 'not covered', many: 'not covered' },
};

export const ALL_SIGNS = Object.keys(SIGNS) as Sign[];

/** Beside words that say the same. */
export const signOf = (sign: Sign): Markup =>
  markup`<span class="sign ${sign}" aria-hidden="true">${SIGNS[sign].character}</span>`;

/** Where the part of the page about a verdict is; null where there is none. */
export function anchorOf({ sign, at }: Finding): string | null {
  if (sign === 'passed') return null;
  return `v${at}`;
}
