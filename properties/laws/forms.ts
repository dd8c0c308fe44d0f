import type { FormName } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import type { System } from '../../reference/systems/registry.ts';
import { chunkSizes } from '../arbitraries/sizes.ts';
import { verdict } from '../compare.ts';
import { defineAnswer } from '../definition-case.ts';
import type { Law } from '../law.ts';
import { anyRecurrence, anySystem, asFarAsGiven, bothBounds, boundsFor, compareAnswers, PAPER } from './common.ts';
import { law } from './define.ts';

const CITATION: Record<FormName, string> = {
  masked: `${PAPER}: the masked-matrix form`,
  recurrent: `${PAPER}: one state for each level`,
  chunked: `${PAPER}: the chunked form`,
};

const hasForm = (form: FormName) => (system: System) => form === 'masked' || system.recurrence !== null;

const agreesForward = (form: FormName): Law =>
  law({
    name: `forward-equals-${form}`,
    group: 'equivalence',
    statement: `Outputs, final state and position are those of the ${form} form.`,
    citation: CITATION[form],
    prerequisites: [],
    needs: [],
    appliesTo: hasForm(form),
    wish: { state: 'sometimes', packed: 'sometimes', structures: form !== 'chunked' },
    async check(subject, { c }) {
      const actual = await subject.run(c);
      const expected = asFarAsGiven(subject, compute({ ...c, form }));
      return verdict(compareAnswers(actual, expected, ...bothBounds(subject, c)));
    },
  });

const agreesBackward = (form: FormName): Law =>
  law({
    name: `backward-equals-${form}`,
    group: 'gradients',
    statement: `The gradient by every input, through outputs and final state, is that of the ${form} form.`,
    citation: CITATION[form],
    prerequisites: [`forward-equals-${form}`],
    needs: ['gradients'],
    appliesTo: hasForm(form),
    wish: {
      gradients: true,
      state: 'sometimes',
      packed: 'sometimes',
      structures: form !== 'chunked',
      work: 3e5,
    },
    async check(subject, { c }) {
      const expected = asFarAsGiven(subject, compute({ ...c, form }));
      return verdict(compareAnswers(await subject.run(c), expected, ...bothBounds(subject, c)));
    },
  });

const definition = law({
  name: 'forward-equals-definition',
  group: 'equivalence',
  statement:
    'Outputs and final state are the sums of the definition, one vector pushed through the transitions for each source.',
  citation: PAPER,
  prerequisites: [],
  needs: [],
  appliesTo: anySystem,
  wish: { state: 'sometimes', packed: 'sometimes', structures: true, maxT: 33, work: 2e4 },
  async check(subject, { c }) {
    const expected = asFarAsGiven(subject, defineAnswer(c));
    return verdict(compareAnswers(await subject.run(c), expected, ...bothBounds(subject, c)));
  },
});

const chunkSize = law({
  name: 'chunk-size-invariance',
  group: 'equivalence',
  statement: 'The chunk size changes neither answers nor gradients.',
  citation: CITATION.chunked,
  prerequisites: [],
  needs: ['chunkSizes'],
  appliesTo: anyRecurrence,
  wish: { gradients: true, state: 'sometimes', packed: 'sometimes', work: 3e5 },
  extra: { other: chunkSizes },
  async check(subject, { c, other }) {
    const actual = await subject.run(c);
    const rechunked = { ...c, chunkSize: other };
    const expected = await subject.run(rechunked);
    const limits = [c, rechunked].map((each) => boundsFor(subject, each));
    return verdict(compareAnswers(actual, expected, limits[0], limits[1]), `chunk sizes ${c.chunkSize} and ${other}`);
  },
});

export const formsForward: Law[] = [
  agreesForward('masked'),
  agreesForward('recurrent'),
  agreesForward('chunked'),
  definition,
  chunkSize,
];

export const formsBackward: Law[] = [agreesBackward('masked'), agreesBackward('recurrent'), agreesBackward('chunked')];
