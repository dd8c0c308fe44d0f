/** Reports for machines: JUnit XML, annotations, the summary of a job, the badge. */
import { SaxesParser } from 'saxes';
import { describe, expect, it } from 'vitest';
import { annotationsOf, fenced } from '../../gate/reports/annotations.ts';
import { badgeOf } from '../../gate/reports/badge.ts';
import { cut, failuresFirst, findingsOf } from '../../gate/reports/findings.ts';
import { junitOf } from '../../gate/reports/junit.ts';
import { markdownOf } from '../../gate/reports/markdown.ts';
import { escaped, markup } from '../../gate/reports/markup.ts';
import { reportOf } from '../../gate/run.ts';
import { about, everyOutcome, goodReport, HOSTILE, hostileReport, verdict } from './report-fixture.ts';

interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

/** Read by a parser that takes well-formed XML alone. */
function parseXml(text: string): Element {
  const parser = new SaxesParser();
  const top: Element = { name: '', attributes: {}, children: [], text: '' };
  const stack = [top];
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const element: Element = { name, attributes: attributes as Record<string, string>, children: [], text: '' };
    stack[stack.length - 1].children.push(element);
    stack.push(element);
  });
  parser.on('text', (piece) => {
    stack[stack.length - 1].text += piece;
  });
  parser.on('closetag', () => {
    stack.pop();
  });
  parser.write(text).close();
  return top.children[0];
}

describe('markup', () => {
  it('escapes what is put into it, in text and in attributes, and leaves markup as it is', () => {
    const inner = markup`<b>${'<'}</b>`;
    expect(markup`<a title="${'x"\n<'}">${[inner, null, '&', 3]}</a>`.markup).toBe(
      '<a title="x&quot;&#10;&lt;"><b>&lt;</b>&amp;3</a>',
    );
  });

  it('drops colours, and what XML cannot have', () => {
    expect(escaped('\u001b[31mred\u001b[0m \0\ud800 \u{1F600}')).toBe('red \uFFFD\uFFFD \u{1F600}');
  });
});

describe('JUnit XML', () => {
  const text = junitOf(hostileReport());
  const root = parseXml(text);
  const [suite] = root.children;
  const cases = suite.children.filter(({ name }) => name === 'testcase');
  const resultOf = (law: string): Element | undefined =>
    cases.find(({ attributes }) => attributes.name === law)?.children[0];

  it('is read by a strict parser, and counts what is in it', () => {
    expect(root.name).toBe('testsuites');
    expect(root.attributes).toMatchObject({ tests: '10', failures: '2', errors: '1', skipped: '5', time: '1.500' });
    expect(suite.attributes).toMatchObject({ tests: '10', failures: '2', errors: '1', skipped: '5' });
    expect(suite.attributes.name).toBe(`<img src=x onerror=alert(1)>&"'\uFFFD]]> (float32)`);
    expect(cases).toHaveLength(10);
    const counted = (name: string): number => cases.filter(({ children }) => children[0]?.name === name).length;
    expect([counted('failure'), counted('error'), counted('skipped')]).toEqual([2, 1, 5]);
  });

  it('a test case is a law, its class the system', () => {
    expect(cases[0].attributes).toEqual({ name: 'forward-equals-masked', classname: 'linear' });
    expect(cases[0].children).toEqual([]);
  });

  it.each([
    ['backward-within-its-bound', 'blocked: forward-within-its-bound does not hold'],
    ['views-equal-copies', /^not covered: .* does not support views$/],
    ['linear-in-q', /^expected failure: issue 17 & more \(o\[0,1,0,0\] is 2/],
    ['linear-in-v', /^known to be flaky: atomics/],
    ['same-answer-twice', /^recommended, and not enforced/],
  ])('%s is skipped, with the reason', (law, reason) => {
    expect(resultOf(law)?.name).toBe('skipped');
    expect(resultOf(law)?.attributes.message).toMatch(reason);
  });

  it('failures and errors have a message of a line, and all about them, in bounds', () => {
    const failure = resultOf('forward-within-its-bound');
    expect(failure).toMatchObject({ name: 'failure', attributes: { type: 'forward-within-its-bound' } });
    expect(failure?.attributes.message).toBe('o[0,1,0,0] is NaN, where 0 is wanted, Infinity times the bound');
    expect(failure?.text).toContain('so many <roundings>');
    expect(failure?.text).toContain("'it'\\''s; rm -rf <b>.py'");
    expect(failure?.text).toMatch(/cut: 16384 of 40011 characters/);
    const error = resultOf('causal-forward');
    expect(error).toMatchObject({ name: 'error', attributes: { type: 'crashed' } });
    expect(error?.attributes.message).toMatch(
      /^the counterexample kept in kept\/causal-forward.json: ProgramFailure: crashed/,
    );
    expect(resultOf('head-permutation')).toMatchObject({ name: 'failure', attributes: { type: 'fixed' } });
  });

  it('recommended failures that are enforced are failures', () => {
    const report = reportOf({ ...about, enforceRecommended: true }, everyOutcome(), 1);
    expect(parseXml(junitOf(report)).attributes).toMatchObject({ failures: '3', skipped: '4' });
  });

  it('with several implementations no two test cases share class and name: GitLab would drop one', () => {
    const suites = parseXml(junitOf(goodReport())).children;
    expect(suites.map(({ attributes }) => attributes.name)).toEqual(['masked (float32)', 'chunked (float32)']);
    const classes = suites.map(({ children }) => children[1].attributes.classname);
    expect(classes).toEqual(['masked.linear', 'chunked.linear']);
  });
});

describe('annotations', () => {
  const lines = annotationsOf(hostileReport()).trimEnd().split('\n');

  it('name the failures to look at first, and none that is blocked, known or recommended', () => {
    expect(lines.map((line) => /title=([\w-]+)/.exec(line)?.[1])).toEqual([
      'forward-within-its-bound',
      'causal-forward',
      'head-permutation',
    ]);
    expect(lines[0]).toMatch(/^::error title=forward-within-its-bound · linear · [^:,]*::o\[0,1,0,0\] is NaN/);
    expect(lines[0]).toContain('%0A1 law not judged because of it%0Anpx lla gate --law forward-within-its-bound');
  });

  it('escape what would end or begin a command', () => {
    const report = reportOf(
      about,
      [verdict({ status: 'error', implementation: 'a:b,c%\n::x', reason: 'r%\r\n::error::' })],
      1,
    );
    expect(annotationsOf(report)).toMatch(
      /^::error title=prefix · linear · a%3Ab%2Cc%25%0A%3A%3Ax::r%25%0D%0Anpx lla [^\n]*\n$/,
    );
  });

  it('are ten at most, with the count of the rest', () => {
    const many = Array.from({ length: 23 }, (_, i) => verdict({ status: 'failed', implementation: `kernel ${i}` }));
    const all = annotationsOf(reportOf(about, many, 1))
      .trimEnd()
      .split('\n');
    expect(all.filter((line) => line.startsWith('::error '))).toHaveLength(10);
    expect(all[10]).toMatch(/^::notice title=lla gate::13 failures more/);
    expect(all).toHaveLength(11);
  });

  it('say nothing of a run that conforms, and something of one that judged nothing', () => {
    expect(annotationsOf(goodReport())).toBe('');
    expect(annotationsOf(reportOf(about, [], 1))).toBe(
      '::error title=lla gate::nothing was judged, so nothing was shown\n',
    );
  });

  it('no command is looked for in the rest of the text', () => {
    expect(fenced('::error::boo', 'T')).toBe('::stop-commands::T\n::error::boo\n::T::\n');
  });
});

describe('the summary of a job', () => {
  const text = markdownOf(hostileReport());

  it('leads with what came of it, the counts, and the failure to look at first', () => {
    expect(text).toMatch(/^### ❌ does not conform\n/);
    expect(text).toContain(' | 2 | 1 | 1 | 1 | 1 | 2 | 1 | 1 |');
    expect(text.indexOf('Look at this first')).toBeLessThan(text.indexOf('**forward-within-its-bound**'));
    expect(text).toContain('<summary>2 other failures</summary>');
    expect(markdownOf(goodReport())).toMatch(/^### ✅ conforms\n/);
  });

  it('reads no HTML and no Markdown out of names', () => {
    expect(text.replace(/^(`+)sh\n[\s\S]*?\n\1$/gm, '')).not.toContain('<img');
    expect(text).toContain('&#60;img src=x onerror=alert(1)&#62;&#38;&#34;&#39;');
    const report = reportOf(about, [verdict({ status: 'failed', implementation: '`[a](b)` | **x**' })], 1);
    expect(markdownOf(report)).toContain('&#96;&#91;a&#93;(b)&#96; &#124; &#42;&#42;x&#42;&#42;');
  });

  it('a command with backticks stays in its block', () => {
    const chosenBy = { options: '--dtype float32', command: ['run', '```\n# out'] };
    const report = reportOf(about, [verdict({ status: 'failed', chosenBy })], 1);
    expect(markdownOf(report)).toMatch(/\n````sh\n[\s\S]*\n````\n/);
  });

  it('is bounded', () => {
    const many = Array.from({ length: 900 }, (_, i) =>
      verdict({ status: 'error', reason: 'x'.repeat(9000), implementation: `kernel ${i}` }),
    );
    const long = markdownOf(reportOf(about, many, 1));
    expect(long.length).toBeLessThan(200_000);
    expect(long).toContain('and 880 more');
  });
});

describe('the badge', () => {
  it.each([
    ['conforms', goodReport(), { message: 'conforms · 2 laws', color: 'brightgreen' }],
    ['fails', hostileReport(), { message: '4 of 9 fail', color: 'red', isError: true }],
    ['judged nothing', reportOf(about, [], 1), { message: 'nothing judged', color: 'lightgrey', isError: true }],
    [
      'has known failures',
      reportOf(
        about,
        [verdict({}), verdict({ law: 'linear-in-q', status: 'failed', expected: { kind: 'failure', reason: '' } })],
        1,
      ),
      { message: 'conforms · 1 law, 1 known to fail', color: 'yellowgreen' },
    ],
    [
      'has an expected failure that passes',
      reportOf(about, [verdict({ expected: { kind: 'failure', reason: '' } })], 1),
      { message: '1 expected failure of 1 passed', color: 'orange', isError: true },
    ],
    [
      'is a part',
      { ...goodReport(), shard: { index: 1, of: 2 } },
      { message: 'part 1 of 2: conforms · 2 laws', color: 'brightgreen' },
    ],
  ])('of a run that %s', (_, report, badge) => {
    expect(badgeOf(report)).toEqual({ schemaVersion: 1, label: 'log-linear attention', ...badge });
  });
});

it('what others depend on is looked at first, simple systems first, what passes unexpectedly last', () => {
  const of = (law: string, system: string): ReturnType<typeof verdict> => verdict({ law, system, status: 'failed' });
  const list = [
    verdict({ law: 'forward-within-its-bound', expected: { kind: 'failure', reason: '' } }),
    of('causal-backward', 'linear'),
    of('causal-forward', 'log-linear-gla'),
    of('causal-forward', 'gla'),
  ];
  const order = failuresFirst(findingsOf(reportOf(about, list, 1))).map(({ at }) => at);
  expect(order).toEqual([3, 2, 1, 0]);
});

it('text is cut with a note, and in no character', () => {
  expect(cut('short', 5)).toBe('short');
  expect(cut('ab\u{1F600}', 3)).toBe('ab… (cut: 2 of 4 characters)');
  expect(HOSTILE.length).toBeGreaterThan(20);
});
