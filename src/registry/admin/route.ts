/** How a resource of `/api/v1/` is described. */
import type { z } from 'zod';
import type { Access } from '../auth/types.ts';
import type { AuditAction } from '../observe/audit.ts';
import type { FileDownload } from './file-operations.ts';
import type { Operations } from './operations.ts';
import type { ParameterName, ParameterValues } from './parameters.ts';

/** On whose behalf a route runs, and what it runs on. */
export interface Call {
  readonly operations: Operations;
  readonly access: Access;
  /** Media types that the client asks for; '' when it does not say. */
  readonly accept: string;
}

/** Bytes that are the answer, instead of JSON. */
export class Download {
  readonly download: FileDownload;

  constructor(download: FileDownload) {
    this.download = download;
  }
}

/** One resource and method. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** Below `/api/v1`. */
  readonly path: string;
  /** Unique name in the description. */
  readonly id: string;
  readonly summary: string;
  readonly parameters: readonly ParameterName[];
  /** Status of the answer when all goes well. */
  readonly status: 200 | 202;
  readonly answer: z.ZodType;
  /** Who may use it: who has the admin right, or everybody, for what they may pull. */
  readonly right: 'admin' | 'pull';
  /** Its answer may be bytes. */
  readonly isDownload: boolean;
  /** What the audit log calls it; undefined for what changes nothing. */
  readonly audit: AuditAction | undefined;
  /** @returns what is sent as JSON, or a {@link Download} */
  run(call: Call, values: ParameterValues): Promise<unknown>;
}

interface Definition<Name extends ParameterName> extends Pick<Route, 'id' | 'summary' | 'answer'> {
  readonly parameters: readonly Name[];
  run(call: Call, values: Pick<ParameterValues, Name>): Promise<unknown>;
}

const OF_OPERATORS = { right: 'admin', isDownload: false } as const;

/** A resource that everybody may read, as far as they may pull. */
export function readFiles<Name extends ParameterName>(
  path: string,
  definition: Definition<Name> & { readonly isDownload?: boolean },
): Route {
  const common = { method: 'GET', status: 200, audit: undefined, right: 'pull' } as const;
  return { path, ...common, isDownload: false, ...definition };
}

/** A resource that is read by operators. */
export function read<Name extends ParameterName = never>(
  path: string,
  definition: Definition<Name>,
): Route {
  return { method: 'GET', path, status: 200, ...OF_OPERATORS, audit: undefined, ...definition };
}

/** Something that operators do. */
export function change<Name extends ParameterName>(
  path: string,
  definition: Definition<Name> & { readonly audit: AuditAction; readonly status?: 202 },
): Route {
  return { method: 'POST', path, status: 200, ...OF_OPERATORS, ...definition };
}
