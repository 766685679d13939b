/** Puts a registry together and runs it. */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { OciError } from '../oci/errors.ts';
import { openStore, type Store } from '../storage/store.ts';
import { removeAddressFile, writeAddressFile } from './admin/address-file.ts';
import { createAdminHandler } from './admin/handler.ts';
import { createLocalOperations } from './admin/local-operations.ts';
import { VERSION } from './admin/version.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import type { Config } from './config/config.ts';
import { storeOptions } from './config/store-options.ts';
import { faultPointOf } from './fault-point.ts';
import type { Application } from './http/application.ts';
import { createClientAddresses } from './http/client-address.ts';
import { createDispatch } from './http/dispatch.ts';
import { type Listener, listen } from './http/server.ts';
import { createAuditLog } from './observe/audit.ts';
import { createLogger, type Logger } from './observe/logger.ts';
import { createMetrics } from './observe/metrics.ts';
import { createRequestIds } from './observe/request-id.ts';
import { createRequestLog } from './observe/request-log.ts';

/** A registry that runs. */
export interface Registry {
  /** Where clients reach it. */
  readonly url: string;
  /** Takes access rules from a new configuration; everything else needs a restart. */
  reload(config: Config): Promise<void>;
  /** Lets transfers finish, then closes the store. */
  close(): Promise<void>;
}

async function startListeners(
  app: Application,
  config: Config,
  logger: Logger,
): Promise<readonly Listener[]> {
  const { http, admin } = config;
  const apart = admin.listen !== undefined;
  const main = createDispatch(app, { registry: true, admin: !apart });
  const listeners = [await listen({ listen: http.listen, config: http, dispatch: main, logger })];
  if (admin.listen !== undefined) {
    const dispatch = createDispatch(app, { registry: false, admin: true });
    listeners.push(await listen({ listen: admin.listen, config: http, dispatch, logger }));
  }
  return listeners;
}

/**
 * Starts a registry; resolves when it listens.
 * @throws when the data directory, the address, or a file of the configuration cannot be used
 */
export async function serve(config: Config): Promise<Registry> {
  const logger = createLogger(config.log);
  await mkdir(config.data.dir, { recursive: true, mode: 0o700 });
  const faultPoint = faultPointOf(process.env);
  const store: Store = await openStore(config.data.dir, {
    ...storeOptions(config),
    logger,
    ...(faultPoint && { faultPoint }),
  });
  let stopping = false;
  const closers: (() => Promise<void>)[] = [() => store.close()];
  try {
    const localToken = randomBytes(32).toString('base64url');
    const authenticator = await createAuthenticator({
      config: config.auth,
      dataDir: config.data.dir,
      localToken,
      logger,
    });
    closers.unshift(() => authenticator.close());
    const clients = createClientAddresses(config.http.trustedProxies);
    const operations = createLocalOperations(store);
    const metrics = createMetrics({ version: VERSION, store: () => operations.status() });
    const app: Application = {
      config,
      store,
      authenticator,
      admin: createAdminHandler({
        operations,
        version: VERSION,
        authorize(access, req) {
          if (access.has('admin')) return;
          if (access.subject !== '') throw new OciError('DENIED', { detail: { right: 'admin' } });
          const origin = clients.originOf(req);
          const challenge = authenticator.challenge([{ right: 'admin' }], origin);
          throw new OciError('UNAUTHORIZED', { headers: { 'WWW-Authenticate': challenge } });
        },
        onError: (error, req) => logger.error({ err: error, url: req.url }, 'request failed'),
      }),
      metrics,
      telemetry: metrics.telemetry,
      requestLog: createRequestLog(logger, config.log.requests),
      audit: createAuditLog(logger),
      requestIds: createRequestIds(),
      clients,
      logger,
      ready: () => !stopping,
    };
    const listeners = await startListeners(app, config, logger);
    const url = listeners[0]!.url;
    closers.unshift(async () => {
      await Promise.all(listeners.map((listener) => listener.close()));
    });
    await writeAddressFile(config.data.dir, {
      url: listeners.at(-1)!.url,
      token: localToken,
      pid: process.pid,
    });
    closers.unshift(() => removeAddressFile(config.data.dir));
    logger.info({ url, pid: process.pid, version: VERSION }, 'listening');
    return {
      url,
      reload: (next) => authenticator.reload(next.auth),
      async close() {
        stopping = true;
        logger.info({}, 'stopping');
        for (const close of closers) await close();
        logger.info({}, 'stopped');
      },
    };
  } catch (error) {
    for (const close of closers) await close();
    throw error;
  }
}
