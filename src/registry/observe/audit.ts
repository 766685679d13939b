/**
 * The audit log: who changed what, and whose log-in was refused. Lines of the ordinary log that
 * carry `audit: true`, so that a collector can tell them apart by one field.
 */
import { createLineLimit } from './line-limit.ts';
import type { Logger } from './logger.ts';

/** What was done. */
export type AuditAction =
  | 'blob.push'
  | 'blob.mount'
  | 'blob.delete'
  | 'manifest.push'
  | 'manifest.delete'
  | 'tag.delete'
  | 'repository.delete'
  | 'restore'
  | 'collection.start'
  | 'scrub.start'
  | 'dedup.undo'
  | 'login.refused';

/** One line of the audit log. */
export interface AuditEvent {
  readonly action: AuditAction;
  /** `user:NAME`, `local`, or '' for anonymous; for a refused log-in the name that was given. */
  readonly subject: string;
  readonly repository?: string | undefined;
  /** Tag, if the request named one. */
  readonly reference?: string | undefined;
  readonly digest?: string | undefined;
  /** Status of the answer. */
  readonly status: number;
  /** Address of the client, behind trusted proxies the one they name. */
  readonly client: string;
  readonly requestId: string;
}

/** The audit log. */
export interface AuditLog {
  record(event: AuditEvent): void;
}

/**
 * Makes the audit log. It is written whatever the level of the log is, except with `silent`. Refused
 * log-ins, which need no right and may cost their sender nothing, are bounded in number.
 */
export function createAuditLog(logger: Logger): AuditLog {
  const level = logger.level === 'silent' ? 'silent' : 'info';
  const child = logger.child({ audit: true }, { level });
  const refusals = createLineLimit();
  return {
    record(event) {
      const { action } = event;
      const leftOut = action === 'login.refused' ? refusals.take() : 0;
      if (leftOut === undefined) return;
      child.info(leftOut === 0 ? event : { ...event, leftOut }, action);
    },
  };
}
