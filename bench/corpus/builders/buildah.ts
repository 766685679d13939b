/** buildah: layers by pgzip, in blocks of 1 MiB. */
import { type Build, type BuildContext, programPath, runStep } from '../context.ts';
import { writeContainerfile } from './containerfile.ts';

/** Builds by a Containerfile; commands run in a chroot, with the network of the host. */
export async function buildWithBuildah(context: BuildContext, build: Build): Promise<void> {
  const { home, registry } = context;
  const buildah = await programPath('buildah', 'buildah');
  const file = await writeContainerfile(registry, build);
  const call = async (...args: string[]): Promise<void> => {
    await runStep(buildah, [...home.storeArgs, ...args], { env: home.env });
  };
  const policy = ['--signature-policy', home.policy];
  const target = `${registry}/${build.name}`;
  await call(
    ...['build', '-q', '--layers', '--isolation', 'chroot', '--network', 'host'],
    ...['--tls-verify=false', ...policy, '-t', target, '-f', file, build.folder],
  );
  await call('push', '-q', '--tls-verify=false', ...policy, target);
}
