/** A case as text that fits on a screen: its tensors as nested arrays, and what came out beside what is right. */

import { unravel } from '../../properties/compare.ts';
import { inputNames, sizesOf } from '../../properties/edit.ts';
import type { Case } from '../../reference/case.ts';
import { elements, type Tensor, toDense } from '../../reference/tensor.ts';
import type { Failure, OutputErrors } from '../failure.ts';

/** Entries of a tensor that are written out, rows of the table. */
const MOST_ENTRIES = 24;
const MOST_ROWS = 12;
/** Entries that are written out where all others are the same. */
const MOST_EXCEPTIONS = 6;

/** A number as JSON has it, in as many digits as it needs. */
export const numberText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

/** Row-major numbers as nested arrays. */
export function nested(
  data: ArrayLike<number>,
  shape: readonly number[],
  text: (value: number) => string = numberText,
  at = 0,
): string {
  const [size, ...rest] = shape;
  if (size === undefined) return text(data[at]);
  const block = elements(rest);
  return `[${Array.from({ length: size }, (_, i) => nested(data, rest, text, at + i * block)).join(', ')}]`;
}

/** The number that is there most often, as far as the first ones tell. */
function mostCommon(data: Float64Array): number {
  const counts = new Map<number, number>();
  for (const value of data.subarray(0, 4096)) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, each) => (each[1] > best[1] ? each : best))[0];
}

function tensorText(value: Tensor): string {
  const { shape } = value;
  const data = toDense(value);
  if (data.length <= MOST_ENTRIES) return nested(data, shape);
  const first = Array.from(data.subarray(0, 6), numberText).join(', ');
  const common = mostCommon(data);
  const others = [...data.keys()].filter((at) => !Object.is(data[at], common));
  if (others.length === 0) return `all ${numberText(common)}, shape [${shape}]`;
  if (others.length <= MOST_EXCEPTIONS) {
    const except = others.map((at) => `[${unravel(at, [...shape])}] = ${numberText(data[at])}`);
    return `${numberText(common)} but ${except.join(', ')}; shape [${shape}]`;
  }
  return `${first}, … (${data.length} numbers, shape [${shape}])`;
}

/** "B 1 · T 3 · H 1 · G 1 · K 1 · V 1 · L 3" */
export function sizesText(c: Case): string {
  const { B, T, H, G, K, V, L, n } = sizesOf(c);
  const sizes = { B, T, H, G, K, V, L };
  const parts = Object.entries(sizes).map(([letter, size]) => `${letter} ${size}`);
  return [...parts, ...(c.cuSeqlens ? [`n ${n}`] : [])].join(' · ');
}

/** Fields beside the tensors, where they are not the default. */
export function fieldsOf({ scale, structure, position, cuSeqlens, chunkSize }: Case): [string, string][] {
  const fields: [string, unknown][] = [
    ['scale', scale],
    ['structure', structure],
    ['position', position && Array.from(position)],
    ['cuSeqlens', cuSeqlens && Array.from(cuSeqlens)],
    ['chunkSize', chunkSize],
  ];
  return fields.filter(([, value]) => value !== undefined).map(([name, value]) => [name, JSON.stringify(value)]);
}

/** The tensors of a case by name: inputs, and cotangents. */
export function tensorsIn(c: Case): [string, Tensor][] {
  const tensors = inputNames(c).map((name): [string, Tensor] => [name, c.inputs[name] as Tensor]);
  if (c.cotangents) tensors.push(['cotangents.o', c.cotangents.o]);
  if (c.cotangents?.finalState) tensors.push(['cotangents.finalState', c.cotangents.finalState]);
  return tensors;
}

/** A ratio to the bound, short. */
export function ratioText(ratio: number): string {
  if (!Number.isFinite(ratio)) return '∞';
  if (ratio === 0) return '0';
  return ratio >= 1e-3 && ratio < 1e5 ? ratio.toPrecision(3) : ratio.toExponential(1);
}

export interface Row {
  place: string;
  expected: string;
  actual: string;
  ratio: string;
  isWrong: boolean;
}

/** What is wrong comes first where not all fits. */
export function rowsOf({ name, shape, actual, expected, ratio }: OutputErrors, most = MOST_ROWS): Row[] {
  const all = [...ratio.keys()];
  const isWrong = (at: number): boolean => !(ratio[at] <= 1);
  const shown = all.length <= most ? all : [...all.filter(isWrong), ...all.filter((at) => !isWrong(at))].slice(0, most);
  return shown.map((at) => ({
    place: `${name}[${unravel(at, shape)}]`,
    expected: numberText(expected[at]),
    actual: numberText(actual[at]),
    ratio: ratioText(ratio[at]),
    isWrong: isWrong(at),
  }));
}

/** Columns as wide as their widest cell. */
function columns(rows: string[][]): string[] {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]))
      .join('  ')
      .trimEnd(),
  );
}

/** Expected and actual side by side, and how far apart in units of the bound. */
export function tableText(output: OutputErrors, most = MOST_ROWS): string[] {
  const rows = rowsOf(output, most);
  const head = ['', 'expected', 'actual', 'of the bound'];
  const lines = columns([
    head,
    ...rows.map((row) => [row.place, row.expected, row.actual, `${row.ratio}${row.isWrong ? ' ✗' : ''}`]),
  ]);
  const left = output.ratio.length - rows.length;
  if (left <= 0) return lines;
  const wrong = output.ratio.filter((each) => !(each <= 1)).length;
  return [...lines, `… and ${left} more elements; ${wrong} of ${output.ratio.length} are wrong`];
}

/** Characters of a line of numbers. */
const LINE = 88;

/** A name and its text, broken after commas where it is long. */
function foldedRows(name: string, text: string): string[][] {
  const lines: string[] = [];
  for (const part of text.split(/(?<=,) /)) {
    const last = lines[lines.length - 1];
    if (last !== undefined && last.length + part.length < LINE) lines[lines.length - 1] = `${last} ${part}`;
    else lines.push(part);
  }
  return lines.map((line, i) => [i === 0 ? name : '', line]);
}

/** A failing case in some 30 lines: what is cut says so. `output`: whose elements are shown; null where it has none. */
export function caseLines(failure: Failure, output: OutputErrors | null): string[] {
  const { c, precision } = failure;
  const lines = columns([
    ...fieldsOf(c),
    ...tensorsIn(c).flatMap(([name, value]) => foldedRows(name, tensorText(value))),
  ]);
  const table = output ? ['', ...tableText(output)] : [];
  return [`${c.system} in ${precision.name}, ${sizesText(c)}`, ...lines, ...table];
}
