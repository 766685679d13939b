/** The part of a configuration that says which layers are taken apart. */
import type { DedupPolicy } from '../../dedup/policy.ts';
import { compileGlob } from '../../lib/glob.ts';
import type { DedupConfig } from './config.ts';

/** The policy that a configuration stands for. */
export function dedupPolicy(config: DedupConfig): DedupPolicy {
  const { policy, repositories, minSize, minAge, intactBudget } = config;
  const rules = repositories.map((rule) => ({
    fits: compileGlob(rule.pattern),
    isOn: rule.policy === 'dedup',
  }));
  const byDefault = policy === 'dedup';
  const isUniform = rules.every(({ isOn }) => isOn === byDefault);
  return {
    minSize,
    minAge,
    intactBudget,
    allows: (repository) => rules.find(({ fits }) => fits(repository))?.isOn ?? byDefault,
    everywhere: isUniform ? byDefault : undefined,
  };
}
