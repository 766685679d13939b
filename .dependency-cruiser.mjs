/**
 * The floors of the house (docs/architecture.md): imports run downwards only. A room may import
 * from the floors below it, from itself, and from no other room of its own floor.
 */
const FLOORS = [
  ['oci', 'lib'],
  ['codec'],
  ['storage', 'flash'],
  ['dedup'],
  ['cache'],
  ['registry', 'analysis', 'replay', 'drivers'],
  ['cli'],
];

const ROOMS = `^src/(${FLOORS.flat().join('|')})/`;

/** Core modules with which code reaches outside of its own memory. */
const OUTSIDE =
  '^(node:)?(fs|net|http|https|http2|tls|dgram|dns|child_process|cluster|worker_threads|sqlite|process|os)(/|$)';

const rules = FLOORS.flatMap((rooms, floor) =>
  rooms.flatMap((room) => {
    const above = FLOORS.slice(floor + 1).flat();
    const beside = rooms.filter((other) => other !== room);
    const rule = (name, targets, comment) => ({
      name,
      comment,
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: `^src/(${targets.join('|')})/` },
    });
    return [
      ...(above.length > 0
        ? [rule(`no-upward-import-from-${room}`, above, 'Imports run downwards only.')]
        : []),
      ...(beside.length > 0
        ? [rule(`no-sideways-import-from-${room}`, beside, 'Rooms of one floor stand alone.')]
        : []),
    ];
  }),
);

export default {
  forbidden: [
    ...rules,
    {
      name: 'known-rooms-only',
      comment: 'A new room needs a floor.',
      severity: 'error',
      from: { path: '^src/', pathNot: ROOMS },
      to: {},
    },
    {
      name: 'imports-of-known-rooms-only',
      comment: 'A new room needs a floor.',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: ROOMS },
    },
    {
      name: 'pure-rooms-do-no-io',
      comment: 'oci/ and codec/ are pure and could be published alone.',
      severity: 'error',
      from: { path: '^src/(oci|codec)/' },
      to: { path: OUTSIDE },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'product-imports-product-only',
      comment: 'What is published may not need tests, scripts or development packages.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts)/' },
    },
    {
      name: 'no-development-packages',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg'] },
    },
    {
      name: 'no-unresolved-import',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Types count: a floor that knows the types of the one above knows too much.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
