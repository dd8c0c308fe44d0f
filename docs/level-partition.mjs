/** `npm run picture`: draws docs/level-partition.svg, the buckets that each query reads, straight from levelsOf. */
import { writeFileSync } from 'node:fs';
import { levelsOf } from 'log-linear-attention-conformance';

const T = 16;
const CELL = 30;
const GAP = 1.5;
const LEFT = 74;
const TOP = 46;
/** The row that is spelled out. */
const EXAMPLE = 11;

// Okabe and Ito's colours, told apart with any of the common colour-vision deficiencies; each bucket carries its level as well.
const FILL = ['#D55E00', '#F0C24B', '#56B4E9', '#009E73', '#0072B2'];
const INK = ['#ffffff', '#000000', '#000000', '#ffffff', '#ffffff'];
/** For words outside of buckets: dark enough on white, light enough on black. */
const GREY = '#767d86';

const levels = levelsOf({ kind: 'weak', base: 2 });
const count = levels.count(T);
const rows = Array.from({ length: T }, (_, t) => levels.partition(t));
rows.forEach((buckets, t) => {
  for (const { level, start, end } of buckets) {
    for (let s = start; s < end; s++) {
      if (levels.level(t, s) !== level) throw new Error(`level(${t}, ${s}) and partition(${t}) differ`);
    }
  }
});

const text = (x, y, words, more = '') => `<text x="${x}" y="${y}" ${more}>${words}</text>`;

function bucket(x, y, width, level) {
  const box = `<rect x="${x + GAP}" y="${y + GAP}" width="${width - 2 * GAP}" height="${CELL - 2 * GAP}" rx="4" fill="${FILL[level]}"/>`;
  return `${box}${text(x + width / 2, y + CELL / 2 + 5, level, `fill="${INK[level]}" text-anchor="middle"`)}`;
}

/** Row t = 11 in words: its set bits, from the highest one, are its buckets. */
function example() {
  const sizes = rows[EXAMPLE].map(({ start, end }) => end - start);
  return `t = ${EXAMPLE} = ${EXAMPLE.toString(2)} in binary reads ${sizes.slice(0, -1).join(' + ')} positions, and itself`;
}

/** What each level holds, in the corner that no query reads. */
function legend(x, y) {
  return Array.from({ length: count }, (_, level) => {
    const size =
      level === 0 ? 'the position itself' : `bucket of ${2 ** (level - 1)}, where bit ${level - 1} of t is 1`;
    const at = y + level * CELL;
    return `${bucket(x, at, CELL, level)}\n${text(x + CELL + 10, at + CELL / 2 + 5, size)}`;
  });
}

const width = LEFT + T * CELL + 16;
const height = TOP + T * CELL + 40;
const middle = (i) => i * CELL + CELL / 2;
const lines = [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="14" fill="${GREY}">`,
  `<title>The level at which query t reads position s, for T = ${T}</title>`,
  text(LEFT + (T * CELL) / 2, 18, 'position s', 'text-anchor="middle"'),
  text(0, 0, 'query t', `text-anchor="middle" transform="translate(18 ${TOP + (T * CELL) / 2}) rotate(-90)"`),
  ...rows.map((_, s) => text(LEFT + middle(s), TOP - 8, s, 'text-anchor="middle"')),
  ...rows.flatMap((buckets, t) => [
    text(LEFT - 12, TOP + middle(t) + 5, t, `text-anchor="end"${t === EXAMPLE ? ' font-weight="bold"' : ''}`),
    ...buckets.map(({ level, start, end }) => bucket(LEFT + start * CELL, TOP + t * CELL, (end - start) * CELL, level)),
  ]),
  ...legend(LEFT + 6.7 * CELL, TOP),
  text(LEFT, TOP + T * CELL + 26, example()),
  '</svg>',
];
writeFileSync(new URL('level-partition.svg', import.meta.url), `${lines.join('\n')}\n`);
