/**
 * Gradients as they are written by hand, with one line another one: not transposed, not summed, with the level scales of the key. Each is
 * what a wrong gradient is held against.
 */
import { mapTensor, range, sizesOf, systemOf, withInputs, zerosLike } from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import type { OutputErrors } from '../failure.ts';
import type { TimeCell } from '../localise/hypotheses.ts';
import { layoutOf } from '../localise/layout.ts';
import { type Alternative, type Outputs, ofCase, throughOutputs, throughState, withState } from './alternative.ts';

/** Multiply-adds that one alternative may cost: those that go position by position are left out where it is more. */
const WORK = 2e8;

const gradientOf = (outputs: Outputs, name: InputName): Float64Array =>
  outputs.get(`gradients.${name}`) as Float64Array;

const one = (name: InputName, values: Float64Array): Outputs => new Map([[`gradients.${name}`, values]]);

/** The case with nothing in the state that comes in. */
const stateless = (c: Case): Case => {
  const { initialState } = c.inputs;
  return initialState ? withInputs(c, { initialState: zerosLike(initialState) }) : c;
};

/** The case with the cotangent of o at some places alone. */
const seenFrom = (c: Case, isSeen: (b: number, t: number, h: number) => boolean): Case => {
  const o = mapTensor(c.cotangents?.o as Tensor, (value, [b, t, h]) => (isSeen(b, t, h) ? value : 0));
  return { ...c, cotangents: { ...c.cotangents, o } };
};

/** A gradient of which each position comes from a case of its own. */
function positionByPosition(c: Case, name: InputName, make: (s: number) => Case): Float64Array {
  const { B, T } = sizesOf(c);
  const out = new Float64Array((c.inputs[name] as Tensor).size);
  const width = out.length / (B * T);
  for (const s of range(0, T)) {
    const own = gradientOf(throughOutputs(make(s)), name);
    for (const b of range(0, B)) {
      const at = (b * T + s) * width;
      out.set(own.subarray(at, at + width), at);
    }
  }
  return out;
}

/** Whether going position by position is fair. */
const isCheap = (c: Case): boolean => {
  const { B, T, H, K, V } = sizesOf(c);
  return 4 * B * H * T ** 3 * (K + V) <= WORK;
};

/** Level scales of the key in place of those of the query. */
function lambdaOfTheKey(c: Case): Alternative[] {
  const { lambda } = c.inputs;
  if (!lambda || !isCheap(c)) return [];
  const words = 'what is right with the level scales of the key (s) in place of those of the query (t)';
  const of = (name: InputName) => (): Outputs => {
    const make = (s: number): Case =>
      withInputs(c, { lambda: mapTensor(lambda, (_, [b, , h, l]) => lambda.get(b, s, h, l)) });
    return withState(c, one(name, positionByPosition(c, name, make)));
  };
  return (['k', 'v'] as const).map((name) => ({ words, outputs: of(name) }));
}

/** dlambda where what a pair adds to it is stored at the key. */
function dlambdaOfTheKey(c: Case): Alternative[] {
  if (!c.inputs.lambda || !isCheap(c)) return [];
  const v = c.inputs.v as Tensor;
  return [
    {
      words: 'the right sums stored at the key: what a pair adds is at s in place of t',
      outputs() {
        const empty = stateless(c);
        const { B, T } = sizesOf(c);
        const own = gradientOf(throughOutputs(empty), 'lambda');
        // what comes in with a state is of no key
        const out = gradientOf(throughOutputs(c), 'lambda').map((value, at) => value - own[at]);
        const width = out.length / (B * T);
        for (const s of range(0, T)) {
          const alone = withInputs(empty, { v: mapTensor(v, (value, [, t]) => (t === s ? value : 0)) });
          gradientOf(throughOutputs(alone), 'lambda').forEach((value, at) => {
            const b = Math.floor(at / (T * width));
            out[(b * T + s) * width + (at % width)] += value;
          });
        }
        return one('lambda', out);
      },
    },
  ];
}

/** P dO, dA q and dA^T k. */
function untransposed(c: Case): Alternative[] {
  // with an erase these are no products of two factors
  if (systemOf(c).recurrence === null || c.inputs.beta) return [];
  const { q, k } = c.inputs as Record<'q' | 'k', Tensor>;
  return [
    {
      words: 'P dO: P is not transposed',
      outputs() {
        const { cotangents, ...rest } = stateless(c);
        const o = ofCase(withInputs(rest, { v: cotangents?.o })).get('o') as Float64Array;
        return withState(c, one('v', o));
      },
    },
    {
      words: 'scale dA q: dA is not transposed',
      outputs: () => withState(c, one('k', gradientOf(throughOutputs(withInputs(stateless(c), { k: q })), 'q'))),
    },
    {
      words: 'scale dA^T k: dA is transposed',
      outputs: () => withState(c, one('q', gradientOf(throughOutputs(withInputs(stateless(c), { q: k })), 'k'))),
    },
  ];
}

const exchanged = (c: Case): Alternative[] =>
  (
    [
      ['q', 'k'],
      ['k', 'q'],
    ] as const
  ).map(([name, other]) => ({
    words: `what is right for ${other}: the gradients of q and k are exchanged`,
    outputs: () => one(name, gradientOf(ofCase(c), other)),
  }));

/** What one head of each group gives, where they overwrite one another. */
function ofOneHead(c: Case): Alternative[] {
  const { H, G } = sizesOf(c);
  if (H === G) return [];
  const perGroup = H / G;
  const state = c.cotangents?.finalState;
  return [
    { which: 'last', of: perGroup - 1 },
    { which: 'first', of: 0 },
  ].map(({ which, of }) => ({
    words: `what comes from the ${which} head of each group alone`,
    outputs() {
      const own = seenFrom(c, (_b, _t, h) => h % perGroup === of);
      const finalState = state && mapTensor(state, (value, [, h]) => (h % perGroup === of ? value : 0));
      return ofCase({ ...own, cotangents: { o: own.cotangents?.o as Tensor, finalState } });
    },
  }));
}

/** What the queries of some chunks give. */
function ofOneChunk(c: Case): Alternative[] {
  const { T } = sizesOf(c);
  const { cells, chunkSize, hasChunks } = layoutOf(c);
  if (!hasChunks || T <= chunkSize || !isCheap(c)) return [];
  const chunkOf = ({ before, index }: TimeCell): number => Math.floor((before + index) / chunkSize);
  const isOwn = (b: number, t: number, s: number): boolean =>
    cells[b][t].sequence === cells[b][s].sequence && chunkOf(cells[b][t]) === chunkOf(cells[b][s]);
  const isLast = (b: number, t: number): boolean => {
    const cell = cells[b][t];
    return chunkOf(cell) === chunkOf({ ...cell, index: cell.length - 1 });
  };
  const list = (['q', 'k', 'v', 'g'] as const)
    .filter((name) => c.inputs[name] && (c.inputs[name] as Tensor).shape.length > 1)
    .map((name) => ({
      words: `what comes from the queries of its own chunk alone (C = ${chunkSize})`,
      outputs: (): Outputs =>
        withState(
          c,
          one(
            name,
            positionByPosition(c, name, (s) => seenFrom(c, (b, t) => isOwn(b, t, s))),
          ),
        ),
    }));
  const last = {
    words: `what comes from the queries of the last chunk alone (C = ${chunkSize})`,
    outputs: (): Outputs => withState(c, throughOutputs(seenFrom(c, (b, t) => isLast(b, t)))),
  };
  return [...list, last];
}

/** Each element of a gradient of g less that of a later one of its sequence, or of the first one less it: sums that end too early. */
function otherSums(c: Case): Alternative[] {
  const { g } = c.inputs;
  if (!g || g.shape.length < 3) return [];
  const { B, T } = sizesOf(c);
  const { cells, chunkSize } = layoutOf(c);
  const width = g.size / (B * T);
  const of = (combine: (value: (t: number) => number, cell: TimeCell) => number): Outputs => {
    const right = gradientOf(ofCase(c), 'g');
    const sums = right.map((_, at) => {
      const row = Math.floor(at / width);
      const [b, t] = [Math.floor(row / T), row % T];
      const value = (other: number): number =>
        cells[b][other]?.sequence === cells[b][t].sequence ? right[(b * T + other) * width + (at % width)] : 0;
      return combine(value, cells[b][t]);
    });
    return one('g', sums);
  };
  return [
    {
      words: `the right value less that of the first position of the next chunk: the sum over positions ends with each chunk (C = ${chunkSize})`,
      outputs: () =>
        of((value, { t, before, index }) => value(t) - value(t - ((before + index) % chunkSize) + chunkSize)),
    },
    {
      words: 'the sum over positions that runs from the first one on, in place of from the last one back',
      outputs: () => of((value, { t, index }) => value(t - index) - value(t + 1)),
    },
  ];
}

/** Writing strengths: what comes through the value, and what through the erase. */
function partsOfBeta(c: Case): Alternative[] {
  const { beta, v } = c.inputs;
  if (!beta || !v) return [];
  const V = v.shape[3];
  return [
    {
      words: 'what comes through the erase alone: <dw, v> is missing, of w = beta v',
      outputs() {
        const right = ofCase(c);
        const [dbeta, dv] = [gradientOf(right, 'beta'), gradientOf(right, 'v')];
        const [values, strengths] = [toDense(v), toDense(beta)];
        const through = (at: number): number =>
          range(at * V, (at + 1) * V).reduce((sum, i) => sum + dv[i] * values[i], 0) / strengths[at];
        return one(
          'beta',
          dbeta.map((value, at) => value - through(at)),
        );
      },
    },
  ];
}

/** Gradients that somebody has got wrong by hand. */
export function handWritten(c: Case): Alternative[] {
  if (!c.cotangents) return [];
  const throughStateAlone: Alternative = {
    words: 'what comes through the final state alone: the cotangent of o is not used',
    outputs: () => throughState(c),
  };
  return [
    ...(c.cotangents.finalState ? [throughStateAlone] : []),
    ...exchanged(c),
    ...ofOneHead(c),
    ...otherSums(c),
    ...partsOfBeta(c),
    ...untransposed(c),
  ];
}

/** Those that are worked out position by position, and cost more. */
export const byPosition = (c: Case): Alternative[] =>
  c.cotangents ? [...ofOneChunk(c), ...lambdaOfTheKey(c), ...dlambdaOfTheKey(c)] : [];

/** dg as it follows from the gradients of q and k that the implementation has, where those are wrong. */
export function followsFromKeys(c: Case, outputs: readonly OutputErrors[]): Alternative[] {
  const { g, q, k } = c.inputs as Record<'g' | 'q' | 'k', Tensor>;
  const { B, T, H, G, K } = sizesOf(c);
  const errors = (name: string): OutputErrors | undefined => outputs.find((each) => each.name === `gradients.${name}`);
  const [dq, dk, dg] = [errors('q'), errors('k'), errors('g')];
  if (!dq || !dk || !dg || g.shape.length < 3 || H !== G) return [];
  const { cells } = layoutOf(c);
  const width = g.shape[3] ?? 1;
  return [
    {
      words:
        'what follows from its own dq and dk, which are wrong: the sum of q · dq - k · dk from the last token back',
      outputs() {
        const [queries, keys] = [toDense(q), toDense(k)];
        const out = dg.expected.slice();
        for (const b of range(0, B)) {
          for (const h of range(0, H)) {
            const more = new Float64Array(width);
            for (let t = T - 1; t >= 0; t--) {
              if (t + 1 < T && cells[b][t].sequence !== cells[b][t + 1].sequence) more.fill(0);
              const row = (b * T + t) * H + h;
              for (let i = 0, at = row * K; i < K; i++, at++)
                more[i % width] +=
                  queries[at] * (dq.actual[at] - dq.expected[at]) - keys[at] * (dk.actual[at] - dk.expected[at]);
              for (let i = 0; i < width; i++) out[row * width + i] += more[i];
            }
          }
        }
        return one('g', out);
      },
    },
  ];
}
