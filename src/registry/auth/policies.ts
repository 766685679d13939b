/**
 * Turns the policy list of the configuration into rules per subject. Patterns are compiled once and
 * each answer is remembered, so that a request costs a map lookup however long the list is.
 */
import { LRUCache } from 'lru-cache';
import { compileGlob, type Glob } from '../../lib/glob.ts';
import { type ActionMask, ALL_ACTIONS, maskOf, NO_ACTIONS } from './actions.ts';
import type { AuthConfig, PolicyConfig, RightsConfig } from './config-types.ts';
import type { Right } from './types.ts';

/** Subjects whose rules are kept, and answers kept for each: together at most 65,536 answers. */
const MAX_SUBJECTS = 256;
const MAX_ANSWERS = 256;

/** What one subject may do, whatever its token says. */
export interface SubjectRules {
  /** The actions granted on a repository. */
  allowed(repository: string): ActionMask;
  has(right: Right): boolean;
}

/** The compiled policies of one configuration. */
export interface Policies {
  readonly anonymous: SubjectRules;
  /** The rules of a user that has logged in. */
  forUser(name: string): SubjectRules;
}

interface CompiledPolicy {
  readonly globs: readonly Glob[];
  readonly actions: ActionMask;
  readonly anonymous: boolean;
  readonly everyUser: boolean;
  readonly users: ReadonlySet<string>;
}

function compilePolicy(policy: PolicyConfig): CompiledPolicy {
  return {
    globs: policy.repositories.map(compileGlob),
    actions: maskOf(policy.actions),
    anonymous: policy.anonymous === true,
    everyUser: policy.users?.includes('*') === true,
    users: new Set(policy.users),
  };
}

/** Without policies whoever has logged in may do everything, as with other registries' htpasswd. */
const DEFAULT_POLICIES: readonly PolicyConfig[] = [
  { repositories: ['**'], users: ['*'], actions: ['*'] },
];

function rulesOf(policies: readonly CompiledPolicy[], rights: ReadonlySet<Right>): SubjectRules {
  const answers = new LRUCache<string, ActionMask>({ max: MAX_ANSWERS });
  return {
    allowed(repository) {
      const known = answers.get(repository);
      if (known !== undefined) return known;
      let mask = NO_ACTIONS;
      for (const { globs, actions } of policies) {
        if ((mask & actions) !== actions && globs.some((glob) => glob(repository))) mask |= actions;
      }
      answers.set(repository, mask);
      return mask;
    },
    has: (right) => rights.has(right),
  };
}

function listed(users: readonly string[] | undefined, name: string): boolean {
  return users !== undefined && (users.includes('*') || users.includes(name));
}

function rightsOf(config: RightsConfig, name: string): Set<Right> {
  const rights = new Set<Right>(config.anonymous);
  const isAdmin = listed(config.admin, name);
  if (isAdmin) rights.add('admin');
  if (isAdmin || listed(config.metrics, name)) rights.add('metrics');
  if (isAdmin || listed(config.catalog ?? ['*'], name)) rights.add('catalog');
  return rights;
}

/** Compiles the policies and rights of a configuration. */
export function compilePolicies(config: Pick<AuthConfig, 'policies' | 'rights'>): Policies {
  const given = config.policies ?? [];
  const compiled = (given.length > 0 ? given : DEFAULT_POLICIES).map(compilePolicy);
  const rights = config.rights ?? {};
  const subjects = new LRUCache<string, SubjectRules>({ max: MAX_SUBJECTS });
  const forEverybody = compiled.filter((policy) => policy.anonymous);
  return {
    anonymous: rulesOf(forEverybody, new Set(rights.anonymous)),
    forUser(name) {
      const known = subjects.get(name);
      if (known !== undefined) return known;
      const applying = compiled.filter((p) => p.anonymous || p.everyUser || p.users.has(name));
      const rules = rulesOf(applying, rightsOf(rights, name));
      subjects.set(name, rules);
      return rules;
    },
  };
}

/** Rules that allow everything: no authentication, or the token of the address file. */
export const UNLIMITED: SubjectRules = { allowed: () => ALL_ACTIONS, has: () => true };
