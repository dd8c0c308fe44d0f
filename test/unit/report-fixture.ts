/** Reports for tests of their formats: every outcome, and names that would break whatever does not escape them. */
import type { GateVerdict } from '../../gate/judge.ts';
import { type GateReport, reportOf } from '../../gate/run.ts';

export const HOSTILE = `<img src=x onerror=alert(1)>&"'\u0007\u001b[31m]]>`;

export const verdict = (fields: Partial<GateVerdict>): GateVerdict => ({
  law: 'prefix',
  system: 'linear',
  implementation: HOSTILE,
  status: 'passed',
  level: 'required',
  dtype: 'float32',
  cases: 3,
  worst: null,
  seed: -5,
  ...fields,
});

const worst = (ratio: number, more: object = {}): GateVerdict['worst'] => ({
  name: 'o',
  index: [0, 1, 0, 0],
  actual: ratio,
  expected: 0,
  bound: 1,
  ratio,
  ...more,
});

const chosenBy = { options: '--dtype float32', command: ['python3', "it's; rm -rf <b>.py"] };

/** A verdict of each outcome, on one implementation. */
export const everyOutcome = (): GateVerdict[] => [
  verdict({ law: 'forward-equals-masked', worst: worst(0.25) }),
  verdict({ law: 'prefix', worst: worst(0) }),
  verdict({
    law: 'forward-within-its-bound',
    status: 'failed',
    worst: worst(7, { actual: Number.NaN, ratio: Number.POSITIVE_INFINITY }),
    path: '3:0:1',
    note: 'level 1 of query 2',
    from: 'T = 129',
    terms: { precision: 'float32', largest: [{ cause: 'sums', value: 0.5, because: 'so many <roundings>' }] },
    drawn: [`{"case":"${'1,'.repeat(20_000)}"}`, 'split = 3'],
    chosenBy,
  }),
  verdict({
    law: 'backward-within-its-bound',
    status: 'blocked',
    cases: 0,
    reason: 'forward-within-its-bound does not hold',
  }),
  verdict({
    law: 'causal-forward',
    status: 'error',
    failure: 'crashed',
    reason: `ProgramFailure: crashed: it ended with exit code 1\n  it printed:\n    ::error::boo ${HOSTILE}`,
    kept: 'kept/causal-forward.json',
    chosenBy,
  }),
  verdict({ law: 'views-equal-copies', status: 'not-covered', cases: 0, reason: `${HOSTILE} does not support views` }),
  verdict({
    law: 'linear-in-q',
    status: 'failed',
    worst: worst(2),
    expected: { kind: 'failure', reason: 'issue 17 & more' },
  }),
  verdict({ law: 'linear-in-v', status: 'failed', worst: worst(2), expected: { kind: 'flaky', reason: 'atomics' } }),
  verdict({ law: 'same-answer-twice', status: 'failed', level: 'recommended', worst: worst(2, { bound: 0 }) }),
  verdict({ law: 'head-permutation', expected: { kind: 'failure', reason: 'was fixed' } }),
];

export const about = { seed: 1, runs: 3, enforceRecommended: false };

export const hostileReport = (): GateReport => reportOf({ ...about, command: chosenBy.command }, everyOutcome(), 1.5);

/** What nobody has to look at. */
export const goodReport = (): GateReport =>
  reportOf(
    about,
    [
      verdict({ implementation: 'masked', worst: worst(0.25) }),
      verdict({ implementation: 'chunked', worst: worst(0.5) }),
    ],
    1,
  );
