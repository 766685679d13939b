/** What the benchmark and its load process say to each other, as messages between processes. */
import type { PullRow, PushRow } from '../rows.ts';
import type { Content } from './client.ts';
import type { Endpoint } from './connection.ts';

/** Whom to load. */
export interface OpenCommand {
  readonly command: 'open';
  readonly endpoint: Endpoint;
  readonly authorization?: string | undefined;
  readonly connections: number;
}

/** When a run ends: requests that have begun by then are still finished. */
export type Until = { readonly milliseconds: number } | { readonly count: number };

/** A reading row with the content that this server holds for it. */
export interface PullWork extends Pick<PullRow, 'kind' | 'method'> {
  readonly content: Content;
}

/** What a load process can repeat. */
export type Work = PullWork | PushRow;

/** Repeats one row on all open connections. */
export interface RunCommand {
  readonly command: 'run';
  readonly work: Work;
  readonly until: Until;
  /**
   * Milliseconds from the start of one repetition to that of the next, on each connection; a
   * repetition that could not start in time counts its wait as latency. Default: no pause.
   */
  readonly everyMs?: number | undefined;
}

/** Pushes images whose blobs travel side by side over all open connections. */
export interface SideBySideCommand {
  readonly command: 'side-by-side';
  readonly images: number;
}

/** Reads back, with their digests, a random sample of what was pushed. */
export interface VerifyCommand {
  readonly command: 'verify';
  /** Only what was pushed at most so many milliseconds ago; later it may be collected. */
  readonly withinMs?: number;
}

/** Closes the connections. */
export interface CloseCommand {
  readonly command: 'close';
}

/** All that a load process can be told. */
export type Command = OpenCommand | RunCommand | SideBySideCommand | VerifyCommand | CloseCommand;

/** Distribution of the time of one repetition, in milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What came out of a run. */
export interface RunResult {
  /** Requests of a reading row, blobs or images of a writing one. */
  readonly count: number;
  /** Bytes of bodies, in either direction. */
  readonly bytes: number;
  readonly milliseconds: number;
  /** CPU milliseconds of the load process itself. */
  readonly loadCpu: number;
  /** Milliseconds that a repetition took. */
  readonly latency: Latency;
}

/** An answer of the load process. Commands are answered in order. */
export type Reply =
  | { readonly ok: true; readonly result?: RunResult }
  | { readonly ok: false; readonly error: string };

/** What one repetition pushed. */
export interface Pushed {
  /** When the push ended, milliseconds since 1970. */
  readonly at: number;
  readonly contents: readonly Content[];
}
