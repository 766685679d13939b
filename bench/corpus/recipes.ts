/** What the corpus is made of: every image with its content, its builder and the image below it. */

/** Who packs and compresses an image. */
export type BuilderName = 'buildah' | 'umoci' | 'crane';

/** What an image adds to the one below it. */
export type Content =
  /** A minimal Debian without documentation, as published or with all updates since. */
  | { readonly kind: 'debian'; readonly suite: string; readonly updates: boolean }
  /** Packages of the Debian below, installed by apt-get. */
  | { readonly kind: 'packages'; readonly packages: readonly string[] }
  /** A tree of npm packages, as they could be had on the recipe's date. */
  | { readonly kind: 'npm'; readonly packages: readonly string[] }
  /** A program of Go. */
  | { readonly kind: 'program'; readonly version: string };

/** One image. */
export interface Recipe {
  /** Repository and tag. */
  readonly name: string;
  readonly builder: BuilderName;
  /** Name of the recipe below, which stands earlier in the list. */
  readonly base?: string;
  /** Day of the build: no time of a Debian tree is later, no npm package younger. */
  readonly date: string;
  readonly content: Content;
}

/** Names of the forms. */
export const FORMS = ['short', 'full'] as const;

/** How large the corpus is to be. */
export type Form = (typeof FORMS)[number];

const dayOf = (month: string): string => `${month}-01`;

/** A Debian and its rebuilds: the first month as published, the later ones with all updates. */
function debian(repository: string, suite: string, months: readonly string[]): Recipe[] {
  return months.map((month, i) => ({
    name: `${repository}:${month}`,
    builder: 'buildah',
    date: dayOf(month),
    content: { kind: 'debian', suite, updates: i > 0 },
  }));
}

/** The same packages on successive rebuilds of a base. */
function service(
  repository: string,
  builder: BuilderName,
  packages: readonly string[],
  base: string,
  months: readonly string[],
): Recipe[] {
  return months.map((month) => ({
    name: `${repository}:${month}`,
    builder,
    base: `${base}:${month}`,
    date: dayOf(month),
    content: { kind: 'packages', packages },
  }));
}

/** A tree of npm packages in successive months. */
function application(
  repository: string,
  builder: BuilderName,
  packages: readonly string[],
  base: string,
  months: readonly string[],
): Recipe[] {
  return months.map((month) => ({
    name: `${repository}:${month}`,
    builder,
    base,
    date: dayOf(month),
    content: { kind: 'npm', packages },
  }));
}

/** Versions of one program of Go. */
function program(base: string, versions: readonly string[]): Recipe[] {
  return versions.map((version) => ({
    name: `tool:${version}`,
    builder: 'crane',
    base,
    date: dayOf('2026-11'),
    content: { kind: 'program', version },
  }));
}

const WEB = ['express@^4', 'webpack@^5', 'react-dom@^18', 'typescript@~5.4'];

/** At most 8 images and 300 MB: for a try, and for CI. */
const SHORT: readonly Recipe[] = [
  ...debian('debian', 'bookworm', ['2026-09', '2026-10', '2026-11']),
  ...service('node', 'buildah', ['nodejs'], 'debian', ['2026-10']),
  ...application('web', 'umoci', WEB, 'node:2026-10', ['2025-11', '2026-11']),
  ...program('debian:2026-11', ['1.0.0', '1.1.0']),
];

/** The recipes of a form, each after the one below it. */
export const RECIPES: Record<Form, readonly Recipe[]> = { short: SHORT, full: SHORT };
