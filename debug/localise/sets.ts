/** Every set that is tried on one output. */
import { contentLevels, heldLevels, levelsOf, WEAK } from '../../reference/levels.ts';
import { type Tensor, toDense } from '../../reference/tensor.ts';
import type { OutputErrors } from '../failure.ts';
import { alongCount, alongHeads, alongLevels, alongMany, alongTime } from './hypotheses.ts';
import type { Layout } from './layout.ts';
import { alongAxis } from './profile.ts';
import type { Hypothesis } from './search.ts';

/** Whether anything is wrong at a place along some leading axes or along one axis. */
function touchedAlong({ axes, shape, ratio }: OutputErrors, letters: string): (at: number) => boolean {
  const picks = [...letters].map((letter) => {
    const axis = axes.indexOf(letter);
    return { of: alongAxis(shape, axis), size: shape[axis] };
  });
  const touched = new Set<number>();
  ratio.forEach((each, at) => {
    if (!(each <= 1)) touched.add(picks.reduce((place, { of, size }) => place * size + of(at), 0));
  });
  return (at) => touched.has(at);
}

/** By its axes: positions, heads, rows, channels, levels, and what the numbers of the case say. */
export function setsFor(errors: OutputErrors, layout: Layout): Hypothesis[] {
  const { axes, shape } = errors;
  const size = (letter: string): number => shape[axes.indexOf(letter)];
  const list: Hypothesis[] = [];
  const has = (letters: string): boolean => [...letters].every((letter) => axes.includes(letter));
  if (has('T')) {
    const letters = layout.isUniform ? 'T' : 'BT';
    const cells = layout.isUniform ? layout.cells[0] : layout.cells.flat();
    const { chunkSize, hasChunks, levels } = layout;
    list.push(...alongTime(letters, cells, { chunkSize, hasChunks, levels, wrongAt: touchedAlong(errors, letters) }));
  }
  for (const [letter, noun] of [
    ['B', 'batch row'],
    ['n', 'sequence'],
    ['G', 'group'],
    ['K', 'key channel'],
    ['V', 'value channel'],
  ]) {
    if (has(letter)) list.push(...alongCount(letter, size(letter), noun, touchedAlong(errors, letter)));
  }
  if (has('H')) list.push(...alongHeads(size('H'), layout.G, touchedAlong(errors, 'H')));
  if (has('L')) list.push(...alongLevels(size('L'), touchedAlong(errors, 'L')));
  if (has('TL')) list.push(...readLevels(layout, shape));
  if (has('nL')) list.push(...emptyAtTheEnd(layout, shape));
  if (has('BT') && (has('H') || has('G'))) list.push(...byValue(layout, axes, shape));
  return list;
}

/** Levels of a gradient [B,T,H,L] that the query reads. */
function readLevels({ c, cells, L }: Layout, shape: readonly number[]): Hypothesis[] {
  const [B, T] = shape;
  const levels = levelsOf(c.structure ?? WEAK);
  const isRead = new Uint8Array(B * T * L);
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < T; t++) {
      const { before, index, sequence } = cells[b][t];
      const reads = levels.partition(before + index).map(({ level }) => level);
      for (const level of reads) isRead[(b * T + t) * L + level] = 1;
      if (c.inputs.initialState === undefined) {
        // buckets that lie before the call hold nothing
        for (const { level, end } of levels.partition(before + index))
          if (end <= before && reads.filter((each) => each === level).length === 1) isRead[(b * T + t) * L + level] = 0;
      } else {
        const stateLevels = c.inputs.initialState.shape[2];
        for (let l = 0; l < stateLevels; l++) {
          const at = contentLevels(levels, before, l, index + 1)[index];
          if (at >= 0 && holds(c.inputs.initialState, sequence, l)) isRead[(b * T + t) * L + at] = 1;
        }
      }
    }
  }
  return alongMany(
    'BTL',
    [B, T, L],
    [
      { words: 'levels that the query does not read', cost: 2, has: (at) => isRead[at] === 0 },
      { words: 'levels that the query reads', cost: 2, has: (at) => isRead[at] === 1 },
      {
        words: 'levels that the query reads past its own token',
        cost: 3,
        has: (at) => isRead[at] === 1 && at % L > 0,
      },
    ],
  );
}

const holds = (state: Tensor, n: number, l: number): boolean => {
  const [, H, L, K, V] = state.shape;
  const data = toDense(state);
  for (let h = 0; h < H; h++) {
    const at = ((n * H + h) * L + l) * K * V;
    if (data.subarray(at, at + K * V).some((value) => value !== 0)) return true;
  }
  return false;
};

/** Levels of a final state that are empty by rule. */
function emptyAtTheEnd({ c, cells, hasLevels }: Layout, shape: readonly number[]): Hypothesis[] {
  if (!hasLevels) return [];
  const [n, , L] = shape;
  const levels = levelsOf(c.structure ?? WEAK);
  const flat = cells.flat();
  const held = Array.from({ length: n }, (_, sequence) => {
    const last = flat.filter((cell) => cell.sequence === sequence).at(-1);
    return heldLevels(levels, last ? last.before + last.length : (c.position?.[sequence] ?? 0));
  });
  const isHeld = (at: number): boolean => held[Math.floor(at / L)].has(at % L);
  return alongMany(
    'nL',
    [n, L],
    [
      { words: 'levels that are empty at the end', cost: 2, has: (at) => !isHeld(at) },
      { words: 'levels that hold something at the end', cost: 2, has: isHeld },
    ],
  );
}

/** Sets that follow from the decays and the writing strengths. */
function byValue({ c, cells, H, G }: Layout, axes: string, shape: readonly number[]): Hypothesis[] {
  const { g, beta } = c.inputs;
  const letter = axes.includes('H') ? 'H' : 'G';
  const width = letter === 'H' ? H : G;
  const [B, T] = shape;
  const sets: { words: string; cost: number; has(at: number): boolean }[] = [];
  const place = (at: number): [b: number, t: number, head: number] => [
    Math.floor(at / (T * width)),
    Math.floor(at / width) % T,
    at % width,
  ];
  const headsOf = (head: number): number[] =>
    letter === 'H' ? [head] : Array.from({ length: H / G }, (_, i) => (head * H) / G + i);
  /** Adds where something holds of a token, from there on, and after it. */
  const add = (what: string, cost: number, holdsAt: (b: number, t: number, h: number) => boolean): void => {
    const at = (place: [number, number, number]): boolean =>
      headsOf(place[2]).some((h) => holdsAt(place[0], place[1], h));
    const since = (b: number, t: number, head: number): boolean => {
      const { sequence } = cells[b][t];
      for (let r = t; r >= 0 && cells[b][r].sequence === sequence; r--) if (at([b, r, head])) return true;
      return false;
    };
    sets.push(
      { words: `tokens ${what}`, cost, has: (each) => at(place(each)) },
      { words: `from a token ${what} on`, cost: cost + 0.5, has: (each) => since(...place(each)) },
      {
        words: `after a token ${what}`,
        cost: cost + 0.5,
        has(each) {
          const [b, t, head] = place(each);
          return t > 0 && cells[b][t - 1].sequence === cells[b][t].sequence && since(b, t - 1, head);
        },
      },
    );
  };
  if (g && g.shape.length > 1) {
    const channels = g.shape[3] ?? 1;
    const data = toDense(g);
    const some = (holds: (log: number) => boolean) => (b: number, t: number, h: number) => {
      const at = ((b * T + t) * H + h) * channels;
      return data.subarray(at, at + channels).some(holds);
    };
    add(
      'with a reset (g = -Infinity)',
      3,
      some((log) => log === Number.NEGATIVE_INFINITY),
    );
    for (const least of [2, 5, 10, 20])
      add(
        `with a log decay below -${least}`,
        5,
        some((log) => log < -least),
      );
    add(
      'that grow (g > 0)',
      4,
      some((log) => log > 0),
    );
  }
  if (beta) {
    const data = toDense(beta);
    const of = (holds: (value: number) => boolean) => (b: number, t: number, h: number) =>
      holds(data[(b * T + t) * H + h]);
    add(
      'with beta above 1',
      5,
      of((value) => value > 1),
    );
    add(
      'with beta = 0',
      5,
      of((value) => value === 0),
    );
  }
  return alongMany(`BT${letter}`, [B, T, width], sets);
}
