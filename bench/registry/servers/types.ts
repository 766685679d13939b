/** A server in a run: one of the registries, or the floor, over one transport. */
import type { Endpoint } from '../load/connection.ts';

/** Transport of a server's rows; ratios are formed within one. */
export type Scheme = 'http' | 'https';

/** A running server. */
export interface Target {
  /** `floor`, `stowage`, `stowage+token`, `docker-registry`, `distribution`, or a peer's name. */
  readonly name: string;
  /** What it is exactly, with its version, for the report. */
  readonly description: string;
  readonly scheme: Scheme;
  readonly endpoint: Endpoint;
  readonly pid: number;
  /** Where it keeps its data, when that is known. */
  readonly dataDir?: string | undefined;
  /** Value of the Authorization header, fresh enough for the next minutes. */
  authorization(): Promise<string | undefined>;
  /** Errors in its log so far; empty where the log is not kept. */
  errors(): string;
  /** Ends the server if this run started it. */
  stop(): Promise<void>;
}

/** An error that says which server was at fault, with what its log has to say. */
export function blame(target: Target, what: string, cause: unknown): Error {
  const parts = [`${target.name}, ${target.scheme}: ${what}`, target.errors()];
  return new Error(parts.filter((part) => part !== '').join('\n'), { cause });
}

/** A certificate that is its own authority, as files and as text. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** PEM. */
  readonly cert: string;
}

/** Where and how a server is to be started. */
export interface StartContext {
  /** An empty folder of its own. */
  readonly folder: string;
  /** Serve HTTPS with this. */
  readonly certificate?: Certificate | undefined;
}
