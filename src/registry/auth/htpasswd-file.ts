/**
 * Reads and changes htpasswd files, for the server and for `stowage passwd`. Only bcrypt is taken:
 * the other hashes that such files may hold (MD5, SHA-1, crypt) are guessed by the million.
 */
import { lstat, open, readFile, realpath, stat, unlink } from 'node:fs/promises';
import { hash, truncates } from 'bcryptjs';
import { replaceSecretFile } from './secret-file.ts';

/** Cost of new hashes: 2^10 rounds, about a tenth of a second of one core. */
export const DEFAULT_COST = 10;
const MIN_NEW_COST = 10;
/** A hash above this would occupy a worker for minutes: refused, it would be a way to stop log-ins. */
const MAX_COST = 16;
const MIN_COST = 4;

const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** A line that does not count, and why; never holds the hash itself. */
interface HtpasswdProblem {
  /** Line number, from 1. */
  readonly line: number;
  readonly reason: string;
}

/** Contents of an htpasswd file. */
export interface Htpasswd {
  /** Hash by user name. */
  readonly users: ReadonlyMap<string, string>;
  readonly problems: readonly HtpasswdProblem[];
}

/** A change that cannot be made; the message is for the person who asked for it. */
export class HtpasswdError extends Error {
  override readonly name = 'HtpasswdError';
}

/** The cost of a bcrypt hash, or undefined when the text is none that is taken. */
export function bcryptCost(hashed: string): number | undefined {
  const cost = Number(BCRYPT.exec(hashed)?.[1] ?? Number.NaN);
  return cost >= MIN_COST && cost <= MAX_COST ? cost : undefined;
}

/** Why a name cannot be a user's, or undefined when it can. `*` means "every user" in policies. */
function nameProblem(name: string): string | undefined {
  if (name === '') return 'the user name is empty';
  if (name === '*') return 'the user name * has a meaning of its own in policies';
  if (name.length > 255) return 'the user name is longer than 255 characters';
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i);
    if (c < 0x20 || c === 0x7f) return 'the user name holds a control character';
    if (c === 0x3a) return 'the user name holds a colon';
  }
  return undefined;
}

function hashProblem(hashed: string): string | undefined {
  if (bcryptCost(hashed) !== undefined) return undefined;
  if (!BCRYPT.test(hashed)) return 'the hash is not bcrypt ($2y$, $2b$ or $2a$); use htpasswd -B';
  return `the cost of the hash is not between ${MIN_COST} and ${MAX_COST}`;
}

/** The user that a line is about, or undefined for blanks and comments. */
function nameOfLine(line: string): string | undefined {
  if (line.trim() === '' || line.startsWith('#')) return undefined;
  const colon = line.indexOf(':');
  return colon < 0 ? undefined : line.slice(0, colon);
}

/** Reads the text of an htpasswd file. Lines that do not count are reported and passed over. */
export function parseHtpasswd(text: string): Htpasswd {
  const users = new Map<string, string>();
  const problems: HtpasswdProblem[] = [];
  const lines = text.split('\n');
  for (const [index, raw] of lines.entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.trim() === '' || line.startsWith('#')) continue;
    const name = nameOfLine(line);
    // A further colon may start fields that other programs keep there.
    const hashed =
      name === undefined
        ? ''
        : line
            .slice(name.length + 1)
            .split(':')[0]!
            .trim();
    const reason =
      name === undefined
        ? 'there is no colon in the line'
        : (nameProblem(name) ??
          (users.has(name) ? 'the user stands in the file already' : hashProblem(hashed)));
    if (reason !== undefined) problems.push({ line: index + 1, reason });
    else users.set(name!, hashed);
  }
  return { users, problems };
}

/**
 * Reads an htpasswd file.
 * @throws the error of the file system when it cannot be read
 */
export async function readHtpasswd(path: string): Promise<Htpasswd> {
  return parseHtpasswd(await readFile(path, 'utf8'));
}

/** Follows links, so that the file is replaced and not the link to it. */
async function target(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    // A dangling link would otherwise be replaced by a plain file.
    const link = await lstat(path).catch(() => undefined);
    if (link !== undefined) throw new HtpasswdError(`${path} is a link to a file that is missing`);
    return path;
  }
}

/** Replaces the lines of one user by `line`, or takes them out; the rest stays as it is. */
function withUser(text: string, user: string, line: string | undefined): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n');
  const out: string[] = [];
  let placed = line === undefined;
  for (const old of lines) {
    if (nameOfLine(old) !== user) out.push(old);
    else if (!placed) {
      out.push(line!);
      placed = true;
    }
  }
  if (!placed) out.push(line!);
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
}

async function change(path: string, apply: (text: string) => string | undefined): Promise<boolean> {
  const file = await target(path);
  const lock = `${file}.lock`;
  // The lock is taken before the file is read: two commands at once must not undo each other.
  const handle = await open(lock, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    throw new HtpasswdError(
      `another command is changing ${path}; if none is, remove the file ${lock}`,
    );
  });
  try {
    const old = await stat(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    const text = apply(old === undefined ? '' : await readFile(file, 'utf8'));
    if (text === undefined) return false;
    await replaceSecretFile(file, text, {
      // A group that could read the file keeps that: the server may run under another user.
      mode: 0o600 | ((old?.mode ?? 0) & 0o040),
      ...(old !== undefined && process.getuid?.() === 0 && { owner: old }),
    });
    return true;
  } finally {
    await handle.close();
    await unlink(lock);
  }
}

/** How a new hash is made. */
export interface SetUserOptions {
  /** log2 of the number of rounds, 10 to 16. Default 10. */
  readonly cost?: number;
}

/**
 * Adds a user or changes the password of one. The file is created when missing, replaced in one
 * step, and readable by its owner only.
 * @throws HtpasswdError when the name, the password or the cost cannot be taken
 */
export async function setHtpasswdUser(
  path: string,
  credential: { readonly user: string; readonly password: string },
  options: SetUserOptions = {},
): Promise<void> {
  const { user, password } = credential;
  const cost = options.cost ?? DEFAULT_COST;
  const reason = user.startsWith('#') ? 'the user name starts with #' : nameProblem(user);
  if (reason !== undefined) throw new HtpasswdError(reason);
  if (!Number.isInteger(cost) || cost < MIN_NEW_COST || cost > MAX_COST) {
    throw new HtpasswdError(`the cost has to be between ${MIN_NEW_COST} and ${MAX_COST}`);
  }
  if (password === '') throw new HtpasswdError('the password is empty');
  if (password.includes('\0')) throw new HtpasswdError('the password holds a NUL character');
  if (truncates(password)) {
    throw new HtpasswdError('the password is longer than the 72 bytes that bcrypt looks at');
  }
  // $2y$ names the same algorithm as $2b$ and is the name that Apache's tools know.
  const hashed = (await hash(password, cost)).replace(/^\$2b\$/, '$2y$');
  await change(path, (text) => withUser(text, user, `${user}:${hashed}`));
}

/**
 * Takes a user out of the file.
 * @returns false when there is no such user
 */
export async function removeHtpasswdUser(path: string, user: string): Promise<boolean> {
  return await change(path, (text) => {
    const there = text.split('\n').some((line) => nameOfLine(line) === user);
    return there ? withUser(text, user, undefined) : undefined;
  });
}
