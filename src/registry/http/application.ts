/** What the handlers work with: one object for the whole server. */
import type { LayerStore } from '../../dedup/layer-store.ts';
import type { Store } from '../../storage/store.ts';
import type { AdminHandler } from '../admin/handler.ts';
import type { Authenticator } from '../auth/types.ts';
import type { Config } from '../config/config.ts';
import type { AuditLog } from '../observe/audit.ts';
import type { Logger } from '../observe/logger.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { RequestIds } from '../observe/request-id.ts';
import type { RequestLog } from '../observe/request-log.ts';
import type { Telemetry } from '../observe/telemetry.ts';
import type { ClientAddresses } from './client-address.ts';

/** The parts of a running registry. */
export interface Application {
  readonly config: Config;
  readonly store: Store;
  readonly layers: LayerStore;
  readonly authenticator: Authenticator;
  readonly admin: AdminHandler;
  readonly metrics: Metrics;
  readonly telemetry: Telemetry;
  readonly requestLog: RequestLog;
  readonly audit: AuditLog;
  readonly requestIds: RequestIds;
  readonly clients: ClientAddresses;
  readonly logger: Logger;
  /** False once the server has begun to stop. */
  readonly ready: () => boolean;
}
