/** An authenticator with users, tokens and a clock that stands, made anew for each test. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { signAccessToken } from '../../../src/registry/auth/access-token.ts';
import {
  createAuthenticator,
  type ReloadableAuthenticator,
} from '../../../src/registry/auth/authenticator.ts';
import type { AuthConfig } from '../../../src/registry/auth/config-types.ts';
import { loadSigningKey } from '../../../src/registry/auth/signing-key.ts';
import type { Access } from '../../../src/registry/auth/types.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary.ts';
import { htpasswdText, type RecordingLogger, recordingLogger, standingClock } from './support.ts';

export const LOCAL = 'local-token-of-the-address-file';
export const CLIENT = '192.0.2.1';
export const ORIGIN = { host: 'registry.example.com', secure: true };

/** What a test finds ready. */
export interface Fixture {
  readonly folder: string;
  /** Path of an htpasswd file with the users ann (secret) and bob (geheim). */
  readonly htpasswd: string;
  readonly clock: ReturnType<typeof standingClock>;
  readonly logger: RecordingLogger;
  /** Makes an authenticator that is closed when the test has ended. */
  create(config: AuthConfig, localToken?: string): Promise<ReloadableAuthenticator>;
  /** A configuration with users, own tokens and policies, some of it replaced. */
  withTokens(config?: AuthConfig): AuthConfig;
  /** The Authorization value of a token for a user, as the service would issue it. */
  tokenFor(subject: string, lifetime?: number): Promise<string>;
}

/** Sets up and tears down around each test of the file. */
export function useFixture(): Fixture {
  let folder = '';
  let clock = standingClock();
  let logger = recordingLogger();
  const created: ReloadableAuthenticator[] = [];
  const htpasswd = (): string => join(folder, 'htpasswd');
  beforeEach(async () => {
    folder = await makeTemporary('authenticator');
    clock = standingClock();
    logger = recordingLogger();
    await writeFile(htpasswd(), await htpasswdText({ ann: 'secret', bob: 'geheim' }));
  });
  afterEach(async () => {
    await Promise.all(created.splice(0).map((authenticator) => authenticator.close()));
    await removeTemporary(folder);
  });
  return {
    get folder() {
      return folder;
    },
    get htpasswd() {
      return htpasswd();
    },
    get clock() {
      return clock;
    },
    get logger() {
      return logger;
    },
    async create(config, localToken = LOCAL) {
      const options = { config, dataDir: folder, localToken, logger, now: clock.now };
      const authenticator = await createAuthenticator(options);
      created.push(authenticator);
      return authenticator;
    },
    withTokens: (config) => ({
      htpasswd: htpasswd(),
      token: { enabled: true },
      policies: [
        { repositories: ['public/**'], anonymous: true, actions: ['pull'] },
        { repositories: ['team/**'], users: ['ann'], actions: ['pull', 'push'] },
      ],
      ...config,
    }),
    async tokenFor(subject, lifetime = 300) {
      const key = await loadSigningKey(folder, logger);
      const token = await signAccessToken(
        key,
        { issuer: 'stowage', service: 'stowage' },
        {
          subject,
          access: [{ type: 'repository', name: 'team/app', actions: ['pull', 'push', 'delete'] }],
          issuedAt: Math.floor(clock.now() / 1000),
          lifetime,
        },
      );
      return `Bearer ${token}`;
    },
  };
}

/** What the log says when a file was found changed by looking at it from time to time. */
export const reread = (path: string) => ({
  level: 'info',
  fields: { path },
  message: 'file read again after a change',
});

/** An answer that must not need a promise. */
export function atOnce(answer: Access | Promise<Access>): Access {
  expect(answer).not.toBeInstanceOf(Promise);
  return answer as Access;
}
