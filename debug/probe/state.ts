/** What comes in with a state and what is handed out: the parts that P of the tokens says nothing of. */
import { withInputs, withoutCotangents, zerosLike } from '../../properties/edit.ts';
import type { Tensor } from '../../reference/tensor.ts';
import { expectedOf } from '../expected.ts';
import { type Failure, failureOf } from '../failure.ts';
import { localise } from '../localise/localise.ts';
import type { Lab } from './lab.ts';
import type { Finding } from './probed.ts';

/** The failing case with its values put to 0, so that the state alone is read; and with the state put to 0. */
export async function stateOf(lab: Lab, failure: Failure): Promise<Finding[]> {
  const { subject } = lab;
  if (!subject.abilities.state) return [];
  const c = withoutCotangents(failure.c);
  const state = c.inputs.initialState;
  const findings: Finding[] = [];
  const wrongIn = async (asked: typeof c, name: 'o' | 'finalState') => {
    const found = failureOf(asked, lab.precision, await lab.ask(asked), expectedOf(asked, lab.precision));
    return localise(found).outputs.find((each) => each.name === name && each.wrong > 0);
  };
  const words = ({ set, relation }: { set: { words: string } | null; relation: string | null }): string =>
    [set?.words ?? 'no simple set', relation ? `it holds ${relation}` : ''].filter(Boolean).join('; ');
  if (state) {
    const alone = withInputs(c, { v: zerosLike(c.inputs.v as Tensor) });
    const read = await wrongIn(alone, 'o');
    if (read)
      findings.push({
        kind: 'state-read-wrong',
        sentence: `what comes in with the state is read wrongly: ${words(read)}`,
      });
    const kept = await wrongIn(alone, 'finalState');
    if (kept)
      findings.push({
        kind: 'state-kept-wrong',
        sentence: `what comes in with the state is handed out wrongly: ${words(kept)}`,
      });
  }
  const written = await wrongIn(state ? withInputs(c, { initialState: zerosLike(state) }) : c, 'finalState');
  if (written)
    findings.push({
      kind: 'state-written-wrong',
      sentence: `what the tokens leave in the final state is wrong: ${words(written)}`,
    });
  return findings;
}
