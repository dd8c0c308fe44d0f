import Table from 'cli-table3';

/** A table as text; long cells are wrapped where their column has a width. */
export function table(head: string[], rows: string[][], widths: (number | null)[]): string {
  const each = new Table({ head, style: { head: [], border: [], compact: true }, wordWrap: true, colWidths: widths });
  each.push(...rows);
  return each.toString();
}
