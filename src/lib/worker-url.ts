/** Workers are started by file name, which ends otherwise once the project has been built. */

/**
 * The URL of a module beside the one that asks, `.ts` when run from source, `.js` when built.
 * @param base - `import.meta.url` of the caller
 * @param name - file name without its ending, for example `./hash-worker`
 */
export function workerUrl(base: string, name: string): URL {
  return new URL(`${name}${base.endsWith('.ts') ? '.ts' : '.js'}`, base);
}
