/** The serving layer over a real store, in the process of the test: faults can be put in its way. */
import { join } from 'node:path';
import { type LayerStore, openLayerStore } from '../../../src/dedup/layer-store.ts';
import { OPEN_ACCESS } from '../../../src/registry/auth/access.ts';
import type { Authenticator } from '../../../src/registry/auth/types.ts';
import { dedupPolicy } from '../../../src/registry/config/dedup-policy.ts';
import { loadConfig } from '../../../src/registry/config/load.ts';
import { storeOptions } from '../../../src/registry/config/store-options.ts';
import type { Application } from '../../../src/registry/http/application.ts';
import { createClientAddresses } from '../../../src/registry/http/client-address.ts';
import { createDispatch } from '../../../src/registry/http/dispatch.ts';
import { listen } from '../../../src/registry/http/server.ts';
import { createAuditLog } from '../../../src/registry/observe/audit.ts';
import { createLogger } from '../../../src/registry/observe/logger.ts';
import { createRequestIds } from '../../../src/registry/observe/request-id.ts';
import { createRequestLog } from '../../../src/registry/observe/request-log.ts';
import { RequestCounters } from '../../../src/registry/observe/telemetry.ts';
import { keys } from '../../../src/storage/metadata/keys.ts';
import { type ContentRecord, decode } from '../../../src/storage/metadata/records.ts';
import { openStore, type Store } from '../../../src/storage/store.ts';
import { pathOf } from '../../../src/storage/target/paths.ts';
import { RegistryClient } from '../../conformance/client.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';

/** An application that listens. */
export interface ServedApplication extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly client: RegistryClient;
  readonly store: Store;
  readonly layers: LayerStore;
  readonly counters: RequestCounters;
  readonly dataDir: string;
  /** Lines of the log so far, audit lines included. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  /** Path of the file that holds a digest. */
  fileOf(digest: string): string;
}

/** How it is made. */
export interface ServeOptions {
  /** Settings, as environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Puts something in the way of the store. */
  readonly wrap?: (store: Store) => Store;
  readonly ready?: () => boolean;
}

const OPEN: Authenticator = {
  open: true,
  authenticate: () => OPEN_ACCESS,
  challenge: () => 'Basic realm="test"',
  tokenEndpoint: null,
  close: () => Promise.resolve(),
};

/** Serves everything but `/api/v1/` and `/metrics` to everybody, on a free port. */
export async function serveApplication(options: ServeOptions = {}): Promise<ServedApplication> {
  const { env = {}, wrap = (store) => store, ready = () => true } = options;
  const directory = await makeTemporary('application');
  const environment = { STOWAGE_HTTP__LISTEN: '127.0.0.1:0', ...env };
  const { config } = await loadConfig({ environment, directory });
  const lines: Record<string, unknown>[] = [];
  const logger = createLogger(config.log, { write: (line) => lines.push(JSON.parse(line)) });
  const real = await openStore(config.data.dir, { ...storeOptions(config), logger });
  const layers = await openLayerStore(real, config.data.dir, {
    policy: dedupPolicy(config.dedup),
  });
  const counters = new RequestCounters();
  const clients = createClientAddresses(config.http.trustedProxies);
  const app: Application = {
    config,
    store: wrap(real),
    layers,
    authenticator: OPEN,
    admin: () => Promise.reject(new Error('not served')),
    metrics: { telemetry: counters, contentType: 'text/plain', render: async () => '' },
    telemetry: counters,
    requestLog: createRequestLog(logger, config.log.requests),
    audit: createAuditLog(logger),
    requestIds: createRequestIds(),
    clients,
    logger,
    ready,
  };
  const dispatch = createDispatch(app, { registry: true, admin: false });
  const { http } = config;
  const listener = await listen({
    listen: http.listen,
    config: http,
    dispatch,
    clients,
    telemetry: counters,
    logger,
  });
  const client = new RegistryClient({ origin: listener.url });
  return {
    url: listener.url,
    port: Number(new URL(listener.url).port),
    client,
    store: real,
    layers,
    counters,
    dataDir: config.data.dir,
    lines,
    fileOf(digest) {
      const record = real.context.kv.read<ContentRecord>(
        keys.content(digest),
        decode<ContentRecord>,
      );
      if (record?.file === undefined) throw new Error(`${digest} lies in no file`);
      return pathOf(join(config.data.dir, 'blobs'), record.file);
    },
    async [Symbol.asyncDispose]() {
      client.close();
      await listener.close();
      await layers.close();
      await real.close();
      await removeTemporary(directory);
    },
  };
}
