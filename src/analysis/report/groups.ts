/** How groups of types are named and coloured, the same everywhere in a report. */

/**
 * Light tints after the palette of M. Okabe and K. Ito ("Color Universal Design", 2008), which people
 * of all kinds of colour vision tell apart; dark letters are readable on all of them.
 */
const GROUPS: Readonly<Record<string, readonly [title: string, color: string]>> = {
  eol: ['Executables and libraries', '#8dbbe6'],
  archives: ['Archives', '#f0a58a'],
  documents: ['Documents', '#f4cb7e'],
  source: ['Source code', '#8ed1b3'],
  scripts: ['Scripts', '#efe38a'],
  images: ['Image data', '#dcb2d2'],
  databases: ['Databases', '#a6dcea'],
  other: ['Other', '#cbcfd4'],
};

/** The name of a group for people. */
export function groupTitle(group: string): string {
  return GROUPS[group.toLowerCase()]?.[0] ?? group;
}

/** Its colour. */
export function groupColor(group: string): string {
  return GROUPS[group.toLowerCase()]?.[1] ?? GROUPS.other![1];
}
