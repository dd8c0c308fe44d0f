import type { InputName } from '../../reference/systems/system.ts';

/** One number for each element of an answer, flat and row-major. */
export interface ByElement {
  o: Float64Array;
  /** Empty where the system has none. */
  finalState: Float64Array;
  gradients: Partial<Record<InputName, Float64Array>>;
}

export type OutputName = 'o' | 'finalState' | InputName;

export const byName = (values: ByElement, name: OutputName): Float64Array =>
  name === 'o' || name === 'finalState' ? values[name] : (values.gradients[name] as Float64Array);

export const namesOf = (values: ByElement): OutputName[] => [
  'o',
  'finalState',
  ...(Object.keys(values.gradients) as InputName[]),
];

/** New numbers for every element. */
export function mapElements(
  from: ByElement,
  change: (value: number, name: OutputName, at: number) => number,
): ByElement {
  const gradients: ByElement['gradients'] = {};
  for (const name of Object.keys(from.gradients) as InputName[]) {
    gradients[name] = (from.gradients[name] as Float64Array).map((value, at) => change(value, name, at));
  }
  return {
    o: from.o.map((value, at) => change(value, 'o', at)),
    finalState: from.finalState.map((value, at) => change(value, 'finalState', at)),
    gradients,
  };
}

/** Two numbers for every element made one. Elements that only one of them has are left out. */
export const combine = (a: ByElement, b: ByElement, join: (a: number, b: number) => number): ByElement =>
  mapElements(a, (value, name, at) => join(value, byName(b, name)[at]));
