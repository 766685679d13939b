/** Reports in which every text that comes from outside is hostile. */
import fc from 'fast-check';
import type { AnalysisReport } from '../../../src/analysis/metrics/schema.ts';

/** Texts that would do harm somewhere: in HTML, XML, CSV, on a terminal. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</style></title></svg><iframe src="http://127.0.0.1:1/">',
    '&lt;b&gt;',
    '-->]]>',
    '=cmd|calc!A0',
    '@SUM(1)',
    'a,b\r\n"c"',
    '\u001b[2J\u0007',
    '\u202egnp.exe',
    '\ud800 alone',
    '\u0000',
    '\uffff',
    '__proto__',
    'x'.repeat(300),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
);

/** Fields whose values are words of the format itself. */
const OWN_WORDS = new Set(['format', 'measuredBy']);

/** The same report with every text from outside replaced. */
export function withTexts(report: AnalysisReport, text: () => string): AnalysisReport {
  const replace = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') {
      if (OWN_WORDS.has(key)) return value;
      // The row of a group has an empty type, and no other has.
      if (key === 'type') return value === '' ? value : text() || 'x';
      return text();
    }
    if (Array.isArray(value)) return value.map((inner) => replace(inner, key));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, replace(inner, name)]),
    );
  };
  return replace(report, '') as AnalysisReport;
}
