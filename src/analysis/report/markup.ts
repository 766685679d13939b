/**
 * HTML and SVG in which nothing that comes from images can be anything but text. Paths, names and
 * reasons are hostile: whoever builds an image chooses them.
 */
import { printableName } from '../../lib/format.ts';

/** Text that is markup already. Made by {@link html} and by {@link trusted}, and by nothing else. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** What may stand in a template. Undefined leaves nothing. */
export type Content = string | number | Markup | undefined | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Text for between tags and in quoted attributes, of HTML and of XML: characters that mean something
 * there as entities; what no XML may hold, and what moves or turns writing, as `\u{7}`.
 */
export function escapeText(text: string): string {
  return printableName(text.toWellFormed())
    .replace(/[&<>"']/g, (character) => ENTITIES[character]!)
    .replace(/[\ufffe\uffff]/g, (character) => `\\u{${character.charCodeAt(0).toString(16)}}`);
}

function render(content: Content): string {
  if (content === undefined) return '';
  if (content instanceof Markup) return content.text;
  if (typeof content === 'object') return content.map(render).join('');
  return escapeText(String(content));
}

/**
 * Markup of a template. Whatever is put in is text, unless it is markup; in attributes it has to
 * stand in quotes.
 */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return new Markup(
    parts.map((part, i) => (i === 0 ? part : render(contents[i - 1]) + part)).join(''),
  );
}

/** Markup that a library of drawing has made out of numbers and texts of our own. */
export function trusted(text: string): Markup {
  return new Markup(text);
}
