/** Text for XML and HTML in which whatever is put into a template is escaped: names and prints of programs are hostile input. */
import { stripVTControlCharacters } from 'node:util';

/** What needs no more escaping. */
export interface Markup {
  readonly markup: string;
}

export type Content = string | number | Markup | null | undefined | readonly Content[];

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Every code point that no XML document may have, not even as a reference. */
const ILLEGAL = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

/** Colours of a terminal are dropped, characters that XML does not have become U+FFFD. */
export const cleaned = (text: string): string => stripVTControlCharacters(text).replace(ILLEGAL, '\u{FFFD}');

export const escaped = (text: string): string => cleaned(text).replace(/[&<>"']/g, (character) => ENTITIES[character]);

/** A reader of XML makes spaces of these where they stand in an attribute as they are. */
const inAttribute = (text: string): string => text.replace(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);

function contentText(content: Content, isAttribute: boolean): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'object' && 'markup' in content) return content.markup;
  if (typeof content === 'object') return content.map((each) => contentText(each, isAttribute)).join('');
  const text = escaped(String(content));
  return isAttribute ? inAttribute(text) : text.replaceAll('\r', '&#13;');
}

/** A template whose holes are escaped, markup left as it is; attributes have to stand in double quotes. */
export function markup(strings: TemplateStringsArray, ...contents: Content[]): Markup {
  let text = strings[0];
  // what stands in the holes has no quotes of its own: the template alone says what is in an attribute
  let template = strings[0];
  contents.forEach((content, i) => {
    text += contentText(content, /="[^"<>]*$/.test(template)) + strings[i + 1];
    template += strings[i + 1];
  });
  return { markup: text };
}

/** Of our own making: goes in as it is. */
export const raw = (text: string): Markup => ({ markup: text });
