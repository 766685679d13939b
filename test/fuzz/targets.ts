/** The targets by name, as addresses of their modules: threads import them by themselves. */

/** Names. */
export type TargetName = 'reader' | 'tar' | 'recipe';

const module = (name: TargetName): string => new URL(`./targets/${name}.ts`, import.meta.url).href;

/** All of them. */
export const TARGETS: Readonly<Record<TargetName, string>> = {
  reader: module('reader'),
  tar: module('tar'),
  recipe: module('recipe'),
};
