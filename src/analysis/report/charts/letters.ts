/** How much room writing takes, where nobody can measure it. */

/** Size of letters of charts, in pixels. */
export const FONT = 12;
/** Width of letters, in parts of their size; wide enough for any usual font. */
const LETTER = 0.58;
/** Left free beside a text. */
const MARGIN = 8;

/** Whether a text has room. */
export function fits(text: string, width: number): boolean {
  return text.length <= (width - MARGIN) / (FONT * LETTER);
}

/** As much of a name as has room; nothing where that says nothing. */
export function fitting(name: string, width: number): string {
  if (fits(name, width)) return name;
  const letters = Math.floor((width - MARGIN) / (FONT * LETTER));
  return letters < 5 ? '' : `${name.slice(0, letters - 1)}…`;
}
