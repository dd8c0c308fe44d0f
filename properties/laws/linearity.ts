/** What the output is linear in, and exactly proportional to. */
import fc from 'fast-check';
import type { Answer, Case } from '../../reference/case.ts';
import type { System } from '../../reference/systems/registry.ts';
import type { InputName } from '../../reference/systems/system.ts';
import type { DenseTensor, Tensor } from '../../reference/tensor.ts';
import { fill, type Wish } from '../arbitraries/cases.ts';
import { ordinary } from '../arbitraries/values.ts';
import { compare, compareExact, verdict } from '../compare.ts';
import { addTensors, mapTensor, scaleTensor, withInputs, zerosLike } from '../edit.ts';
import type { Law } from '../law.ts';
import { type Bounds, underflowOf } from '../tolerance.ts';
import { anyLogLinear, anyRecurrence, anySystem, boundsFor, compareAnswers, sum, times } from './common.ts';
import { law } from './define.ts';

/** o is linear in these inputs together. */
const linearIn = (names: readonly InputName[], appliesTo: (system: System) => boolean, wish: Wish): Law =>
  law({
    name: `linear-in-${names[0]}`,
    group: 'algebra',
    statement: `The output is linear in ${names.join(' and ')}${names.length > 1 ? ' together' : ''}.`,
    citation: 'o = P w with P linear in q and in lambda',
    prerequisites: [],
    needs: [],
    appliesTo,
    wish: { ...wish, work: 3e5 },
    extra: { a: fc.constantFrom(1, 2, -0.5, 3), b: fc.constantFrom(1, -1, 0.25, 0), seed: fc.nat(65535) },
    async check(subject, { c, a, b, seed }) {
      const used = names.filter((name) => c.inputs[name] !== undefined);
      const replace = (change: (value: Tensor, name: InputName) => DenseTensor): Case =>
        withInputs(c, Object.fromEntries(used.map((name) => [name, change(c.inputs[name] as Tensor, name)])));
      const second = (value: Tensor, name: InputName): DenseTensor =>
        mapTensor(fill(seed, `second ${name}`, [...value.shape], ordinary[1]), (entry, index) =>
          // a state keeps its empty levels empty
          name === 'initialState' && value.get(...index) === 0 ? 0 : entry,
        );
      const other = replace(second);
      const mixed = replace((value, name) => addTensors(scaleTensor(value, a), scaleTensor(second(value, name), b)));
      const [x, y, z] = [await subject.run(c), await subject.run(other), await subject.run(mixed)];
      const expected = addTensors(scaleTensor(x.o, a), scaleTensor(y.o, b));
      const parts = sum(times(a, boundsFor(subject, c).o), times(b, boundsFor(subject, other).o));
      // adding the two answers rounds once more, which is below one more bound of the mixture
      return verdict(
        [compare('o', z.o, expected, sum(parts, sum(parts, boundsFor(subject, mixed).o)))],
        `${a} x + ${b} y`,
      );
    },
  });

const linear: Law[] = [
  linearIn(['v', 'initialState'], anySystem, { state: 'sometimes', packed: 'sometimes', structures: true }),
  linearIn(['q'], anyRecurrence, { state: 'sometimes', packed: 'sometimes', structures: true }),
  linearIn(['lambda'], anyLogLinear, { state: 'sometimes', packed: 'sometimes', structures: true }),
];

const superposition = law({
  name: 'linear-in-initial-state',
  group: 'algebra',
  statement: 'Outputs and final state are those of the tokens alone plus those of the initial state alone.',
  citation: 'linear recurrence',
  prerequisites: [],
  needs: ['state'],
  appliesTo: anyRecurrence,
  wish: { state: 'always', packed: 'sometimes', structures: true, work: 3e5 },
  async check(subject, { c }) {
    const state = c.inputs.initialState as Tensor;
    const tokensAlone = withInputs(c, { initialState: zerosLike(state) });
    const stateAlone = withInputs(c, { v: zerosLike(c.inputs.v as Tensor) });
    const [whole, x, y] = [await subject.run(c), await subject.run(tokensAlone), await subject.run(stateAlone)];
    const parts = [tokensAlone, stateAlone, c].map((each) => boundsFor(subject, each));
    const limit = (of: (bounds: Bounds) => Float64Array): Float64Array => parts.map(of).reduce(sum);
    return verdict([
      compare(
        'o',
        whole.o,
        addTensors(x.o, y.o),
        limit(({ o }) => o),
      ),
      compare(
        'finalState',
        whole.finalState as Tensor,
        addTensors(x.finalState as Tensor, y.finalState as Tensor),
        limit(({ finalState }) => finalState),
      ),
    ]);
  },
});

const powerOfTwo = law({
  name: 'power-of-two-scales-bitwise',
  group: 'algebra',
  statement:
    'Multiplying v and the initial state by a power of two multiplies outputs and final state by it, bit by bit.',
  citation: 'multiplication by a power of two is exact',
  prerequisites: [],
  needs: [],
  appliesTo: anySystem,
  wish: { state: 'sometimes', packed: 'sometimes', structures: true, work: 3e5 },
  extra: { exponent: fc.integer({ min: -8, max: 8 }) },
  async check(subject, { c, exponent }) {
    const factor = 2 ** exponent;
    const scaled = withInputs(c, { v: scaleTensor(c.inputs.v as Tensor, factor) });
    if (c.inputs.initialState) scaled.inputs.initialState = scaleTensor(c.inputs.initialState, factor);
    const [x, y] = [await subject.run(c), await subject.run(scaled)];
    const underflow = Math.max(underflowOf(c, subject.precision), underflowOf(scaled, subject.precision));
    const comparisons = [compareExact('o', y.o, scaleTensor(x.o, factor), underflow)];
    if (x.finalState)
      comparisons.push(
        compareExact('finalState', y.finalState as Tensor, scaleTensor(x.finalState, factor), underflow),
      );
    return verdict(comparisons, `times 2^${exponent}`);
  },
});

const scaleFactor = law({
  name: 'scale-multiplies-the-output',
  group: 'algebra',
  statement: 'The output is proportional to scale, and the final state does not depend on it.',
  citation: 'o_t = scale * sum lambda S^T q',
  prerequisites: [],
  needs: [],
  appliesTo: anyRecurrence,
  wish: { state: 'sometimes', packed: 'sometimes', work: 3e5 },
  extra: { scale: fc.constantFrom(1, 0.25, -2, 0.3, 0) },
  async check(subject, { c, scale }) {
    const unit: Case = { ...c, scale: 1 };
    const scaled: Case = { ...c, scale };
    const [x, y] = [await subject.run(unit), await subject.run(scaled)];
    const expected: Answer = { ...x, o: scaleTensor(x.o, scale) };
    const bounds = boundsFor(subject, unit);
    bounds.o = sum(boundsFor(subject, scaled).o, times(scale, bounds.o));
    return verdict(compareAnswers(y, expected, bounds), `scale ${scale}`);
  },
});

export const linearity: Law[] = [...linear, superposition, powerOfTwo, scaleFactor];
