/** The version of the program. */
import { readFileSync } from 'node:fs';

// The file is as far above the sources as above the built package.
const packageFile = new URL('../../../package.json', import.meta.url);

/** For example `0.1.0`. */
export const VERSION: string = JSON.parse(readFileSync(packageFile, 'utf8')).version;
