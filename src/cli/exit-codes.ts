/** The exit codes of the commands, which scripts may rely on. */
export const EXIT = {
  success: 0,
  /** The operation failed, or was refused. */
  failure: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** The configuration is wrong. */
  configuration: 3,
  /** No server answers, or the data directory cannot be opened. */
  unreachable: 4,
  /** There is no such repository, tag, manifest or user. */
  notFound: 5,
  /** Something stored is damaged and waits for being pushed again. */
  damaged: 6,
  /** The result is there, but not all that was asked for could be read. */
  incomplete: 7,
  /** Interrupted by Ctrl-C: 128 and the number of SIGINT, as shells have it. */
  interrupted: 130,
} as const;

/** One value of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
