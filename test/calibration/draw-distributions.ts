/** Distributions of error / bound as one SVG: a panel for each precision, a row for each output, logarithmic up to the bound. */
import type { Distribution } from './percentiles.ts';

interface Panel {
  precision: string;
  kind: string;
  outputs: Record<string, Distribution>;
}

const [WIDTH, LEFT, RIGHT, TOP, ROW, GAP] = [430, 160, 24, 30, 20, 44];
/** Ends of the axis, as powers of ten; what is below is drawn at the lower end. */
const [FROM, TO] = [-5, 0];

const along = (value: number): number => (Math.min(Math.max(Math.log10(value), FROM), TO) - FROM) / (TO - FROM);

const text = (x: number, y: number, what: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${what}</text>`;

function drawPanel({ precision, kind, outputs }: Panel, left: number, top: number): string[] {
  const names = Object.keys(outputs);
  const x = (value: number): number => left + LEFT + along(value) * (WIDTH - LEFT - RIGHT);
  const bottom = top + TOP + names.length * ROW;
  const out = [text(left + LEFT, top + 18, `${precision}, ${kind} bounds`, 'font-weight="600" font-size="14"')];
  for (let power = FROM; power <= TO; power++) {
    const at = x(10 ** power);
    const bound = power === TO;
    out.push(`<path d="M${at.toFixed(1)} ${top + TOP - 4}V${bottom}" class="${bound ? 'bound' : 'grid'}"/>`);
    out.push(
      text(
        at,
        bottom + 16,
        bound ? 'bound' : `10<tspan dy="-5" font-size="8">${power}</tspan>`,
        'text-anchor="middle"',
      ),
    );
  }
  names.forEach((name, i) => {
    const { p1, p50, p99, max } = outputs[name];
    const y = top + TOP + (i + 0.5) * ROW;
    out.push(text(left + LEFT - 8, y + 4, name.replace('gradients.', 'gradient of '), 'text-anchor="end"'));
    out.push(`<path d="M${x(p1).toFixed(1)} ${y}H${x(p99).toFixed(1)}" class="range"/>`);
    out.push(`<circle cx="${x(p50).toFixed(1)}" cy="${y}" r="3.5" class="median"/>`);
    out.push(`<path d="M${x(max).toFixed(1)} ${y - 5}v10" class="largest"/>`);
  });
  return out;
}

/** Bars from the 1st to the 99th percentile, a dot at the median, a stroke at the largest. */
export function drawDistributions(panels: readonly Panel[]): string {
  const rows = Math.max(...panels.map(({ outputs }) => Object.keys(outputs).length));
  const height = TOP + rows * ROW + GAP;
  const lines = Math.ceil(panels.length / 2);
  const drawn = panels.flatMap((panel, i) => drawPanel(panel, (i % 2) * WIDTH, Math.floor(i / 2) * height));
  const style =
    '.grid{stroke:#ddd}.bound{stroke:#c22;stroke-width:1.5}.range{stroke:#1f77b4;stroke-width:5;stroke-linecap:round;opacity:.45}.median{fill:#1f77b4}.largest{stroke:#333;stroke-width:1.5}';
  const caption = 'error / bound of the worst element of each answer: 1st to 99th percentile, median, largest';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${2 * WIDTH}" height="${lines * height + 24}" font-family="sans-serif" font-size="12" fill="#222">`,
    `<title>${caption}</title><style>${style}</style><rect width="100%" height="100%" fill="#fff"/>`,
    ...drawn,
    text(LEFT, lines * height + 10, caption, 'fill="#555"'),
    '</svg>',
    '',
  ].join('\n');
}
