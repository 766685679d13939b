/** Serves an admin handler on a free port of the loopback interface. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OciError } from '../../../src/oci/errors.ts';
import { type AdminOutcome, createAdminHandler } from '../../../src/registry/admin/handler.ts';
import type { Operations } from '../../../src/registry/admin/operations.ts';
import { mayPull } from '../../../src/registry/admin/visibility.ts';
import { OPEN_ACCESS } from '../../../src/registry/auth/access.ts';
import type { Access } from '../../../src/registry/auth/types.ts';

/** A server of `/api/v1/` alone. */
export interface AdminServer extends AsyncDisposable {
  readonly url: string;
  readonly outcomes: AdminOutcome[];
  readonly errors: unknown[];
}

/** Which caller gets which access; by default everybody everything. */
export type AccessByHeader = (authorization: string | undefined) => Access;

/** Starts a server. */
export async function serveAdmin(
  operations: Operations,
  accessOf: AccessByHeader = () => OPEN_ACCESS,
): Promise<AdminServer> {
  const outcomes: AdminOutcome[] = [];
  const errors: unknown[] = [];
  const handle = createAdminHandler({
    operations,
    version: '1.2.3',
    onError: (error) => errors.push(error),
    authorizePull(access, _, repository) {
      if (repository !== undefined && !mayPull(access, repository))
        throw new OciError('NAME_UNKNOWN');
    },
    authorize(access) {
      if (access.has('admin')) return;
      if (access.subject !== '') throw new OciError('DENIED');
      throw new OciError('UNAUTHORIZED', { headers: { 'WWW-Authenticate': 'Basic realm="x"' } });
    },
  });
  const server = createServer((req, res) => {
    const [path] = req.url!.split('?');
    handle(req, res, path!, accessOf(req.headers.authorization)).then((outcome) =>
      outcomes.push(outcome),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    outcomes,
    errors,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
