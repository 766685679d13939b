import { delimiter } from 'node:path';

/** PATH as on a machine that has whatever Node came with its system, and not that of this project. */
export const SYSTEM_PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter);
