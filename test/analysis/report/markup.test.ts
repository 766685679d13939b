import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { escapeText, html } from '../../../src/analysis/report/markup.ts';
import { printableName } from '../../../src/lib/format.ts';
import { hostileText } from './hostile.ts';

describe('markup', () => {
  it('is text between tags and in attributes, whatever is put in', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const markup = html`<p title="${text}" lang="en">${text}</p><hr>`;
        const { document } = parseHTML(`<!doctype html><html><body>${markup}</body></html>`);
        const [paragraph, rule, ...rest] = document.body.children;
        expect([paragraph!.localName, rule!.localName, rest.length]).toEqual(['p', 'hr', 0]);
        expect(paragraph!.children.length).toBe(0);
        expect(paragraph!.getAttributeNames().sort()).toEqual(['lang', 'title']);
        const shown = printableName(text.toWellFormed()).replace(
          /[\ufffe\uffff]/g,
          (c) => `\\u{${c.charCodeAt(0).toString(16)}}`,
        );
        expect(paragraph!.textContent).toBe(shown);
        expect(paragraph!.getAttribute('title')).toBe(shown);
      }),
    );
  });

  it('takes markup as it is, lists one by one, and nothing for undefined', () => {
    expect(html`<b>${html`<i>${'<'}</i>`}${['&', 1, undefined]}</b>`.toString()).toBe(
      '<b><i>&lt;</i>&amp;1</b>',
    );
  });

  it('has no character that XML may not hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(escapeText(text)).toMatch(/^[\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u);
      }),
    );
  });
});
