/** The `auth` group of the configuration file. What it means is said in ../auth/config-types.ts. */
import { z } from 'zod';
import { duration, flag, group, list, oneOf, text } from './values.ts';

const userName = () => text('a user name, or * for every user that has logged in');

const issuerSettings = group({
  issuer: text('the value of the iss claim').describe('Exact value of the iss claim.'),
  audience: text('the value of the aud claim')
    .optional()
    .describe('A value that aud has to hold; the service of the token settings by default.'),
  jwks: text('a URL or the path of a file')
    .optional()
    .describe('JSON Web Key Set: an http: or https: URL, or a file.'),
  certificates: text('the path of a PEM file')
    .optional()
    .describe('PEM file of certificates whose keys sign tokens.'),
}).superRefine(({ jwks, certificates }, context) => {
  if (jwks !== undefined || certificates !== undefined) return;
  context.addIssue({ code: 'custom', message: 'an issuer needs jwks or certificates' });
});

const tokenSettings = group({
  enabled: flag().default(true).describe('Run the built-in token service at /token.'),
  issuer: text('a name').default('stowage').describe('The iss claim of own tokens.'),
  service: text('a name')
    .default('stowage')
    .describe('The aud claim of own tokens and the service of challenges.'),
  access_ttl: duration({ min: '1s', max: '1d' })
    .default('5m')
    .describe('Lifetime of an access token.'),
  refresh_ttl: duration({ min: '1m' })
    .default('30d')
    .describe('Lifetime of a refresh token; each use answers with a new one.'),
  realm: z
    .url({
      protocol: /^https?$/,
      error: 'expected the URL of a token server, such as https://auth.example.com/token',
    })
    .optional()
    .describe('URL of an outside token server, named in challenges.'),
  trusted: list(issuerSettings).optional().describe('Outside issuers whose tokens are taken.'),
}).superRefine(({ enabled, realm, trusted }, context) => {
  if (enabled && realm !== undefined) {
    context.addIssue({
      code: 'custom',
      path: ['realm'],
      message: 'names an outside token server, but the built-in one is on',
      params: { hint: 'set auth.token.enabled: false' },
    });
  }
  if (!enabled && (trusted === undefined || trusted.length === 0)) {
    context.addIssue({
      code: 'custom',
      path: ['trusted'],
      message:
        'missing: with the built-in token service off, tokens come from outside issuers only',
    });
  }
});

const policySettings = group({
  repositories: list(text('a pattern of repository names'), 1).describe(
    'Patterns of names: * is any text without a slash, ** any text.',
  ),
  users: list(userName()).optional().describe('User names; * is every user that has logged in.'),
  anonymous: flag().optional().describe('true grants to everybody, also without a log-in.'),
  actions: list(oneOf(['pull', 'push', 'delete', '*']), 1).describe(
    'What is granted; * is all three.',
  ),
}).superRefine(({ users, anonymous }, context) => {
  if (anonymous === true || (users !== undefined && users.length > 0)) return;
  context.addIssue({
    code: 'custom',
    message: 'the policy grants nobody anything: it needs users, or anonymous: true',
  });
});

const rightSettings = group({
  admin: list(userName())
    .optional()
    .describe('Users that may administrate (/api/v1/); they hold the other rights too.'),
  metrics: list(userName()).optional().describe('Users that may read /metrics.'),
  catalog: list(userName())
    .optional()
    .describe('Users that may list repositories. Default: every user that has logged in.'),
  anonymous: list(oneOf(['metrics', 'catalog']))
    .optional()
    .describe('Rights that need no log-in.'),
});

/** The `auth` group. */
export const authSettings = group({
  htpasswd: text('the path of a file')
    .optional()
    .describe('htpasswd file with bcrypt hashes (stowage passwd); read again when it changes.'),
  token: tokenSettings.optional().describe('Bearer tokens.'),
  policies: list(policySettings)
    .optional()
    .describe('Who may do what to which repositories. Default: whoever has logged in, everything.'),
  rights: rightSettings.optional().describe('Who holds the rights that belong to no repository.'),
});
