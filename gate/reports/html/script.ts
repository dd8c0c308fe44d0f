/**
 * What the page does beyond reading, where scripts run: filter, copy, open what a link leads to. It is text, for the page has no other
 * files; everything that is read works without it.
 */
import { copyScript } from './copy.ts';

export const script = `${copyScript}
// the filter has the same signs and words
document.querySelector('[data-legend]').hidden = true;

const search = document.getElementById('search');
const boxes = all('.filter input[type=checkbox]');
const shown = document.getElementById('shown');
const items = all('[data-item]');
const rows = all('.matrix tbody tr').map((row) => ({ row, cells: all('td[data-sign]', row) }));

function filter() {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  const signs = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  const fits = (text, sign) => signs.has(sign) && words.every((word) => text.includes(word));
  let count = 0;
  let total = 0;
  for (const { row, cells } of rows) {
    let any = false;
    for (const cell of cells) {
      const found = fits(row.dataset.text + ' ' + cell.dataset.text, cell.dataset.sign);
      cell.classList.toggle('dim', !found);
      total++;
      if (found) count++;
      any ||= found;
    }
    row.hidden = !any;
  }
  for (const item of items) item.hidden = !fits(item.dataset.text, item.dataset.item);
  for (const group of all('[data-group]')) {
    const inside = all('[data-item]', group);
    group.hidden = inside.length > 0 && inside.every((item) => item.hidden);
  }
  shown.textContent = count + ' of ' + total + ' verdicts';
}
search.addEventListener('input', filter);
for (const box of boxes) box.addEventListener('change', filter);

document.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button?.dataset.open) for (const each of all('details.finding')) each.open = button.dataset.open === 'yes';
});

function reveal() {
  const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (!target) return;
  const details = target.closest('details');
  if (details) {
    details.hidden = false;
    details.open = true;
    details.querySelector('summary').focus({ preventScroll: true });
  }
  target.scrollIntoView({ block: 'center' });
}
addEventListener('hashchange', reveal);
filter();
reveal();
`;
