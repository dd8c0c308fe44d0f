/** The list that every law iterates. */
import type { Case, FormName } from '../reference/case.ts';
import { compute } from '../reference/operator.ts';
import { systems } from '../reference/systems/registry.ts';
import type { Abilities, Implementation } from './law.ts';
import { DOUBLE } from './precision.ts';

const everything: Abilities = {
  systems: systems.map(({ name }) => name),
  gradients: true,
  state: true,
  packed: true,
  groups: true,
  structures: true,
  chunkSizes: false,
  views: true,
};

const recurrences = systems.filter(({ recurrence }) => recurrence !== null).map(({ name }) => name);

const ourForm = (form: FormName, abilities: Partial<Abilities>): Implementation => ({
  name: form,
  abilities: { ...everything, ...abilities },
  precision: DOUBLE,
  run: (c: Case) => compute({ ...c, form }),
});

/** Our own forms. A GPU form or somebody's process joins by standing in such a list. */
export const builtIn: readonly Implementation[] = [
  // the masked form is too slow for large cases, and the chunked form is what they are held against
  ourForm('masked', { large: false }),
  ourForm('recurrent', { systems: recurrences }),
  ourForm('chunked', { systems: recurrences, structures: false, chunkSizes: true, large: false }),
];
