/** Two bugs at once, of different kinds, drawn from the dictionary of a system. */
import { decay } from '../../debug/dictionary/decay.ts';
import { delta } from '../../debug/dictionary/delta.ts';
import { dictionaryFor, type Entry, pairOf } from '../../debug/dictionary/entries.ts';
import { gradients } from '../../debug/dictionary/gradients.ts';
import { layout } from '../../debug/dictionary/layout.ts';
import { levels } from '../../debug/dictionary/levels.ts';
import type { Mutant } from '../../debug/dictionary/mutant.ts';
import { state } from '../../debug/dictionary/state.ts';
import { noise } from '../../properties/arbitraries/noise.ts';
import { builtIn } from '../../properties/implementations.ts';
import type { Implementation } from '../../properties/law.ts';

const kinds: Record<string, readonly Mutant[]> = { levels, decay, delta, state, layout, gradients };
const kindOf = (name: string): string =>
  Object.keys(kinds).find((kind) => kinds[kind].some((mutant) => mutant.name === name)) ?? '';

export interface RandomPair {
  system: string;
  names: [string, string];
  subject: Implementation;
}

/** Pairs that follow from a seed. */
export function randomPairs(seed: number, count: number, systems: readonly string[]): RandomPair[] {
  const pairs: RandomPair[] = [];
  for (let at = 0; pairs.length < count; at++) {
    const system = systems[at % systems.length];
    const entries = dictionaryFor(system).filter(({ change }) => !change.remembers);
    const pick = (name: string): Entry => entries[noise(seed, name, [at]) % entries.length];
    const [a, b] = [pick('first'), pick('second')];
    if (kindOf(a.name) === kindOf(b.name)) continue;
    const pair = pairOf(a, b, system);
    if (!pair) continue;
    const { run, abilities } = pair.implementation;
    pairs.push({ system, names: [a.name, b.name], subject: { ...builtIn[0], name: 'kernel', abilities, run } });
  }
  return pairs;
}
