/**
 * Paths of files in layers: relative to the root of the image, without `.`, `..` and empty components;
 * the root itself is ''. Their order puts everything below a directory right behind it.
 */

/** Characters that a path or a link may have: more cannot be unpacked anywhere (PATH_MAX). */
export const MAX_PATH = 4096;

const SLASH = 0x2f;

/**
 * The path that a name in an archive stands for. What leads out of the root is no path.
 * @returns undefined when it is none, or longer than {@link MAX_PATH}
 */
export function cleanPath(name: string): string | undefined {
  if (name.length > MAX_PATH || name.includes('\0')) return undefined;
  const components: string[] = [];
  for (const component of name.split('/')) {
    if (component === '' || component === '.') continue;
    if (component !== '..') components.push(component);
    else if (components.pop() === undefined) return undefined;
  }
  return components.join('/');
}

/** The path of an entry of a directory. */
export function joinPath(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/** The directory that a path lies in; that of the root is the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** The last component. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Whether a path lies below a directory. */
export function isBelow(path: string, directory: string): boolean {
  if (directory === '') return path !== '';
  return path.length > directory.length && path.startsWith(`${directory}/`);
}

/** A value that sorts behind everything below a directory, and before all that follows. */
export function endOf(directory: string): string {
  // No path holds it, and only a slash sorts before it.
  return directory === '' ? '\uffff' : `${directory}\x01`;
}

/**
 * Compares paths by UTF-16 code units, a slash before all others.
 * @returns below 0, 0 or above 0
 */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x === y) continue;
    if (x === SLASH) return -1;
    if (y === SLASH) return 1;
    return x - y;
  }
  return a.length - b.length;
}
