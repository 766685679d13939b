/** docker, by its classic builder or by BuildKit: layers by compress/gzip of Go, at its level 6. */
import { startDocker } from '../../../test/e2e/docker-daemon.ts';
import { type Builder, programPath, runStep } from '../context.ts';
import { writeContainerfile } from './containerfile.ts';

/** Builders of one daemon. */
export interface DockerBuilders extends AsyncDisposable {
  readonly classic: Builder;
  readonly buildkit: Builder;
}

/** Starts the daemon. @throws Error when it does not start, as for who is not root */
export async function openDocker(): Promise<DockerBuilders> {
  const daemon = await startDocker(await programPath('/usr/sbin/dockerd', 'docker.io'));
  const client = await programPath('/usr/bin/docker', 'docker.io');
  const builder =
    (buildkit: boolean): Builder =>
    async ({ registry }, build) => {
      const env = { ...daemon.env, DOCKER_BUILDKIT: buildkit ? '1' : '0' };
      const file = await writeContainerfile(registry, build);
      const target = `${registry}/${build.name}`;
      const args = ['build', '-q', '--network', 'host', '-t', target, '-f', file, build.folder];
      await runStep(client, args, { env });
      await runStep(client, ['push', '-q', target], { env });
    };
  return {
    classic: builder(false),
    buildkit: builder(true),
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}
