/** Whether an implementation takes a case, by what it says that it can do. */
import type { Case } from '../reference/case.ts';
import type { InputName } from '../reference/systems/system.ts';
import { type Tensor, toDense } from '../reference/tensor.ts';
import { sizesOf } from './edit.ts';
import type { Abilities, SizeLimit } from './law.ts';

const some = (value: Tensor | undefined, holds: (entry: number) => boolean): boolean =>
  value !== undefined && toDense(value).some(holds);

/** Why an implementation with these abilities is not asked for this case; null where it is. */
export function outsideOf(abilities: Abilities, c: Case): string | null {
  const sizes = sizesOf(c);
  if (!abilities.systems.includes(c.system)) return `no ${c.system}`;
  if (c.cotangents && !abilities.gradients) return 'no gradients';
  const hasState =
    c.inputs.initialState !== undefined || c.cotangents?.finalState !== undefined || c.position?.some((p) => p > 0);
  if (hasState && !abilities.state) return 'no states';
  if (c.cuSeqlens && !abilities.packed) return 'no packed sequences';
  if (sizes.G < sizes.H && !abilities.groups) return 'no groups';
  const { kind, base = 2 } = { base: 2, ...(c.structure ?? { kind: 'weak' }) };
  if ((kind !== 'weak' || base !== 2) && !abilities.structures) return 'no other structures';
  return outsideSizes(abilities, sizes) ?? outsideValues(abilities, c);
}

function outsideValues({ resets, growth, strongBeta }: Abilities, { inputs }: Case): string | null {
  const { g, beta } = inputs;
  let why: string | null = null;
  if (!strongBeta && some(beta, (entry) => entry > 1)) why = 'no beta above 1';
  if (!growth && some(g, (entry) => entry > 0)) why = 'no positive log decays';
  if (!resets && some(g, (entry) => entry === Number.NEGATIVE_INFINITY)) why = 'no resets';
  if (why === null) return null;
  // laws of causality poison inputs and look at what must not change: no value of such a case is one that a kernel has to take
  const isPoisoned = (Object.entries(inputs) as [InputName, Tensor][]).some(([name, value]) =>
    some(value, (entry) => !Number.isFinite(entry) && !(name === 'g' && entry === Number.NEGATIVE_INFINITY)),
  );
  return isPoisoned ? null : why;
}

function outsideSizes({ limits = {} }: Abilities, sizes: ReturnType<typeof sizesOf>): string | null {
  for (const [letter, limit] of Object.entries(limits) as [keyof typeof sizes, SizeLimit][]) {
    const size = sizes[letter];
    const { min = letter === 'T' ? 0 : 1, max = Infinity, multipleOf = 1, powerOfTwo = false } = limit;
    const isPower = Number.isInteger(Math.log2(size));
    if (size < min || size > max || size % multipleOf !== 0 || (powerOfTwo && !isPower))
      return `no ${letter} = ${size}`;
  }
  return null;
}
