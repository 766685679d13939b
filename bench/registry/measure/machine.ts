/** What a reader must know of the machine to judge the milliseconds of a table. */
import { cpus, loadavg, release, totalmem } from 'node:os';

/** The machine and the runtime of a run. */
export interface Machine {
  readonly cores: number;
  readonly model: string;
  readonly kernel: string;
  readonly node: string;
  readonly memoryGiB: number;
  /** One-minute load average when the run began. */
  readonly load: number;
}

/** Describes the machine this process runs on. */
export function describeMachine(): Machine {
  return {
    cores: cpus().length,
    model: cpus()[0]?.model.trim() ?? 'unknown',
    kernel: release(),
    node: process.version,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    load: Number(loadavg()[0]?.toFixed(2)),
  };
}
