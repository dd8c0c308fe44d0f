/** How levels look: each has a colour and a shape, so that neighbours differ in both and none comes again among 35. */
import { type Markup, markup } from '../../../gate/reports/markup.ts';

/**
 * By level, on a light page and on a dark one. At least 3:1 against both pages and their panels, and apart from each other as readers
 * see them whose sight lacks red, green or blue.
 */
export const LEVEL_COLORS: readonly (readonly [light: string, dark: string])[] = [
  ['#2800f0', '#50c8f0'],
  ['#c87800', '#f0a028'],
  ['#7878f0', '#2878f0'],
  ['#500050', '#f0f028'],
  ['#287850', '#c828a0'],
  ['#780000', '#a0f0c8'],
  ['#f028a0', '#f00028'],
];

/** For the head of the page: plots name their colours by these. */
export const levelVariables = `:root { ${LEVEL_COLORS.map(([light, dark], i) => `--level-${i}: light-dark(${light}, ${dark});`).join(' ')} }`;

/** Points of an outline in a square from -1 to 1. */
type Shape = readonly (readonly [x: number, y: number])[];

const CIRCLE: Shape = Array.from({ length: 16 }, (_, i) => {
  const angle = (i * Math.PI) / 8;
  return [Math.cos(angle), Math.sin(angle)] as const;
});
const ARM = 0.4;

/** Five, of which none divides the number of colours. */
const LEVEL_SHAPES: readonly Shape[] = [
  [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ],
  [
    [0, -1],
    [1, 1],
    [-1, 1],
  ],
  CIRCLE,
  [
    [-ARM, -1],
    [ARM, -1],
    [ARM, -ARM],
    [1, -ARM],
    [1, ARM],
    [ARM, ARM],
    [ARM, 1],
    [-ARM, 1],
    [-ARM, ARM],
    [-1, ARM],
    [-1, -ARM],
    [-ARM, -ARM],
  ],
  [
    [0, -1],
    [1, 0],
    [0, 1],
    [-1, 0],
  ],
];

/** A bar lying, a bar standing, an hourglass. */
const BAR: Shape = [
  [-1, -0.35],
  [1, -0.35],
  [1, 0.35],
  [-1, 0.35],
];
const POST: Shape = BAR.map(([x, y]) => [y, x] as const);
const HOURGLASS: Shape = [
  [-1, -1],
  [1, -1],
  [-1, 1],
  [1, 1],
];

/** Of what is read at no level, at several, whatever the level scales are: as the level map numbers them. */
const OTHERS: Record<number, { words: string; shape: Shape }> = {
  [-1]: { words: 'no level', shape: BAR },
  [-2]: { words: 'several levels', shape: HOURGLASS },
  [-3]: { words: 'whatever the level scales are', shape: POST },
};

export const levelColor = (level: number): string =>
  level < 0 ? 'var(--ink)' : `var(--level-${level % LEVEL_COLORS.length})`;

const shapeOf = (level: number): Shape =>
  OTHERS[level]?.shape ?? LEVEL_SHAPES[Math.max(level, 0) % LEVEL_SHAPES.length];

export const levelWords = (level: number): string => OTHERS[level]?.words ?? `level ${level}`;

interface Path {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  closePath(): void;
}

/** As Plot takes symbols: they draw themselves, in a square of so large an area. */
interface Symbol {
  draw(context: Path, size: number): void;
}

const symbolFor = (shape: Shape): Symbol => ({
  draw(context, size) {
    const half = Math.sqrt(size) / 2;
    const rounded = (x: number): number => Number((half * x).toFixed(2));
    shape.forEach(([x, y], i) => {
      if (i === 0) context.moveTo(rounded(x), rounded(y));
      else context.lineTo(rounded(x), rounded(y));
    });
    context.closePath();
  },
});

const symbols = new Map<Shape, Symbol>(
  [...LEVEL_SHAPES, BAR, POST, HOURGLASS].map((shape) => [shape, symbolFor(shape)]),
);

export const levelSymbol = (level: number): Symbol => symbols.get(shapeOf(level)) as Symbol;

/** The radius that Plot is to be given for a symbol as wide as this. */
export const radiusOf = (width: number): number => width / Math.sqrt(Math.PI);

/** What a level looks like, to be told from others. */
export const lookOf = (level: number): string => `${levelColor(level)} ${JSON.stringify(shapeOf(level))}`;

const sample = (level: number): Markup => {
  const points = shapeOf(level).map(([x, y]) => `${(7 + 6 * x).toFixed(1)},${(7 + 6 * y).toFixed(1)}`);
  return markup`<svg width="14" height="14" aria-hidden="true"><polygon points="${points.join(' ')}" fill="${levelColor(level)}"/></svg>`;
};

/** Which level looks how. */
export const levelLegend = (levels: readonly number[]): Markup =>
  markup`<ul class="levels" aria-label="signs of levels">${levels.map((level) => markup`<li>${sample(level)} ${levelWords(level)}</li>`)}</ul>`;
