/** The SQL files of this folder. */
import { readFileSync } from 'node:fs';

/** Text of a query by its name, which is that of its file without `.sql`. */
export function query(name: string): string {
  return readFileSync(new URL(`./${name}.sql`, import.meta.url), 'utf8');
}
