/** The two pictures of the mask: which level reads what, and with what weight. */
import type { Engine } from './engine.ts';
import type { MaskOutput } from './messages.ts';
import { colour, element, make, onFrame, onLookChange, readable } from './page.ts';

const length = element('mask-T', HTMLInputElement);
const lengthText = element('mask-length', HTMLOutputElement);
const scores = element('mask-scores', HTMLSelectElement);
const levelsBox = element('mask-levels', HTMLDivElement);
const valuesBox = element('mask-values', HTMLDivElement);
const legend = element('mask-legend', HTMLUListElement);
const ramp = element('mask-ramp', HTMLDivElement);
const entry = element('mask-entry', HTMLParagraphElement);
const check = element('mask-check', HTMLParagraphElement);

/** Viridis in eight steps, one for each level of T = 128: its order can be seen with any colour vision, and in grey. */
const VIRIDIS = ['#440154', '#46327e', '#365c8d', '#277f8e', '#1fa187', '#4ac16d', '#a0da39', '#fde725'];
const SEED = 1;

const levelColour = (level: number): string => VIRIDIS[Math.min(level, VIRIDIS.length - 1)];

/** What a level reads. */
const levelText = (level: number, isFlat: boolean): string =>
  isFlat ? 'the one level' : level === 0 ? '0: itself' : `${level}: bucket of ${2 ** (level - 1)}`;

const channels = (css: string): number[] => (css.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);

/** Colours of the weights: the page's own at 0, and those of the largest ones below and above. */
interface Weights {
  zero: number[];
  below: number[];
  above: number[];
}

/** From the page's own colour at 0 to full colour at the largest weight; roots, so that small weights are seen. */
function weightColour(share: number, { zero, below, above }: Weights): string {
  const to = share < 0 ? below : above;
  const part = Math.sqrt(Math.abs(share));
  return `rgb(${zero.map((from, i) => Math.round(from + part * (to[i] - from))).join(' ')})`;
}

/** Fills the entries on and below the diagonal; marks one of them and its row and column. */
function drawMatrix(box: HTMLElement, T: number, fill: (at: number) => string, at: [number, number] | null): void {
  const canvas = box.querySelector('canvas') as HTMLCanvasElement;
  const size = Math.round(canvas.clientWidth * devicePixelRatio);
  if (canvas.width !== size) {
    canvas.width = size;
    canvas.height = size;
  }
  const context = canvas.getContext('2d');
  if (!context) return;
  const edge = (i: number): number => Math.round((i * size) / T);
  context.clearRect(0, 0, size, size);
  for (let t = 0; t < T; t++) {
    for (let s = 0; s <= t; s++) {
      context.fillStyle = fill(t * T + s);
      context.fillRect(edge(s), edge(t), edge(s + 1) - edge(s), edge(t + 1) - edge(t));
    }
  }
  if (!at) return;
  const [t, s] = at;
  const frame = (width: number, style: string): void => {
    context.lineWidth = width * devicePixelRatio;
    context.strokeStyle = style;
    context.strokeRect(edge(s), edge(t), edge(s + 1) - edge(s), edge(t + 1) - edge(t));
  };
  frame(4, colour('--page'));
  frame(2, colour('--ink'));
}

export interface MaskView {
  attach(engine: Engine, system: string): void;
}

export function createMaskView(): MaskView {
  let attached: { engine: Engine; system: string } | null = null;
  let mask: MaskOutput | null = null;
  let at: [t: number, s: number] | null = null;
  let asked = 0;

  const most = (): number => mask?.values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;

  const draw = onFrame(() => {
    if (!mask) return;
    const { T, level, values } = mask;
    const [zero, below, above] = ['--page', '--below', '--above'].map((name) => channels(colour(name)));
    const colours = { zero, below, above };
    const scale = most();
    drawMatrix(levelsBox, T, (i) => levelColour(level[i]), at);
    drawMatrix(valuesBox, T, (i) => weightColour(values[i] / scale, colours), at);
    const shares = [-1, -0.5, -0.1, 0, 0.1, 0.5, 1].map(
      (share) => `${weightColour(share, colours)} ${50 + 50 * share}%`,
    );
    (ramp.querySelector('i') as HTMLElement).style.background = `linear-gradient(to right, ${shares.join(', ')})`;
  });

  function tell(): void {
    if (!mask || !at) {
      entry.textContent = 'Point at an entry, or move with the arrow keys.';
      return;
    }
    const [t, s] = at;
    const { T, levels, level, lambda, values, exact } = mask;
    const l = level[t * T + s];
    const stride = lambda.length / T;
    entry.textContent =
      `t = ${t}, s = ${s}: level ${levels === 1 ? 'none, the system is flat' : l}, ` +
      `λ = ${readable(lambda[t * stride + l])}, P = ${values[t * T + s]} (float64: ${exact[t * T + s]})`;
  }

  function move(t: number, s: number): void {
    if (!mask) return;
    const row = Math.min(Math.max(t, 0), mask.T - 1);
    at = [row, Math.min(Math.max(s, 0), row)];
    tell();
    draw();
  }

  async function update(): Promise<void> {
    lengthText.textContent = length.value;
    if (!attached) return;
    const { engine, system } = attached;
    const turn = ++asked;
    try {
      const input = { system, T: length.valueAsNumber, seed: SEED, ones: scores.value === 'ones' };
      const answer = await engine.call('mask', input);
      // the slider has moved on
      if (turn !== asked) return;
      mask = answer;
    } catch (error) {
      if (turn === asked) check.textContent = `✗ ${(error as Error).message}`;
      return;
    }
    const { T, levels, ratio } = mask;
    legend.replaceChildren(
      ...Array.from({ length: levels }, (_, l) =>
        make('li', {}, make('i', { style: `background: ${levelColour(l)}` }), levelText(l, levels === 1)),
      ),
    );
    const scale = readable(most());
    element('mask-least', HTMLSpanElement).textContent = `−${scale}`;
    element('mask-most', HTMLSpanElement).textContent = `${scale}`;
    const isNear = ratio <= 1;
    check.textContent = `${isNear ? '✓' : '✗'} ${T} × ${T} entries, the furthest from float64 by ${readable(ratio)} of its bound.`;
    check.className = isNear ? 'holds' : 'broken';
    if (at) move(...at);
    draw();
  }

  for (const box of [levelsBox, valuesBox]) {
    box.tabIndex = 0;
    box.addEventListener('pointermove', ({ offsetX, offsetY }) => {
      const cell = box.clientWidth / (mask?.T ?? 1);
      if (offsetX <= offsetY) move(Math.floor(offsetY / cell), Math.floor(offsetX / cell));
    });
    box.addEventListener('focus', () => {
      if (!at) move(mask ? mask.T - 1 : 0, 0);
    });
    box.addEventListener('keydown', (event) => {
      const [t, s] = at ?? [0, 0];
      const step = event.shiftKey ? 8 : 1;
      const to: Record<string, [number, number]> = {
        ArrowUp: [t - step, s],
        ArrowDown: [t + step, s],
        ArrowLeft: [t, s - step],
        ArrowRight: [t, s + step],
        Home: [t, 0],
        End: [t, t],
      };
      if (!to[event.key]) return;
      event.preventDefault();
      move(...to[event.key]);
    });
  }
  length.addEventListener('input', update);
  scores.addEventListener('change', update);
  onLookChange(draw, levelsBox);
  return {
    attach(engine, system) {
      attached = { engine, system };
      length.disabled = false;
      scores.disabled = false;
      update();
    },
  };
}
