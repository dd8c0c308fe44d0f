/** Plainer numbers: whole tensors to one number, then blocks to 0, then single entries to 0, 1, -1, integers, few bits. */
import { inputNames, withInputs } from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import type { InputName } from '../../reference/systems/system.ts';
import { elements, type Tensor, tensor, toDense } from '../../reference/tensor.ts';
import type { Pass } from './pass.ts';

/** A tensor of a case, and the case with another one there. */
interface Place {
  name: string;
  value: Tensor;
  with(value: Tensor): Case;
}

function placesOf(c: Case): Place[] {
  const inputs = inputNames(c).map((name): Place => {
    return { name, value: c.inputs[name] as Tensor, with: (value) => withInputs(c, { [name]: value }) };
  });
  const { cotangents } = c;
  if (!cotangents) return inputs;
  const o: Place = {
    name: 'cotangents.o',
    value: cotangents.o,
    with: (value) => ({ ...c, cotangents: { ...cotangents, o: value } }),
  };
  if (!cotangents.finalState) return [...inputs, o];
  const last: Place = {
    name: 'cotangents.finalState',
    value: cotangents.finalState,
    with: (value) => ({ ...c, cotangents: { ...cotangents, finalState: value } }),
  };
  return [...inputs, o, last];
}

const placeIn = (c: Case, name: string): Place => placesOf(c).find((each) => each.name === name) as Place;

/** Numbers to try, the plainest first. A log decay of 1 would grow. */
const plainFor = (name: string): number[] => (name === 'g' ? [0, -1] : [0, 1, -1]);

const MOST_BITS = 52;

/** To that many significant bits, towards the nearest. */
function toBits(value: number, bits: number): number {
  const unit = 2 ** (Math.floor(Math.log2(Math.abs(value))) - bits + 1);
  return Math.round(value / unit) * unit;
}

function bitsOf(value: number): number {
  for (let bits = 1; bits <= MOST_BITS; bits++) if (toBits(value, bits) === value) return bits;
  return MOST_BITS + 1;
}

/** How much there is to say about a number; what is tried has less. Every pass makes the sum smaller, so there is an end. */
export function weight(value: number): number {
  if (value === 0) return 0;
  if (value === 1) return 1;
  if (value === -1) return 2;
  if (!Number.isFinite(value)) return 1000;
  const isInteger = Number.isInteger(value);
  return (
    3 + 2 * bitsOf(value) + (isInteger ? 0 : 100) + (value < 0 ? 1 : 0) + Math.abs(Math.log2(Math.abs(value))) / 1e4
  );
}

const total = (value: Tensor): number => toDense(value).reduce((sum, entry) => sum + weight(entry), 0);

/** Plainer numbers in place of one, the plainest first. */
function* plainer(name: string, value: number): Generator<number> {
  const seen = new Set<number>([value]);
  const candidates = [...plainFor(name)];
  if (Number.isFinite(value)) {
    candidates.push(Math.round(value), Math.sign(value) * 2, Math.sign(value) * 0.5);
    for (const bits of [1, 2, 3, 4, 6, 8, 12, 16, 24, 36]) candidates.push(toBits(value, bits));
  } else candidates.push(-2, -20);
  for (const candidate of candidates) {
    if (seen.has(candidate) || !(weight(candidate) < weight(value))) continue;
    seen.add(candidate);
    yield candidate;
  }
}

const constant = (shape: readonly number[], value: number): Tensor =>
  tensor(new Float64Array(elements(shape)).fill(value), [...shape]);

/** Each tensor to one number. */
export const constants: Pass = {
  name: 'tensors of one number',
  *run(c) {
    let now = c;
    for (const { name } of placesOf(c)) {
      // of all ones the reader sees at once what is wrong; zeros come first where they say "not there"
      const order = ['g', 'initialState', 'cotangents.finalState'].includes(name) ? [0, -1] : [1, 0];
      const { value } = placeIn(now, name);
      for (const number of order) {
        const candidate = constant(value.shape, number);
        if (total(candidate) >= total(value)) continue;
        const next = placeIn(now, name).with(candidate);
        if (!(yield next)) continue;
        now = next;
        break;
      }
    }
  },
};

const withEntries = (value: Tensor, change: (entry: number, at: number) => number): Tensor =>
  tensor(toDense(value).map(change), [...value.shape]);

/** Blocks of entries to 0, large ones first: what is left of a tensor is what matters. */
export const zeros: Pass = {
  name: 'entries to 0',
  *run(c) {
    let now = c;
    for (const { name, value: before } of placesOf(c)) {
      const size = elements(before.shape);
      let block = 1;
      while (2 * block < size) block *= 2;
      for (; block >= 1; block /= 2) {
        for (let start = 0; start < size; start += block) {
          const { value, with: put } = placeIn(now, name);
          const isInside = (at: number): boolean => at >= start && at < start + block;
          if (toDense(value).every((entry, at) => entry === 0 || !isInside(at))) continue;
          const candidate = put(withEntries(value, (entry, at) => (isInside(at) ? 0 : entry)));
          if (yield candidate) now = candidate;
        }
      }
    }
  },
};

/** Level scales of one row to 1 at one level and 0 at the others. */
export const oneHotScales: Pass = {
  name: 'level scales of one level',
  *run(c) {
    if (!c.inputs.lambda) return;
    const L = c.inputs.lambda.shape[3];
    let now = c;
    const rows = elements(c.inputs.lambda.shape) / L;
    for (let level = 0; level < L; level++) {
      const { value, with: put } = placeIn(now, 'lambda');
      const candidate = withEntries(value, (_, at) => (at % L === level ? 1 : 0));
      if (total(candidate) >= total(value)) continue;
      if (yield put(candidate)) return;
    }
    for (let row = 0; row < rows; row++) {
      for (let level = 0; level < L; level++) {
        const { value, with: put } = placeIn(now, 'lambda');
        const candidate = withEntries(value, (entry, at) =>
          Math.floor(at / L) !== row ? entry : at % L === level ? 1 : 0,
        );
        if (total(candidate) >= total(value)) continue;
        const next = put(candidate);
        if (!(yield next)) continue;
        now = next;
        break;
      }
    }
  },
};

/** Entries one by one. */
export const entries: Pass = {
  name: 'plainer entries',
  *run(c) {
    let now = c;
    for (const { name, value: before } of placesOf(c)) {
      for (let at = 0; at < elements(before.shape); at++) {
        const entry = toDense(placeIn(now, name).value)[at];
        for (const plain of plainer(name, entry)) {
          const { value, with: put } = placeIn(now, name);
          const candidate = put(withEntries(value, (old, i) => (i === at ? plain : old)));
          if (!(yield candidate)) continue;
          now = candidate;
          break;
        }
      }
    }
  },
};

/** Numbers of a case that are neither 0, 1 nor -1: what a reader has to read. */
export const oddNumbers = (c: Case): number =>
  placesOf(c).reduce((sum, { value }) => sum + toDense(value).filter((entry) => weight(entry) > 2).length, 0);

export const namesOf = (c: Case): (InputName | 'cotangents.o' | 'cotangents.finalState')[] =>
  placesOf(c).map(({ name }) => name as InputName);
