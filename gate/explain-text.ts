/** What `lla explain` prints. */
import type { Colors } from 'picocolors/types.js';
import type { ExplainedElement, Explanation, JudgedOutput } from './explain.ts';
import { few, place } from './report.ts';
import { table } from './table.ts';

/** Columns of the last cell: all others are short. */
const BECAUSE = 64;

const percent = (share: number): string => (share >= 0.001 ? `${(100 * share).toFixed(1)} %` : '< 0.1 %');

function outputsText(outputs: readonly JudgedOutput[]): string {
  const rows = outputs.map(({ output, holds, wrong, worst }) => {
    const sign = holds ? '✓' : '✗';
    if (!worst) return [`${sign} ${output}: ${wrong ?? 'empty'}`, '', '', '', '', ''];
    const { index, actual, exact, difference, bound, ratio } = worst;
    const numbers = [String(actual), String(exact), few(difference), few(bound), few(ratio)];
    return [`${sign} ${place({ name: output, index })}`, ...numbers];
  });
  return table(['worst element', 'actual', 'exact', 'difference', 'bound', 'of the bound'], rows, []);
}

function elementText(element: ExplainedElement, system: string, precision: string, colors: Colors): string {
  const { output, index, exact, size, bound, terms } = element;
  const against = size > 0 && Number.isFinite(bound) ? `, ${few(bound / size)} of its terms` : '';
  const rows = terms.map(({ cause, allows, share, because }) => [cause, few(allows), percent(share), because]);
  return [
    `${colors.bold(place({ name: output, index }))} of ${system} in ${precision}`,
    `  exact  ${exact}`,
    `  terms  add up to ${few(size)} in absolute value`,
    `  bound  ${Number.isFinite(bound) ? few(bound) : 'none: nothing is promised'}${against}`,
    table(['cause', 'allows', 'share', 'because'], rows, [null, null, null, BECAUSE]),
  ].join('\n');
}

/** Everything about one explanation, for people. */
export function explanationText(
  { system, precision, conforms, outputs, element }: Explanation,
  colors: Colors,
): string {
  const parts: string[] = [];
  if (outputs) {
    const word = conforms ? colors.green('within its bounds') : colors.red('not within its bounds');
    parts.push(outputsText(outputs), `the answer is ${colors.bold(word)} in ${precision}`);
  }
  if (element) parts.push(elementText(element, system, precision, colors));
  return parts.join('\n\n');
}
