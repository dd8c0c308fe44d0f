/** Identities of softmax attention. */
import fc from 'fast-check';
import type { System } from '../../reference/systems/registry.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { noise, signed } from '../arbitraries/noise.ts';
import { compare, verdict } from '../compare.ts';
import { mapTensor, withInputs } from '../edit.ts';
import type { Law } from '../law.ts';
import { boundsFor, sum } from './common.ts';
import { law } from './define.ts';

const isSoftmax = ({ recurrence }: System): boolean => recurrence === null;

const weightsSum = law({
  name: 'softmax-weights-sum-to-one',
  group: 'algebra',
  statement: 'Where every value is the same vector, softmax attention returns it.',
  citation: 'Vaswani et al., arXiv 1706.03762',
  prerequisites: [],
  needs: [],
  appliesTo: isSoftmax,
  wish: { packed: 'sometimes' },
  async check(subject, { c }) {
    const v = c.inputs.v as Tensor;
    const constant = withInputs(c, { v: mapTensor(v, (_, [, , h, j]) => h + j + 1) });
    return verdict([
      compare('o', (await subject.run(constant)).o, constant.inputs.v as Tensor, boundsFor(subject, constant).o),
    ]);
  },
});

const shiftedKeys = law({
  name: 'softmax-ignores-a-common-key',
  group: 'algebra',
  statement: 'Adding one vector to every key changes nothing: it shifts all scores of a query alike.',
  citation: 'softmax is invariant under shifts',
  prerequisites: [],
  needs: [],
  appliesTo: isSoftmax,
  wish: { packed: 'sometimes' },
  extra: { seed: fc.nat(1000) },
  async check(subject, { c, seed }) {
    const shift = (index: readonly number[]): number => signed(noise(seed, 'shift', [index[2], index[3]]));
    // keys are rounded where the shift is added: start from keys for which that is exact
    const coarse = mapTensor(c.inputs.k as Tensor, (value) =>
      Math.abs(value) <= 2 ** 12 ? Math.round(value * 128) / 128 : 1,
    );
    const plain = withInputs(c, { k: coarse });
    const shifted = withInputs(c, { k: mapTensor(coarse, (value, index) => value + shift(index)) });
    const limit = sum(boundsFor(subject, plain).o, boundsFor(subject, shifted).o);
    return verdict([compare('o', (await subject.run(shifted)).o, (await subject.run(plain)).o, limit)]);
  },
});

export const softmax: Law[] = [weightsSum, shiftedKeys];
