/** Puts a registry together and runs it. */
import { randomBytes } from 'node:crypto';
import { type LayerStore, openLayerStore } from '../dedup/layer-store.ts';
import { openStore, type Store } from '../storage/store.ts';
import { removeAddressFile, writeAddressFile } from './admin/address-file.ts';
import { createAdminHandler } from './admin/handler.ts';
import { createLocalOperations } from './admin/local-operations.ts';
import { VERSION } from './admin/version.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import type { Config } from './config/config.ts';
import { dedupPolicy } from './config/dedup-policy.ts';
import { storeOptions } from './config/store-options.ts';
import { faultPointOf } from './fault-point.ts';
import type { Application } from './http/application.ts';
import { createClientAddresses } from './http/client-address.ts';
import { createDispatch } from './http/dispatch.ts';
import { requireFiles, requireRight } from './http/permission.ts';
import { type Listener, listen } from './http/server.ts';
import { parseTarget } from './http/target.ts';
import { createAuditLog } from './observe/audit.ts';
import { watchLoad } from './observe/load-watch.ts';
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

/** Starts to listen on one address, or on two; when the second fails, the first is let go again. */
async function startListeners(app: Application): Promise<readonly Listener[]> {
  const { clients, telemetry, logger } = app;
  const { http: config, admin } = app.config;
  const apart = admin.listen !== undefined;
  const main = createDispatch(app, { registry: true, admin: !apart });
  const common = { config, clients, telemetry, logger };
  const first = await listen({ ...common, listen: config.listen, dispatch: main });
  if (admin.listen === undefined) return [first];
  const dispatch = createDispatch(app, { registry: false, admin: true });
  try {
    return [first, await listen({ ...common, listen: admin.listen, dispatch })];
  } catch (error) {
    await first.close();
    throw error;
  }
}

/**
 * Closes one after the other. One that fails does not keep the rest open.
 * @throws the first failure, after all have been tried
 */
async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers) await close().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/**
 * Tells the commands on this machine where the server is. On a full disk they have to be told by
 * `--server`: the server must run all the same, because a full disk is recovered from by deleting.
 */
async function announce(
  config: Config,
  { url, token, logger }: { readonly url: string; readonly token: string; readonly logger: Logger },
): Promise<void> {
  const { dir } = config.data;
  try {
    // One that was left by a crash names another server, and takes room.
    await removeAddressFile(dir);
    await writeAddressFile(dir, { url, token, pid: process.pid });
  } catch (error) {
    logger.error({ err: error }, 'address file not written');
  }
}

/**
 * Starts a registry; resolves when it listens.
 * @throws when the data directory, the address, or a file of the configuration cannot be used
 */
export async function serve(config: Config): Promise<Registry> {
  const logger = createLogger(config.log);
  const faultPoint = faultPointOf(process.env);
  const store: Store = await openStore(config.data.dir, {
    ...storeOptions(config),
    logger,
    ...(faultPoint && { faultPoint }),
  });
  let stopping = false;
  const closers: (() => Promise<void>)[] = [() => store.close()];
  try {
    const layers: LayerStore = await openLayerStore(store, config.data.dir, {
      policy: dedupPolicy(config.dedup),
      isBusy: watchLoad(),
      memory: { cache: config.dedup.restoreCache },
      ...(faultPoint && { faultPoint }),
    });
    closers.unshift(() => layers.close());
    const localToken = randomBytes(32).toString('base64url');
    const authenticator = await createAuthenticator({
      config: config.auth,
      dataDir: config.data.dir,
      localToken,
      logger,
    });
    closers.unshift(() => authenticator.close());
    const clients = createClientAddresses(config.http.trustedProxies);
    const operations = createLocalOperations(store, layers);
    const metrics = createMetrics({
      version: VERSION,
      store: () => operations.status(),
    });
    const app: Application = {
      config,
      store,
      layers,
      authenticator,
      admin: createAdminHandler({
        operations,
        version: VERSION,
        authorize: (access, req) => requireRight({ app, req, access }, 'admin'),
        authorizePull: (access, req, repository) => requireFiles({ app, req, access }, repository),
        onError: (error, req) => {
          const { path } = parseTarget(req.url ?? '');
          logger.error({ err: error, path }, 'request failed');
        },
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
    const listeners = await startListeners(app);
    const url = listeners[0]!.url;
    closers.unshift(async () => {
      await Promise.all(listeners.map((listener) => listener.close()));
    });
    closers.unshift(() => removeAddressFile(config.data.dir));
    await announce(config, { url: listeners.at(-1)!.url, token: localToken, logger });
    logger.info({ url, pid: process.pid, version: VERSION }, 'listening');
    return {
      url,
      reload: (next) => authenticator.reload(next.auth),
      async close() {
        stopping = true;
        logger.info({}, 'stopping');
        await closeAll(closers);
        logger.info({}, 'stopped');
      },
    };
  } catch (error) {
    await closeAll(closers).catch((failure: unknown) => {
      logger.error({ err: failure }, 'not closed');
    });
    throw error;
  }
}
