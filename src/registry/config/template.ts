/** The file that `stowage config init` writes: every key with its default, all commented out. */
import { stringify } from 'yaml';
import { GROUPS, KEYS } from './keys.ts';

const HEAD = `# Configuration of Stowage. Every line below is a default, or an example where there is none;
# take the # off to change it. Check with: stowage config check
# Keys can be set by environment variables as well, for example STOWAGE_HTTP__LISTEN.
`;

/** Shown for keys that have no default. */
const EXAMPLES: Readonly<Record<string, unknown>> = {
  'http.tls.cert': '/etc/stowage/tls.crt',
  'http.tls.key': '/etc/stowage/tls.key',
  'http.external_url': 'https://registry.example.com',
  'auth.htpasswd': '/etc/stowage/htpasswd',
  'auth.token.realm': 'https://auth.example.com/token',
  'auth.token.trusted': [{ issuer: 'https://auth.example.com', jwks: '/etc/stowage/jwks.json' }],
  'auth.policies': [
    { repositories: ['**'], anonymous: true, actions: ['pull'] },
    { repositories: ['team/**'], users: ['alice', 'bob'], actions: ['*'] },
  ],
  'auth.rights.admin': ['alice'],
  'auth.rights.metrics': ['prometheus'],
  'auth.rights.catalog': ['*'],
  'auth.rights.anonymous': ['metrics'],
  'admin.listen': '127.0.0.1:5001',
};

function indent(text: string, depth: number): string {
  const space = '  '.repeat(depth);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `# ${space}${line}`)
    .join('\n');
}

/** The commented file. */
export function configTemplate(): string {
  const groups = new Map(GROUPS.map(({ path, description }) => [path.join('.'), description]));
  const opened = new Set<string>();
  let text = HEAD;
  for (const { path, defaultValue, description } of KEYS) {
    for (let depth = 1; depth < path.length; depth++) {
      const group = path.slice(0, depth);
      const name = group.join('.');
      if (opened.has(name)) continue;
      opened.add(name);
      // On the first level the remark stays one when the group is taken into use.
      text += depth === 1 ? `\n# ${groups.get(name)}\n` : '';
      const remark = depth === 1 ? '' : `# ${groups.get(name)}\n`;
      text += `${indent(`${remark}${group.at(-1)}:`, depth - 1)}\n`;
    }
    if (path.length === 1) text += '\n';
    const value = defaultValue ?? EXAMPLES[path.join('.')];
    const entry = stringify({ [path.at(-1)!]: value }, { lineWidth: 0, indentSeq: true });
    text += `${indent(`# ${description}\n${entry}`, path.length - 1)}\n`;
  }
  return text;
}
