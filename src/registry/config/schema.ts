/**
 * The configuration file as people write it: every key, its default and what it means. This is the
 * one source of the checks, of the published JSON Schema, of `config init` and of the key table in
 * docs/configuration.md.
 */
import type { z } from 'zod';
import { isOpen } from '../auth/is-open.ts';
import { isLoopback, parseListenAddress } from './address.ts';
import { authSettings } from './auth-schema.ts';
import {
  baseUrl,
  duration,
  durationOrOff,
  flag,
  group,
  limit,
  list,
  listenAddress,
  network,
  oneOf,
  size,
  text,
} from './values.ts';

const tlsSettings = group({
  cert: text('the path of a PEM file').optional().describe('Certificate chain, PEM file.'),
  key: text('the path of a PEM file').optional().describe('Private key, PEM file.'),
}).superRefine(({ cert, key }, context) => {
  if ((cert === undefined) === (key === undefined)) return;
  const [given, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
  context.addIssue({
    code: 'custom',
    path: [missing],
    message: `missing: http.tls.${given} is set, and a certificate and its key go together`,
  });
});

const timeoutSettings = group({
  headers: duration({ min: '100ms', max: '1d' })
    .default('20s')
    .describe('Longest time until the headers of a request have arrived.'),
  body: duration({ min: '100ms', max: '1d' })
    .default('60s')
    .describe('Longest pause within the body of a request or an answer.'),
  idle: duration({ min: '100ms', max: '1d' })
    .default('2m')
    .describe('Time that a connection may stay open without a request.'),
});

const httpSettings = group({
  listen: listenAddress()
    .default('127.0.0.1:5000')
    .describe('Address and port to listen on: HOST:PORT, or :PORT for every interface.'),
  tls: tlsSettings.optional().describe('Serve HTTPS. Both files are read again when they change.'),
  external_url: baseUrl()
    .optional()
    .describe('Public URL of the registry, needed behind proxies that change the Host header.'),
  trusted_proxies: list(network())
    .default([])
    .describe('Addresses or networks of reverse proxies whose X-Forwarded-* headers are believed.'),
  open_access: flag()
    .default(false)
    .describe('Allow a server without any auth to listen beyond this machine.'),
  max_connections: limit().default(4096).describe('Connections at a time.'),
  max_connections_per_client: limit()
    .default(512)
    .describe('Connections at a time from one address; trusted proxies are not limited.'),
  timeouts: timeoutSettings.prefault({}).describe('How long the server waits for a client.'),
});

const dataSettings = group({
  dir: text('the path of a folder')
    .default('./data')
    .describe('Folder that holds everything. One server at a time owns it.'),
  reserve: size(['auto'])
    .default('auto')
    .describe(
      'Free space below which pushes are refused; auto is the smaller of 1GiB and 5 % of the disk.',
    ),
});

const manifestSettings = group({
  max_size: size([], 1024).default('4MiB').describe('Largest manifest taken.'),
  allow_sparse: flag()
    .default(false)
    .describe('Take manifests whose blobs or child manifests are not in the repository.'),
});

const uploadSettings = group({
  expire: duration({ min: '1s' })
    .default('24h')
    .describe('An unfinished upload is removed this long after its last byte.'),
  max_size: size(['off'], 1).default('off').describe('Largest blob taken.'),
  max_sessions: limit().default(10_000).describe('Unfinished uploads at a time.'),
});

const deleteSettings = group({
  enabled: flag().default(true).describe('Allow clients to delete tags, manifests and blobs.'),
  undo: durationOrOff()
    .default('24h')
    .describe('How long deleted tags and manifests can be restored.'),
  protect_referenced: flag()
    .default(false)
    .describe('Refuse to delete blobs that a manifest of the repository refers to.'),
});

const collectorSettings = group({
  interval: durationOrOff({ min: '100ms', max: '7d' })
    .default('15m')
    .describe('Pause between two rounds of the collector; off leaves them to stowage gc --now.'),
  lease: duration({ min: '0s' })
    .default('24h')
    .describe(
      'An unreferenced blob is kept this long after its last upload, mount, HEAD or GET; so is an untagged manifest.',
    ),
  untagged_after: durationOrOff({ min: '1s' })
    .default('off')
    .describe('Remove manifests without tag, parent and subject this long after their push.'),
});

const scrubSettings = group({
  period: durationOrOff({ min: '1m' })
    .default('14d')
    .describe('Time within which every stored byte is read and compared with its digest.'),
});

const dedupPolicy = () => oneOf(['dedup', 'off']);

const dedupRepositorySettings = group({
  pattern: text('a pattern of repository names').describe(
    'Pattern of names: * is any text without a slash, ** any text.',
  ),
  policy: dedupPolicy().describe('Policy of the repositories that it fits.'),
});

const dedupSettings = group({
  policy: dedupPolicy()
    .default('dedup')
    .describe('dedup stores every file of layers once; off stores no further layers in that way.'),
  repositories: list(dedupRepositorySettings)
    .default([])
    .describe('Policies for patterns of repositories; the first that fits a name counts.'),
  min_size: size([]).default('64KiB').describe('Layers below this size stay as they were pushed.'),
  min_age: duration({ min: '0s' })
    .default('1h')
    .describe('A layer stays as it was pushed this long after its last push or pull.'),
  intact_budget: size([])
    .default('10GiB')
    .describe('Space for layers that stay as they were pushed; those used longest ago go first.'),
  restore_cache: size([])
    .default('64MiB')
    .describe('Memory for begins of layers that were rebuilt lately, for whoever pulls them next.'),
});

const logSettings = group({
  level: oneOf(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('Least level that is logged. The audit log is always on, except with silent.'),
  requests: oneOf(['errors', 'writes', 'all'])
    .default('errors')
    .describe('Requests that are logged: failed ones, also those that change something, or all.'),
});

const adminSettings = group({
  listen: listenAddress()
    .optional()
    .describe('Own address for /api/v1/ and /metrics, which http.listen then does not serve.'),
});

/** Refuses what would hand the registry to everybody on the network by oversight. */
function checkExposure(settings: z.output<typeof fields>, context: z.RefinementCtx): void {
  if (!isOpen(settings.auth) || settings.http.open_access) return;
  for (const name of ['http', 'admin'] as const) {
    const listen = settings[name].listen;
    // A text that is no address has been reported already.
    const address = parseListenAddress(listen ?? '');
    if (address === undefined || isLoopback(address.host)) continue;
    context.addIssue({
      code: 'custom',
      path: [name, 'listen'],
      message: `${listen} can be reached from other machines, and no auth is configured`,
      params: {
        hint: 'set auth.htpasswd, or http.open_access: true if everybody may do everything',
      },
    });
  }
}

/** Refuses to serve both servers on one address. */
function checkAddresses(settings: z.output<typeof fields>, context: z.RefinementCtx): void {
  const admin = parseListenAddress(settings.admin.listen ?? '');
  const http = parseListenAddress(settings.http.listen);
  if (admin === undefined || admin.port === 0) return;
  if (admin.port !== http?.port || admin.host !== http.host) return;
  context.addIssue({
    code: 'custom',
    path: ['admin', 'listen'],
    message: 'is the address of http.listen',
    params: { hint: 'leave admin.listen out to serve both on one port' },
  });
}

const fields = group({
  http: httpSettings.prefault({}).describe('The HTTP server.'),
  data: dataSettings.prefault({}).describe('Where data lies.'),
  auth: authSettings.prefault({}).describe('Who may do what. Without any of it, everybody may.'),
  manifests: manifestSettings.prefault({}).describe('Limits of manifests.'),
  uploads: uploadSettings.prefault({}).describe('Limits of uploads.'),
  deletes: deleteSettings.prefault({}).describe('Deleting over the API.'),
  gc: collectorSettings.prefault({}).describe('The collector, which frees what nothing needs.'),
  scrub: scrubSettings.prefault({}).describe('The check of stored bytes.'),
  dedup: dedupSettings.prefault({}).describe('Storing every file of layers once.'),
  verify_reads: oneOf(['off', 'always'])
    .default('off')
    .describe('always compares every blob with its digest whenever it is read.'),
  log: logSettings.prefault({}).describe('The log, JSON lines on standard output.'),
  admin: adminSettings.prefault({}).describe('The interface for operators.'),
});

/** The whole file. Input: what people write. Output: the same with every default filled in. */
export const settingsSchema = fields.superRefine(checkExposure).superRefine(checkAddresses);

/** A valid configuration in the words and units of the file, every default filled in. */
export type Settings = z.output<typeof settingsSchema>;
