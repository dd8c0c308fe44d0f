/** An implementation asked a fixture, as a careful consumer asks it: on memory of its own, twice or in other strides where a flag says so. */
import { timeLast } from '../debug/diagnose/cases.ts';
import type { Fixture } from '../fixtures/fixture.ts';
import { askedCase } from '../fixtures/generate.ts';
import type { Reply } from '../fixtures/judge.ts';
import type { Implementation } from '../properties/law.ts';
import type { Answer, Case } from '../reference/case.ts';
import { InvalidInput } from '../reference/errors.ts';
import { type Tensor, toDense } from '../reference/tensor.ts';

const copyOf = (fixture: Fixture): Fixture => ({
  header: fixture.header,
  tensors: fixture.tensors.map((each) => ({ ...each, data: each.data.slice() })),
});

const strided = (c: Case): Case => ({
  ...c,
  inputs: Object.fromEntries(Object.entries(c.inputs).map(([name, value]) => [name, timeLast(value)])),
});

const replyOf = ({ o, finalState, position, gradients }: Answer): Reply => {
  const tensors = new Map([['o', o as Tensor]]);
  if (finalState) tensors.set('finalState', finalState);
  for (const [name, value] of Object.entries(gradients ?? {})) tensors.set(`gradients.${name}`, value);
  const dense = [...tensors].map(([name, value]) => [name, { shape: value.shape, data: toDense(value) }] as const);
  return {
    tensors: new Map([...dense, ['position', { shape: [position.length], data: Float64Array.from(position) }]]),
  };
};

/** All that the implementation says to a fixture, one reply for each time it is asked. */
export async function repliesTo(fixture: Fixture, subject: Pick<Implementation, 'run'>): Promise<Reply[]> {
  const { flags } = fixture.header;
  const asked = askedCase(copyOf(fixture));
  const c = flags.includes('non-contiguous') ? strided(asked) : asked;
  const replies: Reply[] = [];
  try {
    for (let i = 0; i < (flags.includes('asked-twice') ? 2 : 1); i++) replies.push(replyOf(await subject.run(c)));
  } catch (error) {
    const argument = error instanceof InvalidInput ? error.argument : null;
    replies.push({ refused: { argument, message: (error as Error).message } });
  }
  return replies;
}

/** What it says the last time. */
export const replyTo = async (fixture: Fixture, subject: Pick<Implementation, 'run'>): Promise<Reply> =>
  (await repliesTo(fixture, subject)).at(-1) as Reply;
