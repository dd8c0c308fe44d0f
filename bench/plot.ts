/** Two drawn panels, lines on logarithmic axes, as one SVG. Small enough to be written by hand: no library draws without a browser. */

export interface Line {
  name: string;
  colour: string;
  dashed?: boolean;
  points: [x: number, y: number][];
}

export interface Panel {
  title: string;
  x: string;
  y: string;
  /** Marks of the y axis, with what is written beside each; the first and the last are its ends. */
  marks: [value: number, text: string][];
  xMarks: [value: number, text: string][];
  lines: Line[];
}

const WIDTH = 520;
const HEIGHT = 360;
const LEFT = 64;
const RIGHT = 150;
const TOP = 40;
const BOTTOM = 48;

/** Position of a value between the ends of a logarithmic axis, from 0 to 1. */
function along(marks: [number, string][], value: number): number {
  const from = Math.log(marks[0][0]);
  const to = Math.log((marks.at(-1) ?? marks[0])[0]);
  return (Math.log(value) - from) / (to - from);
}

const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');

function text(x: number, y: number, what: string, anchor: string, more = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" ${more}>${escaped(what)}</text>`;
}

/** Ends of lines that would have their names on top of each other are moved apart. */
function spreadNames(ends: number[], apart: number): number[] {
  const order = ends.map((_, i) => i).sort((a, b) => ends[a] - ends[b]);
  const out = [...ends];
  for (let i = 1; i < order.length; i++) out[order[i]] = Math.max(out[order[i]], out[order[i - 1]] + apart);
  return out;
}

function draw(panel: Panel, offset: number): string {
  const { title, lines, marks, xMarks } = panel;
  const px = (x: number): number => offset + LEFT + along(xMarks, x) * (WIDTH - LEFT - RIGHT);
  const py = (y: number): number => HEIGHT - BOTTOM - along(marks, y) * (HEIGHT - TOP - BOTTOM);
  const right = offset + WIDTH - RIGHT;
  const out = [text(offset + LEFT, 22, title, 'start', 'font-weight="600" font-size="14"')];
  for (const [value, label] of marks) {
    out.push(`<path d="M${offset + LEFT} ${py(value).toFixed(1)}H${right}" stroke="#ddd"/>`);
    out.push(text(offset + LEFT - 8, py(value) + 4, label, 'end'));
  }
  for (const [value, label] of xMarks) {
    out.push(`<path d="M${px(value).toFixed(1)} ${HEIGHT - BOTTOM}v5" stroke="#888"/>`);
    out.push(text(px(value), HEIGHT - BOTTOM + 20, label, 'middle'));
  }
  out.push(text((offset + LEFT + right) / 2, HEIGHT - 8, panel.x, 'middle'));
  out.push(text(0, 0, panel.y, 'middle', `transform="translate(${offset + 14} ${HEIGHT / 2 - 4}) rotate(-90)"`));
  const last = lines.map(({ points }) => points[points.length - 1]);
  const names = spreadNames(
    last.map(([, y]) => py(y)),
    15,
  );
  lines.forEach(({ name, colour, dashed, points }, i) => {
    const path = points.map(([x, y]) => `${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join('L');
    out.push(
      `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"${dashed ? ' stroke-dasharray="5 4"' : ''}/>`,
    );
    if (!dashed) {
      for (const [x, y] of points)
        out.push(`<circle cx="${px(x).toFixed(1)}" cy="${py(y).toFixed(1)}" r="2.5" fill="${colour}"/>`);
    }
    out.push(text(px(last[i][0]) + 8, names[i] + 4, name, 'start', `fill="${colour}"`));
  });
  return out.join('\n');
}

export function svg(panels: Panel[]): string {
  const width = panels.length * WIDTH;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" width="${width}" height="${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="#333">
<rect width="${width}" height="${HEIGHT}" fill="#fff"/>
${panels.map((panel, i) => draw(panel, i * WIDTH)).join('\n')}
</svg>
`;
}
