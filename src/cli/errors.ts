/** Turns whatever was thrown into what a person at a terminal needs: what is wrong, what to do. */
import { type ErrorCode, OciError } from '../oci/errors.ts';
import {
  ServerTimeoutError,
  ServerUnreachableError,
  UnexpectedAnswerError,
} from '../registry/admin/client-errors.ts';
import { HtpasswdError } from '../registry/auth/htpasswd-file.ts';
import { ConfigError } from '../registry/config/problems.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** An error that was foreseen. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(message: string, exitCode: ExitCode, hint?: string) {
    super(message);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

/** An error as it is shown. */
export interface Explanation {
  readonly message: string;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  UNAUTHORIZED: 'set STOWAGE_TOKEN, or put the name and password of an administrator into the URL',
  DENIED: 'this needs the admin right (auth.rights.admin) and, for a repository, a policy',
  NAME_UNKNOWN: 'stowage repos lists what there is',
  MANIFEST_UNKNOWN: 'stowage tags lists what there is',
};

const NOT_FOUND: readonly ErrorCode[] = ['NAME_UNKNOWN', 'MANIFEST_UNKNOWN', 'BLOB_UNKNOWN'];

/** Errors of the system whose own text says little. */
const SYSTEM_HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there; choose another port by http.listen',
  EADDRNOTAVAIL: 'http.listen has to name an address of this machine',
  EACCES: 'check the permissions, and which user runs the command',
  EPERM: 'check the permissions, and which user runs the command',
  ENOSPC: 'free some space on the disk',
  EROFS: 'the file system is mounted read-only',
};

/**
 * Errors of a data directory that cannot be opened, by name: the modules that throw them would load
 * the databases into every command.
 */
const DIRECTORY_HINTS: Readonly<Record<string, string | undefined>> = {
  DataDirectoryLockedError: 'end that process, or talk to its server by --server',
  LockFileDamagedError: 'remove that file while no Stowage runs there: it holds no data',
  FormatError: undefined,
  DatabaseDamagedError: 'look at the disk, then put a backup of the data directory in its place',
};

/** Errors of an analysis, by name for the same reason; those of sources have a hint of their own. */
const ANALYSIS_ERRORS: Readonly<Record<string, ExitCode>> = {
  SourceError: EXIT.failure,
  SourceUsageError: EXIT.usage,
  DatasetError: EXIT.failure,
  JournalError: EXIT.failure,
  ScanError: EXIT.failure,
  WrongBytesError: EXIT.failure,
};

const INTERNAL = { hint: undefined, exitCode: EXIT.failure } as const;

function explainOther(error: unknown): Explanation {
  if (!(error instanceof Error)) return { ...INTERNAL, message: `internal error: ${error}` };
  const { code, message } = error as NodeJS.ErrnoException;
  // Errors of the system have a code; those of a mistake in the program have none.
  if (code === undefined) return { ...INTERNAL, message: `internal error: ${message}` };
  return { message, hint: SYSTEM_HINTS[code], exitCode: EXIT.failure };
}

/** What to show for `error`. */
export function explain(error: unknown): Explanation {
  if (error instanceof CliError) return error;
  if (error instanceof ConfigError) {
    return { message: error.message, hint: undefined, exitCode: EXIT.configuration };
  }
  if (error instanceof OciError) {
    const exitCode = NOT_FOUND.includes(error.code) ? EXIT.notFound : EXIT.failure;
    return { message: error.message, hint: HINTS[error.code], exitCode };
  }
  if (error instanceof HtpasswdError) {
    return { message: error.message, hint: undefined, exitCode: EXIT.failure };
  }
  if (error instanceof ServerUnreachableError || error instanceof ServerTimeoutError) {
    const hint = 'is the server running, and is --server or STOWAGE_SERVER right?';
    return { message: error.message, hint, exitCode: EXIT.unreachable };
  }
  if (error instanceof UnexpectedAnswerError) {
    const hint = 'what listens there is no Stowage server, or one of another version';
    return { message: error.message, hint, exitCode: EXIT.unreachable };
  }
  if (error instanceof Error && Object.hasOwn(DIRECTORY_HINTS, error.name)) {
    const hint = DIRECTORY_HINTS[error.name];
    return { message: error.message, hint, exitCode: EXIT.unreachable };
  }
  if (error instanceof Error && Object.hasOwn(ANALYSIS_ERRORS, error.name)) {
    const { message, hint } = error as Error & { readonly hint?: string };
    return { message, hint, exitCode: ANALYSIS_ERRORS[error.name]! };
  }
  return explainOther(error);
}
