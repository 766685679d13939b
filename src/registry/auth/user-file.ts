/** The users of the htpasswd file, kept up to date while the server runs. */
import { bcryptCost, DEFAULT_COST, parseHtpasswd } from './htpasswd-file.ts';
import { type AuthLogger, type WatchedFile, watchFile } from './watched-file.ts';

/** Problems reported of one file; a file of another kind would have one in each line. */
const MAX_REPORTED = 20;

/** Who may log in. */
export interface Users {
  /** bcrypt hash by user name. */
  readonly hashes: ReadonlyMap<string, string>;
  /** A hash that nothing matches, as costly as those of the file: what unknown users are tried on. */
  readonly decoy: string;
}

/** A hash of the cost that most users have, so that unknown names take the time of most users. */
function decoyFor(hashes: ReadonlyMap<string, string>): string {
  const counts = new Map<number, number>();
  for (const hashed of hashes.values()) {
    const cost = bcryptCost(hashed)!;
    counts.set(cost, (counts.get(cost) ?? 0) + 1);
  }
  const [usual = DEFAULT_COST] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [];
  return `$2b$${String(usual).padStart(2, '0')}$${'.'.repeat(53)}`;
}

/** How the file is watched. */
export interface UserFileOptions {
  readonly path: string;
  readonly logger: AuthLogger;
  /** Called after a user was added, removed or given another password. */
  readonly onChange: () => void;
}

/**
 * Opens an htpasswd file. Lines that do not count are logged, never with their hash.
 * @throws when the file cannot be read
 */
export function openUserFile(options: UserFileOptions): Promise<WatchedFile<Users>> {
  const { path, logger, onChange } = options;
  const parse = (text: string): Users => {
    const { users, problems } = parseHtpasswd(text);
    for (const { line, reason } of problems.slice(0, MAX_REPORTED)) {
      logger.warn({ path, line, reason }, 'line of the htpasswd file does not count');
    }
    return { hashes: users, decoy: decoyFor(users) };
  };
  return watchFile({ path, parse, logger, onChange });
}
