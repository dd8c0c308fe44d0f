/** Small things that every part of the page uses. */

/** The element of that id, as what it must be. */
export function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return found;
}

/** A new element with text in it, or other elements. */
export function make(tag: string, attributes: Record<string, string>, ...content: (string | Node)[]): HTMLElement {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...content);
  return made;
}

export function fillOptions(select: HTMLSelectElement, options: readonly [value: string, text: string][]): void {
  select.replaceChildren(...options.map(([value, text]) => make('option', { value }, text)));
}

/** A colour of the style sheet, as it is in the scheme of now. */
export function colour(name: string): string {
  const probe = make('span', { style: `color: var(${name})` });
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Three digits, and no more zeros than needed. */
export const readable = (value: number): string =>
  Number.isFinite(value) ? String(Number(value.toPrecision(3))) : value > 0 ? 'no bound holds' : String(value);

/** Calls `draw` before the next frame, once however often it is asked. */
export function onFrame(draw: () => void): () => void {
  let isAsked = false;
  return () => {
    if (isAsked) return;
    isAsked = true;
    requestAnimationFrame(() => {
      isAsked = false;
      draw();
    });
  };
}

/** Calls `draw` whenever colours or widths may have changed. */
export function onLookChange(draw: () => void, ...watched: Element[]): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  const observer = new ResizeObserver(draw);
  for (const each of watched) observer.observe(each);
}
