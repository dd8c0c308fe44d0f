/**
 * Outputs that are right for other memory: heads before tokens, channels between heads, chunks from their end on, q for k; or for a state
 * that a head or row before has left. A case of ordinary numbers is asked, and the reference answers it in each of these ways.
 */
import { fit } from '../../properties/arbitraries/cases.ts';
import { noise } from '../../properties/arbitraries/noise.ts';
import { axes, inputNames, mapTensor, range, sizesOf, tensorBy, tokens, withInputs } from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import { compute } from '../../reference/operator.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type DenseTensor, type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import { exchanged } from '../exchanged.ts';
import { expectedOf } from '../expected.ts';
import { type Failure, failureOf, type OutputErrors } from '../failure.ts';
import { layoutOf } from '../localise/layout.ts';
import { type Alternative, type Outputs, ofCase } from './alternative.ts';
import { heldBy } from './alternatives.ts';
import { held, type Lab, shapeFor } from './lab.ts';
import type { Finding } from './probed.ts';

/** A tensor [B,T,heads,...] whose memory holds tokens and heads, or heads and channels, in the other order. */
function reordered(from: Tensor, order: 'heads first' | 'channels first'): DenseTensor {
  const [, T, heads, ...rest] = from.shape;
  const width = rest.reduce((product, each) => product * each, 1);
  const data = toDense(from);
  const moved = order === 'heads first' ? exchanged(data, T, heads, width) : exchanged(data, heads, width, 1);
  return tensor(moved, [...from.shape]);
}

/** The same for an output that is stored so. */
function storedIn(o: Float64Array, [, T, H, V]: readonly number[], order: 'heads first' | 'channels first') {
  return order === 'heads first' ? exchanged(o, H, T, V) : exchanged(o, V, H, 1);
}

const withO = (outputs: Outputs, change: (o: Float64Array) => Float64Array): Outputs =>
  new Map([...outputs].map(([name, values]) => [name, name === 'o' ? change(values) : values]));

/** Inputs, outputs or both whose axes are in the other order. */
function otherOrders(c: Case): Alternative[] {
  const shape = (c.inputs.v as Tensor).shape;
  const timed = inputNames(c).filter((name) => axes(c, name).startsWith('BT'));
  const read = (names: readonly InputName[], order: Parameters<typeof reordered>[1]): Case =>
    withInputs(c, Object.fromEntries(names.map((name) => [name, reordered(c.inputs[name] as Tensor, order)])));
  const list: Alternative[] = [
    {
      words: 'what is right where memory is taken for [B,H,T,·], heads before tokens, in every input and in o',
      outputs: () => withO(ofCase(read(timed, 'heads first')), (o) => storedIn(o, shape, 'heads first')),
    },
    {
      words: 'what is right where every input is taken for [B,H,T,·], heads before tokens',
      outputs: () => ofCase(read(timed, 'heads first')),
    },
    {
      words: 'what is right where v is taken for [B,T,V,H], and o is stored so',
      outputs: () => withO(ofCase(read(['v'], 'channels first')), (o) => storedIn(o, shape, 'channels first')),
    },
    {
      words: 'what is right where o is stored as [B,H,T,V]',
      outputs: () => withO(ofCase(c), (o) => storedIn(o, shape, 'heads first')),
    },
    {
      words: 'what is right where o is stored as [B,T,V,H]',
      outputs: () => withO(ofCase(c), (o) => storedIn(o, shape, 'channels first')),
    },
  ];
  const some: [names: InputName[], words: string][] = [
    [['v'], 'v is'],
    [['q', 'k'], 'q and k are'],
    [['q'], 'q is'],
    [['k'], 'k is'],
    [['g'], 'g is'],
    [['lambda'], 'lambda is'],
    [['beta'], 'beta is'],
  ];
  for (const [names, words] of some) {
    if (!names.every((name) => timed.includes(name))) continue;
    const letters = axes(c, names[0]);
    const others = [letters.slice(0, 1), letters.slice(2, 3), letters.slice(1, 2), letters.slice(3)];
    const say = (order: readonly string[]): string =>
      `what is right where ${words} taken for [${order.filter(Boolean).join(',')}]`;
    list.push({ words: say(others), outputs: () => ofCase(read(names, 'heads first')) });
    if (letters.length < 4) continue;
    const last = [...'BT', letters[3], letters[2]];
    list.push({ words: say(last), outputs: () => ofCase(read(names, 'channels first')) });
  }
  return list;
}

/** The halves of the value channels between one another. */
function interleaved(c: Case): Alternative[] {
  const { V } = sizesOf(c);
  if (V % 2 > 0) return [];
  const words = 'what is right where the halves of the value channels are interleaved in o';
  return [
    [V / 2, 2],
    [2, V / 2],
  ].map(([a, b]) => ({ words, outputs: () => withO(ofCase(c), (o) => exchanged(o, a, b, 1)) }));
}

/** Rows of a tensor with time in the order in which each chunk is backwards. */
function backwards(c: Case, from: Tensor): DenseTensor {
  const { cells, chunkSize } = layoutOf(c);
  return mapTensor(from, (_, [b, t, ...rest]) => {
    const { before, index, length } = cells[b][t];
    const chunk = Math.floor((before + index) / chunkSize) * chunkSize - before;
    const [first, last] = [Math.max(chunk, 0), Math.min(chunk + chunkSize, length) - 1];
    return from.get(b, t + first + last - 2 * index, ...rest);
  });
}

function reversedInChunks(c: Case): Alternative[] {
  const { chunkSize, hasChunks } = layoutOf(c);
  if (!hasChunks) return [];
  const shape = [...(c.inputs.v as Tensor).shape];
  const named: [InputName, string][] = [
    ['v', 'values'],
    ['k', 'keys'],
    ['q', 'queries'],
  ];
  return [
    ...named.map(([name, noun]) => ({
      words: `what is right where the ${noun} of each chunk are read in reversed order (C = ${chunkSize})`,
      outputs: () => ofCase(withInputs(c, { [name]: backwards(c, c.inputs[name] as Tensor) })),
    })),
    {
      words: `what is right where the outputs of each chunk are stored in reversed order (C = ${chunkSize})`,
      outputs: () => withO(ofCase(c), (o) => toDense(backwards(c, tensor(o, shape)))),
    },
  ];
}

/** Heads of all sequences that are gone through one after another, and what that may cost in multiply-adds. */
const MOST_TURNS = 24;
const WORK = 1e8;

/** States that nobody clears: each turn starts with what one before it has left. */
function leftStates(c: Case): Alternative[] {
  const { B, T, n, H, L, K, V } = sizesOf(c);
  if (c.inputs.initialState || n * H > MOST_TURNS || n * H * B * T * H * L * K * V > WORK) return [];
  const from = (source: (i: number, h: number) => number, turns: number) => (): Outputs => {
    const size = L * K * V;
    let left: Float64Array = new Float64Array(n * H * size);
    for (let turn = 0; turn < turns; turn++) {
      const state = new Float64Array(left.length);
      for (const i of range(0, n)) {
        for (const h of range(0, H)) {
          const at = source(i, h);
          if (at >= 0) state.set(left.subarray(at * size, (at + 1) * size), (i * H + h) * size);
        }
      }
      const answer = compute(withInputs(c, { initialState: tensor(state, [n, H, L, K, V]) }));
      if (turn === turns - 1)
        return new Map([
          ['o', toDense(answer.o)],
          ['finalState', toDense(answer.finalState as Tensor)],
        ]);
      left = toDense(answer.finalState as Tensor);
    }
    return new Map();
  };
  const what = c.cuSeqlens ? 'sequence' : 'row';
  const words = 'what is right where without a state each head goes on with the state that';
  const ofRow = { words: `${words} the ${what} before it left`, outputs: from((i, h) => (i - 1) * H + h, n) };
  // of one head they are the same
  if (H === 1) return [ofRow];
  return [
    { words: `${words} the head before it left`, outputs: from((i, h) => (h === 0 ? -1 : i * H + h - 1), H) },
    {
      words: `${words} the head before it left, and from ${what} to ${what} too`,
      outputs: from((i, h) => i * H + h - 1, n * H),
    },
    ofRow,
  ];
}

const swapped = (c: Case): Alternative => {
  const { q, k } = c.inputs;
  return { words: 'what is right with q and k exchanged', outputs: () => ofCase(withInputs(c, { q: k, k: q })) };
};

/** Tokens that tell one order from another. */
const ENOUGH = 96;

/** The case, or its first tokens where it is long. */
function shortened({ c, T, subject }: Lab): Case {
  const length = fit(Math.min(T, ENOUGH), subject.abilities.limits?.T);
  return c.cuSeqlens || length >= T ? c : tokens(c, 0, length);
}

/** Numbers of an ordinary size in the shapes of the case, none of them 0: decays of up to 1/2, level scales and writing strengths below 1. */
function ordinaryCase(lab: Lab): Case {
  const c = shortened(lab);
  const inputs: Case['inputs'] = {};
  for (const name of inputNames(c)) {
    if (name === 'initialState') continue;
    inputs[name] = tensorBy(shapeFor(c, name), (index) => {
      const unit = (1 + (noise(6, name, index) % 31)) / 32;
      if (name === 'g') return -unit / 2;
      if (name === 'beta' || name === 'lambda') return unit;
      return noise(7, name, index) % 2 === 0 ? unit : -unit;
    });
  }
  return held(lab, withInputs(c, inputs));
}

/** What o, or else the final state, holds of these. */
export async function otherMemoryOf(lab: Lab): Promise<Finding | null> {
  const asked = ordinaryCase(lab);
  const c = { ...asked, chunkSize: lab.chunkSize };
  const found: Failure = failureOf(c, lab.precision, await lab.ask(asked), expectedOf(c, lab.precision));
  const isWrong = ({ ratio }: OutputErrors): boolean => ratio.some((each) => !(each <= 1));
  const errors = ['o', 'finalState'].flatMap((name) =>
    found.outputs.filter((each) => each.name === name && isWrong(each)),
  );
  if (errors.length === 0) return null;
  const alternatives = [swapped(c), ...otherOrders(c), ...interleaved(c), ...reversedInChunks(c), ...leftStates(c)];
  const words = heldBy(errors[0], alternatives, lab.precision);
  return words
    ? { kind: 'other-memory', sentence: `${errors[0].name === 'o' ? 'o' : 'the final state'} holds ${words}` }
    : null;
}
