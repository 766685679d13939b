/** Starts Docker's daemon without networks of its own, and tells clients where it is. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Daemon, startDaemon } from './daemon.ts';

/** A running daemon of Docker. */
export interface DockerDaemon extends Daemon {
  /** Environment of its clients. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Starts one; root only.
 * @param program - path of dockerd
 */
export async function startDocker(program: string): Promise<DockerDaemon> {
  const daemon = await startDaemon({
    program,
    ready: /API listen on/,
    prepare: async (folder) => {
      await mkdir(join(folder, 'client'));
      // In place of the system's file.
      await writeFile(join(folder, 'daemon.json'), '{}');
      return [
        ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec')],
        ...['-p', join(folder, 'pid'), '-H', `unix://${join(folder, 'socket')}`],
        ...['--config-file', join(folder, 'daemon.json')],
        ...['--iptables=false', '--ip6tables=false', '--ip-forward=false', '--bridge=none'],
      ];
    },
  });
  const env = {
    DOCKER_HOST: `unix://${join(daemon.folder, 'socket')}`,
    DOCKER_CONFIG: join(daemon.folder, 'client'),
  };
  return { ...daemon, env };
}
