import type { Failure } from '../failure.ts';
import type { Localisation } from './localisation.ts';

/** Where a failure is, for every output. */
export function localise({ faults }: Failure): Localisation {
  return { outputs: [], faults, sentences: [] };
}
