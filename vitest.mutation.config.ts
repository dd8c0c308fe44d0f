import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files of reference/ that every answer goes through. */
const forms =
  /reference\/(systems\/|arithmetic|chunk|definition|head|levels|masked|matrix-tape|operator|panel|recurrent|softmax|tape|transitions)/;

/** The files of laws: a mutant in one of them meets the laws of that file alone. */
const LAWS = [
  'equivalence',
  'gradients',
  'state',
  'linearity',
  'collapses',
  'mask',
  'softmax',
  'causality',
  'robustness',
];

/** Files of reference/ that only the laws go through in every way; of the chunked form the exact cases ask most already. */
const through = (file: string): string => {
  const less = ['equivalence', 'gradients', 'state'].includes(file) ? '' : 'chunk|';
  return `reference/(?!${less}case-json|decoder|dense|double|errors|matrix-tape|panel|parametrizations|shapes|tensor)`;
};

/**
 * The tests that a mutant has to pass, in the order in which they run, and the files whose mutants meet them: so that one mutant
 * takes about a second. None of the command line or of worker threads, and of the laws a few cases each.
 */
const TESTS: readonly (readonly [test: string, mutated: RegExp])[] = [
  ['unit/dense', /reference\/dense/],
  ['unit/levels', /reference\/levels/],
  ['unit/transitions', /reference\/(transitions|systems\/)/],
  ['unit/norms', /reference\/(transitions|arithmetic)/],
  ['unit/tensor', /reference\/tensor/],
  ['unit/decay', /reference\/decay/],
  ['unit/arithmetic', /reference\/arithmetic/],
  ['unit/tape', /reference\/tape/],
  ['unit/double-double-ends', /reference\/double-double/],
  ['unit/double-double', /reference\/(arithmetic|double-double\.|tape)/],
  ['unit/double-double-matrix', /reference\/double-double-matrix/],
  ['unit/matrix-tape', /reference\/matrix-tape/],
  ['unit/softmax', /reference\/softmax\./],
  ['unit/empty-levels', forms],
  ['unit/examples', forms],
  ['unit/messages-compute', /reference\/(shapes|tensor|errors|systems\/)/],
  ['unit/messages-decoder', /reference\/decoder/],
  ['unit/messages-json', /reference\/(case-json|tensor)/],
  ['unit/messages-parametrizations', /reference\/parametrizations\//],
  ['unit/decoder', /reference\/(decoder|recurrent|operator|shapes)/],
  ['unit/parametrizations', /reference\/parametrizations\//],
  ['unit/case-json', /reference\/(case-json|tensor|errors)/],
  ['unit/shapes', /reference\/(chunked|shapes|tensor|errors|operator|softmax|systems\/)/],
  ['unit/truth', /(reference\/(double-double-matrix|matrix-tape|panel)|properties\/(truth|definition-case))\./],
  [
    'unit/exact',
    /reference\/(systems\/|arithmetic|chunk|definition|masked|operator|recurrent|softmax|tape|transitions)/,
  ],
  ['unit/exact-long', /reference\/(chunk|masked|recurrent)/],
  ['unit/compare', /properties\/(compare|laws\/certified)\./],
  ['unit/roundings', /properties\/(errors\/(by-element|costs|measure|model|roundings)|tolerance)\./],
  ['unit/error-layout', /properties\/errors\/(layout|slips)\./],
  ['unit/delta-chunk', /properties\/errors\/delta-chunk\./],
  ['unit/delta-errors', /properties\/errors\/delta\./],
  ['unit/delta-invariance', /properties\/errors\/(delta|delta-case)\./],
  ['unit/delta-case', /properties\/errors\/delta-case\./],
  ['unit/softmax-errors', /properties\/errors\/softmax\./],
  ['unit/surrogate', /properties\/errors\/(by-element|surrogate)\./],
  ['unit/likely', /properties\/likely\./],
  ['unit/bounds', /properties\/(errors\/(model|costs|surrogate|roundings|delta-case)|likely|tolerance)\./],
  ['unit/finite-differences', /properties\/finite-differences\./],
  ['unit/precision', /properties\/precision\./],
  ['unit/two-step-delta', /properties\/(errors\/(model|surrogate)|likely)\./],
  ['unit/tolerance', /properties\/(errors\/|precision|tolerance|likely)/],
  ['unit/edit', /properties\/edit/],
  ['unit/check-law', /properties\/(check-law|implementations)/],
  ['unit/styles', /properties\/arbitraries\/(noise|values)/],
  ['unit/cases', /properties\/arbitraries\/(cases|sizes)/],
  ['unit/causality', /properties\/laws\/causality/],
  ['unit/laws', /properties\/laws\//],
  ['unit/laws-common', /properties\/laws\/common/],
  ['unit/laws-ask', /properties\/laws\//],
  ['unit/laws-see', /properties\/(laws\/(?!causality)|definition-case)/],
  ['mutation/controls', /properties\/laws/],
  ...LAWS.map((file): [string, RegExp] => [
    `mutation/${file}`,
    new RegExp(
      `properties/(laws/(${file}|all|algebra|certified|common|define|forms)|definition-case)|${through(file)}`,
    ),
  ]),
];

const rankOf = ({ moduleId }: TestSpecification): number =>
  TESTS.findIndex(([test]) => moduleId.includes(`/test/${test}.`));

class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // the mutated file; all of them for the first run, or none, where nothing is mutated
    const related = this.ctx.config.related ?? [];
    const meets = (file: TestSpecification): boolean =>
      related.length === 0 || related.some((mutated) => TESTS[rankOf(file)][1].test(mutated));
    return files.filter(meets).sort((a, b) => rankOf(a) - rankOf(b));
  }
}

export default defineConfig({
  test: {
    include: TESTS.map(([test]) => `test/${test}{,.test,.long.test}.ts`),
    setupFiles: ['test/mutation/setup.ts'],
    runner: 'test/mutation/runner.ts',
    sequence: { sequencer: InOrder },
    isolate: false,
  },
});
