/**
 * Sums written out four terms at a time, for webasm. V8 keeps the sum of four neighbours in memory where a function has a second loop, so
 * each term waits for a store and a load; with four terms a step they are added up in registers first (docs/gpujs-notes.md, 12).
 */

/** A loop whose body adds one term to a sum: its variable, first value, comparison, end, sum, sign and term. */
const SUM = /for \(let (\w+) = ([^;]+); \1 (<=?) ([^;]+); (?:\1\+\+|\1 \+= 1)\)\s*(\w+) ([+-])= ([^;{}]+);/g;

const TERMS = 4;

/** The body with such loops written out. A loop from 0 to a size that four divide needs no second loop for what is left over. */
export function unrolled(source: string, sizes: Record<string, number>): string {
  let loops = 0;
  return source.replace(
    SUM,
    (_, index: string, from: string, comparison: string, end: string, sum: string, sign: string, term: string) => {
      const at = (by: number): string =>
        `(${term.replace(new RegExp(`\\b${index}\\b`, 'g'), by === 0 ? index : `(${index} + ${by})`)})`;
      const terms = Array.from({ length: TERMS }, (_, by) => at(by)).join(' + ');
      const main = `for (let ${index} = ${from}; ${index} + ${TERMS - 1} ${comparison} ${end}; ${index} += ${TERMS}) ${sum} ${sign}= ${terms};`;
      const size = /^this\.constants\.(\w+)$/.exec(end)?.[1];
      if (from === '0' && comparison === '<' && size !== undefined && sizes[size] % TERMS === 0) return main;
      const rest = `rest${++loops}`;
      const length = `(${end}) - (${from})${comparison === '<=' ? ' + 1' : ''}`;
      return `{ ${main}
      const ${rest} = ${from} + ${TERMS} * Math.max(Math.floor((${length} + 0.5) / ${TERMS}), 0);
      for (let ${index}${rest} = ${rest}; ${index}${rest} ${comparison} ${end}; ${index}${rest} += 1) ${sum} ${sign}= ${term.replace(new RegExp(`\\b${index}\\b`, 'g'), `${index}${rest}`)};
    }`;
    },
  );
}
