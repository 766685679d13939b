/** The floor server as a target. */
import { join } from 'node:path';
import { launch } from './launch.ts';
import type { StartContext, Target } from './types.ts';

/** Starts the floor in a process of its own, on the Node that runs this one. */
export async function startFloor({ folder, certificate }: StartContext): Promise<Target> {
  const program = join(import.meta.dirname, '../floor.ts');
  const tls = certificate === undefined ? [] : [certificate.certFile, certificate.keyFile];
  const server = launch(process.execPath, [program, folder, ...tls]);
  return {
    name: 'floor',
    description: `bare node:http server, Node ${process.version}`,
    scheme: certificate === undefined ? 'http' : 'https',
    endpoint: { url: await server.firstLine(), ca: certificate?.cert },
    pid: server.pid,
    dataDir: folder,
    authorization: async () => undefined,
    errors: () => '',
    stop: server.stop,
  };
}
