/**
 * A run in parts for several machines. A law stays with its prerequisites, so that a broken one blocks it wherever it is judged: the units
 * that are dealt out are whole (implementation, system) pairs, and where these are too few, the laws of a pair that depend on one another.
 */
import { notCovered } from '../properties/check-law.ts';
import type { Triple } from './run.ts';

export interface Shard {
  /** Counted from 1. */
  index: number;
  of: number;
}

interface Unit {
  triples: Triple[];
  /** How many of its laws will be judged: time is taken by those alone. */
  weight: number;
}

function unitsBy(triples: readonly Triple[], keyOf: (triple: Triple) => string): Unit[] {
  const units = new Map<string, Unit>();
  for (const triple of triples) {
    const key = keyOf(triple);
    const unit = units.get(key) ?? { triples: [], weight: 0 };
    unit.triples.push(triple);
    if (triple.waits === undefined && notCovered(triple.law, triple.subject, triple.system) === null) unit.weight++;
    units.set(key, unit);
  }
  return [...units.values()];
}

/** For each law, one law of those that it is connected to through prerequisites among these: the same for all of them. */
function connected(triples: readonly Triple[]): Map<string, string> {
  const parent = new Map(triples.map(({ law }) => [law.name, law.name]));
  const root = (name: string): string => {
    const above = parent.get(name) ?? name;
    return above === name ? name : root(above);
  };
  for (const { law } of triples) {
    for (const first of law.prerequisites) if (parent.has(first)) parent.set(root(law.name), root(first));
  }
  return new Map([...parent.keys()].map((name) => [name, root(name)]));
}

const pairOf = ({ subject, system }: Triple): string => `${system.name} ${subject.name}`;
const isJudged = ({ weight }: Unit): boolean => weight > 0;

function pairs(triples: readonly Triple[]): Unit[] {
  return unitsBy(triples, pairOf);
}

function components(triples: readonly Triple[]): Unit[] {
  return pairs(triples).flatMap((pair) => {
    const rootOf = connected(pair.triples);
    return unitsBy(pair.triples, ({ law }) => rootOf.get(law.name) ?? law.name);
  });
}

/** Into how many parts these can be dealt so that each has something to judge. */
export const mostShards = (triples: readonly Triple[]): number => components(triples).filter(isJudged).length;

/**
 * The triples of one part, in their order; the same on every machine that asks with the same options.
 * @throws RangeError where there are more parts than units: `mostShards` says how many there may be
 */
export function shardOf(triples: readonly Triple[], { index, of }: Shard): Triple[] {
  const whole = pairs(triples);
  const units = whole.filter(isJudged).length >= of ? whole : components(triples);
  if (units.filter(isJudged).length < of)
    throw new RangeError(`${of} parts, where there are units for ${mostShards(triples)}`);
  const parts = Array.from({ length: of }, () => ({ triples: new Set<Triple>(), weight: 0 }));
  // the heaviest first, each to whoever has least: nobody gets nothing
  for (const { triples: some, weight } of units.toSorted((a, b) => b.weight - a.weight)) {
    const least = parts.reduce((a, b) => (b.weight < a.weight ? b : a));
    for (const triple of some) least.triples.add(triple);
    least.weight += weight;
  }
  return triples.filter((triple) => parts[index - 1].triples.has(triple));
}
