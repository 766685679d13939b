import { describe, expect, it } from 'vitest';
import { dedupPolicy } from '../../../src/registry/config/dedup-policy.ts';
import { loadText } from './support.ts';

/** The policy of a text. */
async function policyOf(text: string) {
  return dedupPolicy((await loadText(text)).config.dedup);
}

describe('decisions 3: which repositories have their layers taken apart', () => {
  it('all, by default, with the ages and sizes that are decided', async () => {
    const policy = await policyOf('');
    expect(policy).toMatchObject({
      minSize: 65_536,
      minAge: 3_600_000,
      intactBudget: 10 * 2 ** 30,
      everywhere: true,
    });
    expect(policy.allows('any/name')).toBe(true);
  });

  it('none when it is off', async () => {
    const policy = await policyOf('dedup: {policy: off}');
    expect([policy.everywhere, policy.allows('a')]).toEqual([false, false]);
  });

  it('those of the first pattern that fits', async () => {
    const rules = [
      '{pattern: team/x/**, policy: dedup}',
      '{pattern: team/**, policy: off}',
      '{pattern: "*", policy: off}',
    ];
    const policy = await policyOf(`dedup: {repositories: [${rules.join(', ')}]}`);
    expect(policy.everywhere).toBeUndefined();
    const names = ['team/x/a', 'team/y', 'one', 'other/two'];
    expect(names.map((name) => policy.allows(name))).toEqual([true, false, false, true]);
  });

  it('the same everywhere when no pattern differs', async () => {
    const rule = '{pattern: a, policy: off}';
    const policy = await policyOf(`dedup: {policy: off, repositories: [${rule}]}`);
    expect(policy.everywhere).toBe(false);
  });
});
