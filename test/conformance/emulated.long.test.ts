/** No law accuses a correct kernel of low precision: a case of each here; `npm run calibrate` holds bounds against many. */
import { describe, expect, it } from 'vitest';
import { checkLaw, notCovered, seedOf } from '../../properties/check-law.ts';
import { laws } from '../../properties/laws/all.ts';
import { findPrecision, type Precision } from '../../properties/precision.ts';
import { findSystem, type System } from '../../reference/systems/registry.ts';
import { emulated, variants } from '../emulated/implementations.ts';
import type { Variant } from '../emulated/variant.ts';

const RUNS = 1;

/** A tile multiplies the zeros above its diagonal by what stands there: NaN and infinities spread inside of it. */
const NOT_OF_TILES = 'causal-forward-nonfinite';

const kernels = [
  ['float32', 'masked-blocked-fma'],
  ['tf32', 'recurrent-tensor-cores-cut'],
  ['bfloat16', 'chunked-segment-stored'],
  ['float16', 'chunked-prefix-stored'],
].map(([precision, name]) => {
  const variant = variants.find((each) => each.name === name) as Variant;
  return emulated(findPrecision(precision) as Precision, variant);
});

const named = ['softmax', 'log-linear-gla', 'log-linear-gated-deltanet'];

describe.each(kernels.map((kernel) => [kernel.name, kernel] as const))('%s', (_, kernel) => {
  it.each(laws.filter(({ name }) => name !== NOT_OF_TILES).map((law) => [law.name, law] as const))(
    '%s',
    async (name, law) => {
      for (const system of named.map((each) => findSystem(each) as System)) {
        if (notCovered(law, kernel, system) !== null) continue;
        const seed = seedOf(9, name, system.name, kernel.name);
        const { status, worst, reason } = await checkLaw(law, kernel, system, { seed, runs: RUNS, shrink: false });
        expect(status, `${system.name}: ${JSON.stringify(worst?.worst ?? reason)} ${worst?.note ?? ''}`).toBe('passed');
      }
    },
  );
});
