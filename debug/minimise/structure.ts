/** What a case can do without: gradients, states, packing, a scale, a structure, chunks that are larger than they need be. */
import { sequence, sizesOf, takeAlong, tokens, withInputs, withoutCotangents } from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import { fewer, type Pass } from './pass.ts';

/** A case without a field. */
function without(c: Case, field: 'position' | 'scale' | 'structure' | 'chunkSize' | 'cuSeqlens' | 'form'): Case {
  const rest = { ...c };
  delete rest[field];
  return rest;
}

/** Where it came from is no longer where it is. */
export function anonymous(c: Case): Case {
  const { law: _law, seed: _seed, path: _path, ...plain } = c;
  return plain;
}

export const noGradients: Pass = {
  name: 'no gradients',
  *run(c) {
    if (!c.cotangents) return;
    if (yield withoutCotangents(c)) return;
    if (c.cotangents.finalState) yield { ...c, cotangents: { o: c.cotangents.o } };
  },
};

export const noState: Pass = {
  name: 'no state',
  *run(c) {
    let now = c;
    if (now.inputs.initialState) {
      const fresh = withInputs(now, { initialState: undefined });
      if (yield without(fresh, 'position')) return;
      if (yield fresh) now = fresh;
    }
    if (!now.position) return;
    if (yield without(now, 'position')) return;
    yield* smallerPositions(now, now.position);
  },
};

/** Powers of two and their neighbours are where levels change. */
const TURNS = [...new Set(Array.from({ length: 31 }, (_, bit) => 2 ** bit).flatMap((power) => [power - 1, power]))];

function* smallerPositions(c: Case, before: readonly number[]): Generator<Case, void, boolean> {
  let position = [...before];
  for (let i = 0; i < before.length; i++) {
    for (const turn of TURNS.filter((each) => each < before[i])) {
      const candidate = position.map((old, j) => (j === i ? turn : old));
      if (!(yield { ...c, position: candidate })) continue;
      position = candidate;
      break;
    }
  }
}

export const plainFields: Pass = {
  name: 'no scale, structure or chunk size',
  *run(c) {
    let now = c;
    for (const field of ['scale', 'structure', 'chunkSize'] as const) {
      if (now[field] === undefined) continue;
      const candidate = without(now, field);
      if (yield candidate) now = candidate;
    }
    if (now.scale !== undefined && now.scale !== 2) yield { ...now, scale: 2 };
  },
};

/** The largest size of chunks that is worth a question where the case does not say. */
const DEFAULT_CHUNK = 64;

/** Smaller chunks have their edges earlier, so that fewer positions reach them. */
export const smallChunks: Pass = {
  name: 'smaller chunks',
  *run(c) {
    if (c.chunkSize !== undefined && (yield without(c, 'chunkSize'))) return;
    const most = Math.min(c.chunkSize ?? DEFAULT_CHUNK, 2 ** Math.ceil(Math.log2(Math.max(1, sizesOf(c).T))));
    for (let chunkSize = 2; chunkSize < most; chunkSize *= 2) if (yield { ...c, chunkSize }) return;
  },
};

/** Some of the sequences of a packed case, packed still. */
function packedOf(c: Case, kept: readonly number[]): Case {
  const cuts = c.cuSeqlens as readonly number[];
  const places = kept.flatMap((i) => Array.from({ length: cuts[i + 1] - cuts[i] }, (_, j) => cuts[i] + j));
  const cuSeqlens = [0];
  for (const i of kept) cuSeqlens.push((cuSeqlens.at(-1) as number) + cuts[i + 1] - cuts[i]);
  const position = c.position && kept.map((i) => (c.position as readonly number[])[i]);
  const some = takeAlong(takeAlong(c, 'T', places), 'n', kept);
  return { ...some, cuSeqlens, ...(position ? { position } : {}) };
}

export const fewSequences: Pass = {
  name: 'fewer sequences and batch rows',
  *run(c) {
    const all = Array.from({ length: sizesOf(c).n }, (_, i) => i);
    if (!c.cuSeqlens) {
      yield* fewer(all, (kept) => {
        const some = takeAlong(takeAlong(c, 'B', kept), 'n', kept);
        return c.position ? { ...some, position: kept.map((i) => (c.position as readonly number[])[i]) } : some;
      });
      return;
    }
    // alone, and packed no longer
    for (const i of [...all].reverse()) if (yield sequence(c, i)) return;
    yield* fewer(all, (kept) => packedOf(c, kept));
  },
};

/** One sequence where there were several: the tokens as they lie. */
export const noPacking: Pass = {
  name: 'no packed sequences',
  *run(c) {
    if (!c.cuSeqlens) return;
    const { T } = sizesOf(c);
    const one = without(c, 'cuSeqlens');
    yield takeAlong(tokens(c.position ? { ...one, position: [c.position[0]] } : one, 0, T), 'n', [0]);
  },
};
