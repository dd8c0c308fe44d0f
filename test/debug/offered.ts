/** On which systems a bug changes nothing that a probe sees: it is not offered there. */
import { probeCases } from '../../debug/diagnose/cases.ts';
import { ask, differs } from '../../debug/diagnose/outputs.ts';
import { rightFor } from '../../debug/diagnose/right.ts';
import { mutants } from '../../debug/dictionary/all.ts';
import { anyRecurrence } from '../../debug/dictionary/change.ts';
import { implement } from '../../debug/dictionary/mutant.ts';
import { builtIn } from '../../properties/implementations.ts';
import { DOUBLE } from '../../properties/precision.ts';
import { type System, systems } from '../../reference/systems/registry.ts';

/** Names of bugs that a system could have by its kind, and that change no answer to its probes. */
export async function unseenOn(system: System): Promise<string[]> {
  const left = new Set(
    mutants.filter(({ change, system: shownOn }) => shownOn !== system.name && (change().on ?? anyRecurrence)(system)),
  );
  const asked = { abilities: { ...builtIn[0].abilities, chunkSizes: true }, precision: DOUBLE };
  for (const question of probeCases(system.name, asked, true)) {
    const right = await rightFor(question, asked);
    for (const mutant of [...left]) {
      const wrong = implement(mutant.name, system.name, [mutant.change()]);
      // one that keeps a memory shows when it is asked again
      if (question.twice && mutant.change().remembers) await ask(wrong, question);
      const answer = await ask(wrong, question).catch(() => null);
      if (answer && differs(answer, right, 2, right.values.keys())) left.delete(mutant);
    }
  }
  return [...left].map(({ name }) => name);
}

/** All of that, by bug. */
export async function measureUnseen(): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const system of systems) {
    for (const name of await unseenOn(system)) found[name] = [...(found[name] ?? []), system.name];
  }
  return found;
}
