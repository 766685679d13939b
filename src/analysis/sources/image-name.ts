/** Names of images as layouts and archives write them: `registry:5000/name:tag@digest`. */

/** Names that are told of many. */
const SHOWN = 10;

/** A name taken apart. */
export interface ImageName {
  readonly repository: string;
  readonly tag: string | undefined;
}

/** Takes a name apart; a digest at its end says nothing that the image does not. */
export function splitImageName(name: string): ImageName {
  const at = name.indexOf('@');
  const plain = at < 0 ? name : name.slice(0, at);
  const colon = plain.lastIndexOf(':');
  // A colon ahead of a slash belongs to a port.
  if (colon < 0 || plain.includes('/', colon)) return { repository: plain, tag: undefined };
  return { repository: plain.slice(0, colon), tag: plain.slice(colon + 1) || undefined };
}

/** A name for people. */
export function joinImageName({ repository, tag }: ImageName): string {
  if (tag === undefined) return repository;
  return repository === '' ? tag : `${repository}:${tag}`;
}

/** Some names for people. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).join(', ');
  return names.length > SHOWN ? `${shown} and ${names.length - SHOWN} more` : shown;
}
